"""Many at once: one test per line, nothing taken without an answer, and a full house says so."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from acs.app import App
from acs.config import SourcesSection, TicketsSection, WebhooksSection, WebhookTarget
from acs.errors import StoreError, TooMany
from acs.services.cases import load_case
from acs.services.clock import utc_now
from acs.services.context import IncidentEntry
from acs.services.deliveries import Deliveries
from acs.services.tickets import Tickets
from acs.services.webhooks import webhook_targets
from acs.store import deliveries as delivery_store
from acs.store import hooks as hook_store
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import tickets as ticket_store
from acs.store.hooks import HookCall
from acs.store.records import LineRecord, LineTestState
from tests.services.test_line_tests import ACTOR, World, facts_of, finished, world

__all__ = ["world"]


@pytest.fixture
def app(app_on_both: App) -> App:
    """Each of these on both stores: one serializes its writers, the other does not."""
    return app_on_both


def event(n: int, line: str, **more: Any) -> dict[str, Any]:
    entity = {"id": line, "@referredType": "Line"}
    inner = {"id": f"TT-{n}", "relatedEntity": [entity], **more}
    return {"eventId": f"e-{n}", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": inner}}


def about(service: str) -> dict[str, Any]:
    return {"troubleTicketCharacteristic": [{"name": "service", "value": service}]}


async def with_lines(app: App, count: int) -> None:
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord(f"M-{n}", "pon") for n in range(count)], utc_now())


async def test_twenty_starts_at_once_are_one_test(world: World) -> None:
    world.reader.delay_s = 0.3
    tests = world.line_tests()
    started = await asyncio.gather(*(tests.start(ACTOR, "L-1") for _ in range(20)))
    assert len({record.id for record in started}) == 1
    await finished(tests, started[0].id)
    assert world.reader.asked == 1


async def test_a_test_that_asks_less_is_not_joined(world: World) -> None:
    world.reader.delay_s = 0.3
    tests = world.line_tests()
    quick = await tests.start(ACTOR, "L-1", depth="quick")
    normal = await tests.start(ACTOR, "L-1")
    iptv = await tests.start(ACTOR, "L-1", service="iptv")
    assert len({quick.id, normal.id, iptv.id}) == 3, "a quick test measures less; television needs other facts"
    assert (await tests.start(ACTOR, "L-1", depth="quick")).id in {quick.id, normal.id, iptv.id}
    assert (await tests.start(ACTOR, "L-1", service="internet")).id == normal.id
    for record in (quick, normal, iptv):
        assert (await finished(tests, record.id)).state is LineTestState.DONE


async def test_a_full_house_refuses_at_once_what_it_cannot_take(world: World) -> None:
    world.config = world.config.model_copy(update={"at_once": 1, "waiting": 3})
    await with_lines(world.app, 20)
    world.reader.delay_s = 0.2
    tests = world.line_tests()
    tickets = Tickets(world.app.store, TicketsSection(), tests)
    answers = await asyncio.gather(
        *(tickets.receive(ACTOR, event(n, f"M-{n}")) for n in range(20)), return_exceptions=True
    )
    taken = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, TooMany)]
    assert len(taken) + len(refused) == 20
    assert 4 <= len(taken) <= 12, "what was taken and ended meanwhile leaves room"
    async with world.app.store.reading() as tx:
        stored = await ticket_store.list_tickets(tx, limit=100)
    assert {ticket.id for ticket in stored} == {ticket.id for ticket in taken}, "refused is not stored"
    for ticket in taken:
        assert ticket.line_test is not None
        assert (await finished(tests, ticket.line_test)).state is LineTestState.DONE


@pytest.fixture
def hooked(world: World, tmp_path: Any) -> World:
    """The world with a receiver of webhooks that nobody sends to yet."""
    secret = tmp_path / "hook.secret"
    secret.write_text("x")
    secret.chmod(0o600)
    target = WebhookTarget(name="desk", url="http://127.0.0.1:9/x", secret_file=secret)
    config = WebhooksSection(targets=(target,))
    world.deliveries = Deliveries(world.app.store, config)
    for one in webhook_targets(config):
        world.deliveries.add(one)
    return world


async def told(app: App) -> dict[str, str]:
    async with app.store.reading() as tx:
        found = await delivery_store.list_deliveries(tx, limit=1000)
    return {str(one.body["ticket"]): one.event_type for one in found if isinstance(one.body, dict)}


async def test_every_ticket_that_joined_is_told_the_verdict(hooked: World) -> None:
    hooked.reader.delay_s = 0.05
    tests = hooked.line_tests()
    tickets = Tickets(hooked.app.store, TicketsSection(), tests)
    taking = []
    for n in range(40):
        taking.append(asyncio.create_task(tickets.receive(ACTOR, event(n, "L-1"))))
        await asyncio.sleep(0.02)
    taken = [await one for one in taking]
    for test_id in {str(ticket.line_test) for ticket in taken}:
        assert (await finished(tests, test_id)).state is LineTestState.DONE
    assert await told(hooked.app) == {f"TT-{n}": "line_test.verdict" for n in range(40)}


async def test_a_ticket_about_television_gets_a_test_of_its_own(hooked: World) -> None:
    hooked.reader.delay_s = 0.2
    tests = hooked.line_tests()
    tickets = Tickets(hooked.app.store, TicketsSection(), tests)
    internet = await tickets.receive(ACTOR, event(1, "L-1", **about("internet")))
    television = await tickets.receive(ACTOR, event(2, "L-1", **about("iptv")))
    assert internet.line_test != television.line_test
    for ticket in (internet, television):
        await finished(tests, str(ticket.line_test))


async def test_a_ticket_whose_test_fails_is_told_so(hooked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tests = hooked.line_tests()
    monkeypatch.setattr("probes.linetest.explanation.judge", _crash)
    ticket = await Tickets(hooked.app.store, TicketsSection(), tests).receive(ACTOR, event(1, "L-1"))
    record = await finished(tests, str(ticket.line_test))
    assert record.state is LineTestState.FAILED
    assert await told(hooked.app) == {"TT-1": "line_test.failed"}


async def test_a_test_that_breaks_once_is_done_again(hooked: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    async def breaks_once(*args: Any) -> Any:
        asked.append(args)
        return _crash() if len(asked) == 1 else await load_case(*args)

    monkeypatch.setattr("acs.services.line_test_runs.load_case", breaks_once)
    tests = hooked.line_tests()
    ticket = await Tickets(hooked.app.store, TicketsSection(), tests).receive(ACTOR, event(1, "L-1"))
    assert (await finished(tests, str(ticket.line_test))).state is LineTestState.DONE
    assert (len(asked), await told(hooked.app)) == (2, {"TT-1": "line_test.verdict"})


async def test_a_store_that_is_away_for_a_moment_costs_no_verdict(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests, real, failures = world.line_tests(), test_store.finish, [1, 1]

    async def finish(*args: Any, **more: Any) -> bool:
        if failures:
            failures.pop()
            raise StoreError("the store is away")
        return await real(*args, **more)

    monkeypatch.setattr("acs.services.line_test_ends._RETRY_S", 0.05)
    monkeypatch.setattr("acs.services.line_test_ends.test_store.finish", finish)
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert record.state is LineTestState.DONE
    assert not failures


async def test_a_start_that_could_not_be_stored_leaves_no_test_behind(world: World) -> None:
    tests = world.line_tests()
    with pytest.raises(Exception, match="nowhere"):
        await tests.start(ACTOR, "nowhere")
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert record.state is LineTestState.DONE


def _crash(*_: object, **__: object) -> None:
    raise ValueError("a bug")


async def test_the_ticket_that_a_test_was_begun_for_is_told_though_another_joins(hooked: World) -> None:
    hooked.reader.delay_s = 0.3
    tests = hooked.line_tests()
    begun = await tests.start(ACTOR, "L-1", ticket="X-1")
    joined = await Tickets(hooked.app.store, TicketsSection(), tests).receive(ACTOR, event(1, "L-1"))
    assert joined.line_test == begun.id
    await finished(tests, begun.id)
    assert await told(hooked.app) == {"X-1": "line_test.verdict", "TT-1": "line_test.verdict"}


def said(characteristic: str, value: str) -> dict[str, Any]:
    return {"troubleTicketCharacteristic": [{"name": characteristic, "value": value}]}


async def test_what_is_said_in_a_ticket_that_joins_is_judged(hooked: World) -> None:
    """The subscriber looked at the lamps while the test of his first call was under way."""
    hooked.reader.released = asyncio.Event()
    hooked.config = hooked.config.model_copy(update={"sources": SourcesSection(access_s=30.0), "hard_stop_s": 60.0})
    tests = hooked.line_tests()
    tickets = Tickets(hooked.app.store, TicketsSection(), tests)
    first = await tickets.receive(ACTOR, event(1, "L-1"))
    opened = {"creationDate": "2020-01-01T00:00:00Z"}
    second = await tickets.receive(ACTOR, event(2, "L-1", **opened, **said("led.los", "red")))
    again = await tickets.receive(ACTOR, event(2, "L-1", **opened, **said("led.los", "red")))
    assert (second.line_test, again.line_test) == (first.line_test, first.line_test), "one test for all of them"
    hooked.reader.released.set()
    facts = facts_of(await finished(tests, str(first.line_test)))
    assert facts["led.los"]["value"] == "red"
    assert facts["ticket.opened_at"]["value"] == "2020-01-01T00:00:00Z"
    assert hooked.reader.asked == 1


async def test_a_quick_test_waits_for_no_deeper_one(world: World) -> None:
    """The subscriber is on the phone; a full test of the line runs for a minute."""
    world.config = world.config.model_copy(update={"hard_stop_s": 60.0, "quick_s": 0.5})
    world.reader.released = asyncio.Event()
    tests = world.line_tests()
    full = await tests.start(ACTOR, "L-1", depth="full")
    quick = [await tests.start(ACTOR, "L-1", depth="quick") for _ in range(5)]
    assert {one.id for one in quick} == {quick[0].id} != {full.id}, "quick tests share one"
    record = await finished(tests, quick[0].id)
    assert (record.state, record.depth) == (LineTestState.DONE, "quick")
    world.reader.released.set()
    assert (await finished(tests, full.id)).state is LineTestState.DONE


async def test_an_incident_above_is_told_before_anything_is_asked(hooked: World) -> None:
    """The node is silent: the ticket has its answer all the same, and once; the test goes on."""
    now, context = utc_now(), hooked.app.northbound.context
    await context.put_incidents(ACTOR, "noc", now, [IncidentEntry("INC-7", "olt-1/0/1", "fibre", now)])
    hooked.reader.released = asyncio.Event()
    hooked.config = hooked.config.model_copy(update={"sources": SourcesSection(access_s=30.0), "hard_stop_s": 60.0})
    tests = hooked.line_tests()
    ticket = await Tickets(hooked.app.store, TicketsSection(), tests).receive(ACTOR, event(1, "L-1"))
    test = str(ticket.line_test)
    async with aclosing(tests.watch(ACTOR, test)) as watched:
        early = await anext(one.data async for one in watched if one.kind == "verdict")
    assert (early["verdict"], early["scope"], early["partial"]) == ("ATTACH_OUTAGE", "INC-7", True)
    assert (await tests.get(ACTOR, test)).state is LineTestState.RUNNING
    hooked.reader.released.set()
    record = await finished(tests, test)
    assert record.verdict["verdict"] == "ATTACH_OUTAGE" and not record.verdict["partial"]
    async with hooked.app.store.reading() as tx:
        found = sorted(await delivery_store.list_deliveries(tx, limit=10), key=lambda one: one.created_at)
    assert [one.event_type for one in found] == ["line_test.partial", "line_test.verdict"]
    assert isinstance(found[1].body, dict) and found[1].body["corrects"] is False


async def test_the_ticket_of_a_hook_that_joined_is_told(hooked: World) -> None:
    hooked.reader.delay_s = 0.3
    tests, now = hooked.line_tests(), utc_now()
    begun = await tests.start(ACTOR, "L-1", ticket="X-1")
    async with tests.door(ACTOR) as door, hooked.app.store.transaction() as tx:
        joined = await door.test_for(tx, tests.plan(ACTOR, "L-1", ticket="H-1", service=None))
        call = HookCall("c", "crm", "k", "line-test", "", {}, "L-1", None, "H-1", now, now)
        assert await hook_store.add(tx, call) and await hook_store.begin_test(tx, call, joined.id)
    assert joined.id == begun.id
    await finished(tests, begun.id)
    assert await told(hooked.app) == {"X-1": "line_test.verdict", "H-1": "line_test.verdict"}
