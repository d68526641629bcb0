"""How often a device informs by itself, as its tree says. Pure.

The rule of this file: a device whose periodic Informs are off, or whose interval is no number, has none.
"""

from collections.abc import Callable

from acs.cwmp.types import parse_boolean

#: where the data models keep it (TR-181 and TR-098)
_SERVERS = ("Device.ManagementServer.", "InternetGatewayDevice.ManagementServer.")
#: digits of an interval: xsd:unsignedInt has ten
_DIGITS = 10


def inform_interval_s(value_of: Callable[[str], str | None]) -> float | None:
    """Seconds between its periodic Informs; `value_of` gives the text of a parameter, None where it is not known."""
    for server in _SERVERS:
        text = value_of(f"{server}PeriodicInformInterval")
        if text is None:
            continue
        off = not parse_boolean(value_of(f"{server}PeriodicInformEnable") or "1")
        number = text.isascii() and text.isdigit() and len(text) <= _DIGITS
        return float(text) if number and not off else None
    return None
