"""Which names are one ticket system, and how its tickets are called with us: numbers of two systems are two tickets.

    1001 of sysa, the first that is called so  ─► 1001
    1001 of sysb                               ─► @sysb:1001, and 1001 to sysb

The rule of this file: no system gets what another one's number stands for, and what is written to a system bears the
number that came from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from acs.config import Config

#: what stands before the name of a source in an id that we make
_OURS = "@"
_KEPT = frozenset("._-")


@dataclass(frozen=True, slots=True)
class TicketSources:
    """The sources of tickets. `together`: names of tokens that are one system; `adapters`: ticket systems by adapter,
    whose ids begin with their name."""

    together: Sequence[tuple[str, ...]] = ()
    adapters: frozenset[str] = frozenset()

    def same_system(self, source: str) -> tuple[str, ...]:
        """The names under which the system of this source hands in, itself among them."""
        found = {name for names in self.together if source in names for name in names}
        return tuple(sorted(found | {source}))

    def may_be_called(self, source: str, number: str) -> bool:
        """Whether a ticket of this source may have its own number as its id: those of an adapter are kept for it."""
        owner, colon, _ = number.partition(":")
        return not colon or owner == source or owner not in self.adapters


#: what holds where nothing is configured
EVERY_SOURCE_ITS_OWN = TicketSources()


def ticket_sources(config: Config) -> TicketSources:
    """The sources of tickets as they are configured."""
    together = tuple(system.sources for system in config.tmf.ticket_systems)
    return TicketSources(together, frozenset(system.name for system in config.adapters.systems))


def own_id(source: str, number: str) -> str:
    """The id of a ticket whose number is another system's ticket with us; it can stand in an address."""
    return f"{_OURS}{''.join(one if one.isalnum() or one in _KEPT else '_' for one in source)}:{number}"
