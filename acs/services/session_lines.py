"""Which line a session is on: by its login, by what option 82 says, or by the port of the BRAS.

The rule of this file: exactly one line counts; where two could be meant, none is.
"""

import re
from collections.abc import Mapping
from typing import Protocol

from acs.config import RadiusSection
from acs.store import lines as line_store
from acs.store.limits import GREATEST_NUMBER
from acs.store.records import LineRecord
from acs.store.transaction import Transaction

#: groups of a rule that are numbers
_PLACES = ("frame", "slot", "port", "ont")


class Told(Protocol):
    """What a BRAS says of a session that may name its line."""

    @property
    def login(self) -> str:
        """The PPPoE or DHCP login."""

    @property
    def circuit(self) -> str:
        """Agent-Circuit-Id, option 82."""

    @property
    def port(self) -> str:
        """NAS-Port-Id."""

    @property
    def calling(self) -> str:
        """Calling-Station-Id."""


class SessionLines:
    """Finds lines by the configured rules."""

    def __init__(self, config: RadiusSection) -> None:
        self._order = config.line_from
        self._patterns = {
            "circuit": tuple(re.compile(text) for text in config.circuit_patterns),
            "port": tuple(re.compile(text) for text in config.port_patterns),
            "calling": tuple(re.compile(text) for text in config.calling_patterns),
        }

    async def line_of(self, tx: Transaction, told: Told) -> LineRecord | None:
        """Return the one line that is meant, or None."""
        texts = {"login": told.login, "circuit": told.circuit, "port": told.port, "calling": told.calling}
        for rule in self._order:
            if not texts[rule]:
                continue
            found = await self._found(tx, rule, texts[rule])
            if len(found) == 1:
                return found[0]
        return None

    async def _found(self, tx: Transaction, rule: str, text: str) -> list[LineRecord]:
        if rule == "login":
            return await line_store.by_pppoe_login(tx, text)
        line = await line_store.get(tx, text) if rule == "circuit" else None
        if line is not None:
            return [line]
        for pattern in self._patterns[rule]:
            if (match := pattern.search(text)) is not None:
                return await _by_groups(tx, match.groupdict())
        return []


async def _by_groups(tx: Transaction, groups: Mapping[str, str | None]) -> list[LineRecord]:
    if groups.get("line"):
        line = await line_store.get(tx, groups["line"] or "")
        return [line] if line is not None else []
    if groups.get("login"):
        return await line_store.by_pppoe_login(tx, groups["login"] or "")
    told = {name: text for name in _PLACES if (text := groups.get(name))}
    numbers = {name: number for name, text in told.items() if (number := _number(text)) is not None}
    if not groups.get("node") or "port" not in numbers or told.keys() != numbers.keys():
        return []  # a place that is told and is no number is no line's
    found = await line_store.siblings(
        tx, groups["node"] or "", numbers.get("slot"), numbers["port"], frame=numbers.get("frame")
    )
    return found if "ont" not in numbers else [line for line in found if line.ont == numbers["ont"]]


def _number(text: str) -> int | None:
    """A number of a place; None where it is none, or greater than any."""
    number = int(text) if text.isdecimal() and len(text) <= len(str(GREATEST_NUMBER)) else None
    return number if number is not None and number <= GREATEST_NUMBER else None
