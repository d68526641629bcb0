"""What devices of one model and firmware were seen to bear of a refresh, remembered for the next one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acs.store.records import Json


@dataclass(frozen=True, slots=True)
class Bears:
    """What devices of one model and firmware were seen to bear; None = not tried.

    `whole`: everything at once; `listed`: all names in one answer; `paths`: partial paths; `values`: parameters in
    one answer; `refused`: parameters whose value they never give, with `*` for instance numbers.
    """

    whole: bool | None = None
    listed: bool | None = None
    paths: bool | None = None
    values: int | None = None
    refused: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """As it is stored."""
        return {
            "whole": self.whole,
            "listed": self.listed,
            "paths": self.paths,
            "values": self.values,
            "refused": list(self.refused),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Bears":
        """From its stored form."""
        return cls(
            stored.get("whole"),
            stored.get("listed"),
            stored.get("paths"),
            stored.get("values"),
            tuple(stored.get("refused", ())),
        )


#: Nothing is known.
UNTRIED = Bears()
