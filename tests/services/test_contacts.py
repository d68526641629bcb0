"""How often the subscriber came: what is told counts for its days, and our own count is a lower bound."""

from datetime import timedelta
from typing import Any

import pytest

from acs.services.clock import utc_now
from acs.services.context import Entry
from acs.store import tickets as ticket_store
from acs.store.records import TicketRecord
from tests.services.test_did_it_help import healthy_otherwise, tested
from tests.services.test_line_tests import ACTOR, World, facts_of, tell, world

__all__ = ["world"]

CONTACTS = "contacts_14d"


async def tickets(world: World, *days_ago: float) -> None:
    async with world.app.store.transaction() as tx:
        for n, days in enumerate(days_ago):
            at = utc_now() - timedelta(days=days)
            await ticket_store.add(tx, TicketRecord(f"TT-{n}", f"e{n}", at, "crm", {}, "L-1"))


async def told(world: World, name: str, value: int, days_ago: float) -> None:
    """The only word of it, so long ago."""
    at = utc_now() - timedelta(days=days_ago)
    await world.app.northbound.context.put_facts(ACTOR, "crm", [Entry("L-1", name, value, at)])


@pytest.mark.parametrize(
    ("value", "days_ago", "of_ours", "shown"),
    [
        (0, 60, (1, 2, 3), (3, "tickets")),
        (0, 60, (1,), None),
        (0, 60, (20, 30, 40), None),
        (0, 1, (1, 2, 3), (3, "tickets")),
        (0, 1, (1,), (0, "crm")),
        (5, 1, (1, 2, 3), (5, "crm")),
        (3, 1, (1, 2, 3), (3, "crm")),
        (5, 15, (1, 2, 3), (3, "tickets")),
    ],
)
async def test_the_greater_of_what_holds_is_told(
    world: World, value: int, days_ago: float, of_ours: tuple[float, ...], shown: tuple[int, str] | None
) -> None:
    await told(world, CONTACTS, value, days_ago)
    await tickets(world, *of_ours)
    fact = facts_of(await tested(world)).get(CONTACTS)
    assert (None if fact is None else (fact["value"], fact["source"])) == shown


@pytest.mark.parametrize(("days_ago", "known"), [(29, True), (31, False)])
async def test_visits_of_other_days_are_no_visits_of_these(world: World, days_ago: float, known: bool) -> None:
    await told(world, "visits_30d", 1, days_ago)
    assert ("visits_30d" in facts_of(await tested(world))) is known


@pytest.mark.parametrize(("of_ours", "verdict"), [((), ("NFF", "nff")), ((1, 2, 3), ("MONITOR_24H", "repeat_green"))])
async def test_a_repeated_contact_is_seen_though_somebody_once_said_none(
    world: World, of_ours: tuple[float, ...], verdict: tuple[str, str]
) -> None:
    await healthy_otherwise(world, contacts_days_ago=1)
    await tell(world.app, fw__outdated_known_bug=False)
    await tickets(world, *of_ours)
    record: Any = await tested(world)
    assert (record.verdict["verdict"], record.verdict["cause"]) == verdict, record.verdict["not_measured"]
