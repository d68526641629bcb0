"""What an action is: its row, what it sees of the device, and what it asks for. Pure.

    Action.build(View, arguments) ──▶ Asked: one operation, or several that follow one another

The rule of this file: an action names settings by their meaning; which parameters these are says the profile.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from acs.profiles.settings import Place, Row, Settings, problem
from acs.services.actions.words import Refused, in_every_language
from acs.store.records import DeviceRecord, Json

#: Rows that a refusal names.
_NAMED = 12


class Given(BaseModel):
    """What an action takes: closed to unknown names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Given):
    """No arguments."""


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a device when an action is asked for. `told`: names whose secret was given by us."""

    device: DeviceRecord
    settings: Settings
    values: Mapping[str, str]
    told: frozenset[str] = frozenset()
    lacking: frozenset[str] = frozenset()
    methods: frozenset[str] | None = None
    has_backup: bool = False
    #: one that was kept while the line was up
    has_good_backup: bool = False
    #: names of its newest configuration; all that is known, where none was kept
    kept: frozenset[str] = frozenset()

    def place(self, meaning: str, row: str = "") -> Place | None:
        """Where a meaning stands in a row; None where the device has none."""
        return self.settings.place(meaning, self.values, row)

    def need(self, meaning: str, row: str = "") -> Place:
        """Where a meaning stands.

        Raises:
            Refused: the device has no such parameter.
        """
        found = self.place(meaning, row)
        if found is None:
            raise Refused("not_here", missing=meaning)
        return found

    def row(self, target: str, wanted: str | None) -> Row:
        """The row that is meant by its number or its name; the only one, or the first in use, where none is named.

        Raises:
            Refused: there is no such row, or no row at all.
        """
        rows = self.settings.rows(target, self.values)
        if not rows:
            raise Refused("no_rows" if self.settings.tables(target, self.values) else "not_here", missing=target)
        if not wanted:
            return next((row for row in rows if row.in_use), rows[0])
        fitting = [row for row in rows if wanted in (str(row.number), row.title, row.path, row.path.rstrip("."))]
        if not fitting:
            raise Refused("no_row", wanted=repr(wanted), rows=shown_rows(rows))
        if len(fitting) > 1:
            raise Refused("which_row", rows=shown_rows(fitting))
        return fitting[0]

    def assignment(self, meaning: str, value: str, row: str = "", *, argument: str = "") -> dict[str, Json]:
        """path → what is sent for a value. `argument`: where it was given, unless it is called as the meaning is.

        Raises:
            Refused: the device has no such parameter, or does not take the value.
        """
        place = self.need(meaning, row)
        wrong = problem(place, value)
        if wrong is not None:
            named = argument or meaning.rpartition(".")[2]
            raise Refused("bad_value", name=named, problem=in_every_language(wrong.code, **wrong.values))
        return {place.path: place.setting.codes.get(value, value)}


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation that an action needs."""

    kind: str
    arguments: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Action:
    """One action. `build` makes its operations in their order, each waiting for the success of the one before.

    `needs`: meanings without which the model cannot do it; of a group in a tuple one is enough. `risk`: what it does to
    the subscriber, asked before; none: nothing. `reads`: it changes nothing.
    """

    name: str
    title: Mapping[str, str]
    build: Callable[[View, Any], Sequence[Asked]]
    arguments: type[Given] = Nothing
    needs: tuple[str | tuple[str, ...], ...] = ()
    target: str | None = None
    risk: Mapping[str, str] | None = None
    reads: bool = False
    rpc: str = "SetParameterValues"
    secrets: tuple[str, ...] = ()
    #: anything else that stands against it on this device
    against: Callable[[View], Refused | None] | None = None
    #: anything else that is to be confirmed on this device, by language
    also: Callable[[View], Mapping[str, str] | None] | None = None

    def why_not(self, view: View) -> Refused | None:
        """Why this model cannot do it, as far as it is known; None: it can."""
        listed = view.methods is None or not self.rpc or self.rpc in view.methods
        if self.rpc in view.lacking or not listed:
            return Refused("not_here", missing=self.rpc)
        if self.needs and not view.values:
            return Refused("no_tree")
        for need in self.needs:
            names = (need,) if isinstance(need, str) else need
            if not any(_has(view, name) for name in names):
                return Refused("not_here", missing=" / ".join(names))
        return None if self.against is None else self.against(view)

    def to_confirm(self, view: View) -> Mapping[str, str] | None:
        """What it does to the subscriber of this device, by language; None: nothing."""
        more = self.also(view) if self.also is not None else None
        if self.risk is None or more is None:
            return self.risk or more
        return {language: f"{text} {more[language]}" for language, text in self.risk.items()}


def change(action: str, *steps: Mapping[str, Any], watch: Sequence[str] = ()) -> Asked:
    """The operation that does these steps as one thing."""
    return Asked("change", {"action": action, "steps": [dict(step) for step in steps], "watch": list(watch)})


def shown_rows(rows: Sequence[Row]) -> str:
    """Rows with their numbers and names, for a person."""
    shown = ", ".join(f"{row.number} {row.title}".strip() for row in rows[:_NAMED])
    return shown if len(rows) <= _NAMED else f"{shown} …"


def _has(view: View, meaning: str) -> bool:
    if view.settings.places(meaning, view.values):
        return True
    setting = view.settings.setting(meaning)
    return (
        setting is not None and setting.target == "forwarding" and bool(view.settings.tables("forwarding", view.values))
    )


#: Cut off for seconds.
SHORT_CUT: Final = {
    "en": "The subscriber is cut off for some seconds.",
    "ru": "Связь у абонента прервётся на несколько секунд.",
}
#: Devices on the Wi-Fi must connect anew.
WIFI_CUT: Final = {
    "en": "Everything that is on this Wi-Fi drops off it.",
    "ru": "Все устройства отключатся от этой сети Wi-Fi.",
}
