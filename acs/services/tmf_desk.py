"""The TM Forum interfaces put together: hubs, listener, pages, and the ticket systems in the outbox."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from acs.config import TmfSection
from acs.services.access_alarms import AccessAlarms
from acs.services.alarms import Alarms
from acs.services.clock import Clock
from acs.services.deliveries import Deliveries
from acs.services.line_tests import LineTests
from acs.services.outages import Outages
from acs.services.packs import Packs
from acs.services.tickets import Tickets
from acs.services.tmf_hubs import Hubs
from acs.services.tmf_listener import TicketListener
from acs.services.tmf_pages import TmfPages
from acs.services.tmf_places import TmfPlaces
from acs.services.tmf_sender import ticket_targets
from acs.store.store import Store


@dataclass(frozen=True, slots=True)
class Tmf:
    """What the routes under /tmf-api ask."""

    hubs: Hubs
    listener: TicketListener
    pages: TmfPages
    places: TmfPlaces

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {**self.listener.jobs(), **self.places.jobs()}


@dataclass(frozen=True, slots=True)
class TmfSources:
    """The services that the interfaces show and change."""

    line_tests: LineTests
    tickets: Tickets
    outages: Outages
    packs: Packs
    alarms: Alarms
    node_alarms: AccessAlarms
    #: ticket systems with an adapter: their tickets are told by it
    adapted: frozenset[str] = frozenset()


def build_tmf(
    store: Store,
    config: TmfSection,
    deliveries: Deliveries,
    sources: TmfSources,
    clock: Clock,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Tmf:
    """Put the interfaces together, and let them hear of what happens.

    Raises:
        ConfigError: the url or a credential of a ticket system is wrong.
    """
    hubs = Hubs(store, config, clock, transport=transport)
    for target in ticket_targets(store, config, clock, others=sources.adapted, transport=transport):
        deliveries.add(target)
    deliveries.add(hubs.target())
    deliveries.also = hubs.outage
    sources.line_tests.hearers.told = hubs.line_test
    sources.alarms.told = hubs.alarm
    sources.node_alarms.told = hubs.node_alarms
    return Tmf(
        hubs=hubs,
        listener=TicketListener(store, config, sources.tickets, sources.line_tests, clock),
        pages=TmfPages(store, config, sources.line_tests, sources.outages, sources.packs),
        places=TmfPlaces(store, config, clock, transport=transport),
    )
