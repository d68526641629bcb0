"""Which parameters restart the subscriber's session on a CPE: those that TR-098 and TR-181 name for it. Pure.

The rule of this file: the line's own login decides; where several sessions could be meant, none is touched.
"""

import re
from collections.abc import Mapping

from acs.errors import Conflict

#: the parameters that restart a session, the likeliest first.
#: Source: TR-098 §2.4.2 WANPPPConnection.Reset, WANIPConnection.Reset; TR-181 PPP.Interface.Reset, DHCPv4.Client.Renew
_RESETS = (
    re.compile(r"^(Device\.PPP\.Interface\.\d+\.)Reset$"),
    re.compile(r"^(InternetGatewayDevice\.WANDevice\.\d+\.WANConnectionDevice\.\d+\.WANPPPConnection\.\d+\.)Reset$"),
    re.compile(r"^(Device\.DHCPv4\.Client\.\d+\.)Renew$"),
    re.compile(r"^(InternetGatewayDevice\.WANDevice\.\d+\.WANConnectionDevice\.\d+\.WANIPConnection\.\d+\.)Reset$"),
)
_OFF = ("0", "false")


def session_restart(values: Mapping[str, str], login: str = "") -> dict[str, bool]:
    """Return parameter → true for the one session of the subscriber.

    Raises:
        Conflict: the tree shows none, or several of which none has the line's login.
    """
    for pattern in _RESETS:
        rows = [match.group(1) for name in values if (match := pattern.match(name))]
        rows = [row for row in rows if values.get(f"{row}Enable", "1").lower() not in _OFF]
        if not rows:
            continue
        ours = [row for row in rows if login and values.get(f"{row}Username") == login]
        chosen = ours or rows
        if len(chosen) > 1:
            raise Conflict(
                f"{len(chosen)} sessions could be restarted ({', '.join(sorted(chosen)[:4])}) and none has the login "
                "of the line; write the line's pppoe_login, or ask for what = settings"
            )
        return {next(name for name in values if pattern.match(name) and name.startswith(chosen[0])): True}
    raise Conflict(
        "the tree of the device shows no session that can be restarted; read it with a resync of what = settings, "
        "or reboot the device"
    )
