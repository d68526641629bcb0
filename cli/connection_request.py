"""`secondline device wake`, and connection requests told to a person: method, answer, time, and what it means.

The rule: the server's code decides what is said; its own words are shown where there is no translation of the code.
"""

import re
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import server_options
from cli.texts import N_, _
from cli.titles import titled

#: how the server tells a try in a step: method, code, time, its words
_LINE = re.compile(r"(http|udp|xmpp|none) ([a-z_]+) (\d+) ms: (.*)\Z", re.DOTALL)
_METHODS = {"http": "HTTP", "udp": "UDP (STUN)", "xmpp": "XMPP"}

#: code → what a person reads
RESULTS = {
    "accepted": N_("accepted: the CPE opens a session"),
    "unauthorized": N_("401: the CPE has another password; it is set again in its next session"),
    "busy": N_("the CPE is busy (503): it is in a session, reboots, or limits the rate; it is called again later"),
    "refused": N_("refused: nothing listens at the CPE's address; it is off, or its URL is old"),
    "timed_out": N_("no answer: the CPE is off, cut off, or behind NAT or a firewall"),
    "no_route": N_("the server's network knows no way to the CPE's address"),
    "nat": N_("the CPE is behind NAT: its address cannot be called; STUN or XMPP would reach it"),
    "not_found": N_("404: the CPE's URL changed; its next Inform tells the new one"),
    "redirected": N_("a redirect, which is never followed: what listens there is no CPE"),
    "closed": N_("the CPE closed the connection instead of an answer"),
    "unanswered": N_("no session came after three datagrams: the NAT forgot the CPE, or it is off"),
    "offline": N_("the CPE is not connected to the XMPP server"),
    "no_xmpp": N_("the server itself is not connected to the XMPP server"),
    "no_url": N_("the CPE never told how it can be called; it comes at its next periodic Inform"),
    "not_allowed": N_("not called: the configuration does not allow that address"),
    "limited": N_("not called: it was called too often within a minute"),
    "awaited": N_("not called again: it accepted a moment ago, and its session is awaited"),
    "no_session": N_("the CPE accepted, and opened no session in time"),
    "failed": N_("an answer that no CPE should give"),
}


@click.command(help=_("Call a device now, by every way that reaches it, and say what it answered."))
@click.argument("key", metavar="DEVICE")
@server_options
def wake(key: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Wake one device."""
    with connect(url, token_file) as client:
        found = client.post(f"/devices/{segment(key)}/connection-requests")
    if as_json:
        output.print_json(found)
    else:
        output.print_line(told(found, found.get("explanation", "")))
    if found.get("result") not in ("accepted", "awaited"):
        raise CliError(_("{device} was not woken.").format(device=key), ExitStatus.UNREACHABLE)


def print_ways(found: dict[str, Any]) -> None:
    """Print how a device can be woken, and its last tries."""
    names = ("methods", "behind_nat", "udp_address", "stun_address", "stun_seen_at", "jabber_id")
    shown = {name: found.get(name) for name in names}
    shown["methods"] = ", ".join(_METHODS.get(each, each) for each in found.get("methods") or []) or None
    output.print_pairs(titled(shown.items()))
    rows = [[output.instant(each.get("at")), told(each, each.get("detail", ""))] for each in found.get("tries") or []]
    if rows:
        output.print_table([_("connection request"), _("answer")], rows)


def told(attempt: dict[str, Any], words: str) -> str:
    """One try as a person reads it."""
    method = _METHODS.get(str(attempt.get("method") or ""), "")
    code = str(attempt.get("result"))
    head = f"{method}, {attempt.get('duration_ms')} ms: " if method else ""
    return head + _meaning(code, words)


def detail_of(detail: str) -> str:
    """A step's detail as a person reads it: that of a connection request translated, every other one as it is."""
    found = _LINE.match(detail)
    if found is None or found[2] not in RESULTS:
        return detail
    method, code, duration_ms, words = found.groups()
    return told({"method": method, "result": code, "duration_ms": duration_ms}, words)


def _meaning(code: str, words: str) -> str:
    known = RESULTS.get(code)
    if known is None:
        return words
    translated = _(known)
    return translated if translated != known or not words else words
