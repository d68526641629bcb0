"""What a device's card notes beside a value, in the language of the screen. Pure.

The rule of this file: the server's notes are English and few; one that is not known here is shown as it came.
"""

import re
from collections.abc import Mapping

from cli.texts import N_, _

#: a note of the server → how a person reads it; groups are filled in
_NOTES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"against (?P<dbm>\S+) dBm of (?P<optics>\S+)", N_("against {dbm} dBm of {optics}")),
        (r"to (?P<dbm>\S+) dBm", N_("to {dbm} dBm")),
        (r"over (?P<days>\S+) days", N_("over {days} days")),
        (r"first days of what is kept", N_("first days of what is kept")),
        (r"assumed", N_("assumed: the network's usual one")),
        (r"told", ""),
        (r"last reading of the line", ""),
        (r"reviewed (?P<day>\S+)", N_("reviewed {day}")),
    )
)
#: a source that is no name of a system → how a person reads it
_SOURCES: Mapping[str, str] = {
    "access node": N_("access node"),
    "configuration": N_("configuration"),
    "history": N_("history"),
    "inventory": N_("inventory"),
    "pack": N_("norms"),
}


def note_of(text: str) -> str:
    """A note, in the language of the screen."""
    for pattern, words in _NOTES:
        if (found := pattern.fullmatch(text)) is not None:
            return _(words).format(**found.groupdict()) if words else ""
    return text


def source_of(name: str) -> str:
    """A source, in the language of the screen; other systems go by their own names."""
    if name.startswith("profile "):
        return _("profile {id}").format(id=name.removeprefix("profile "))
    return _(_SOURCES[name]) if name in _SOURCES else name
