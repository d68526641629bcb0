"""Passwords that a device does not tell and nobody here knows: a reset or a swap loses them. Pure.

The rule of this file: what the line hangs on is refused, everything else is said beforehand.
"""

from collections.abc import Callable

from acs.profiles.protection import is_setting
from acs.secret_names import is_secret
from acs.services.actions.base import View
from acs.services.actions.words import LANGUAGES, Refused, say

#: Passwords that a text names.
_NAMED = 5


def lost(view: View) -> dict[str, str] | None:
    """What is to be confirmed because of passwords that nobody knows, by language; None where all are known."""
    unknown = [
        name
        for name, value in sorted(view.values.items())
        if not value and name not in view.told and name in view.kept and is_secret(name) and is_setting(name)
    ]
    if not unknown:
        return None
    networks = [title for title in (_network(view, name) for name in unknown) if title]
    named = [*dict.fromkeys(networks), *(name for name in unknown if not _network(view, name))]
    shown = ", ".join(named[:_NAMED]) + (" …" if len(named) > _NAMED else "")
    return {language: say("passwords_lost", language, unknown=shown) for language in LANGUAGES}


def password_known(code: str) -> Callable[[View], Refused | None]:
    """Refuses, with the text of this code, where nobody knows the password of the connection."""

    def refused(view: View) -> Refused | None:
        for place in view.settings.places("ppp.password", view.values):
            username = view.place("ppp.username", _row_of(view, place.path))
            used = username is not None and view.values.get(username.path)
            if used and not view.values.get(place.path) and place.path not in view.told:
                return Refused(code)
        return None

    return refused


def _network(view: View, name: str) -> str:
    """The network whose password it is, as people call it; empty for any other."""
    for row in view.settings.rows("wifi", view.values):
        place = view.place("wifi.password", row.path)
        if place is not None and place.path == name:
            return f"Wi-Fi {row.title or row.number}"
    return ""


def _row_of(view: View, path: str) -> str:
    return next((row.path for row in view.settings.rows("ppp", view.values) if path.startswith(row.path)), "")
