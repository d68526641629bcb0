"""After the fix, over a real store: before, the four tests, falling back, closures, the report."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from acs.app import App
from acs.config import AfterFixSection, WebhooksSection, WebhookTarget
from acs.errors import InvalidInput, NotFound
from acs.services.actor import Actor, local_actor
from acs.services.after_fix import AfterFix
from acs.services.deliveries import Deliveries
from acs.services.identifiers import new_id
from acs.services.quality import QualityReports
from acs.services.webhooks import webhook_targets
from acs.store import facts as fact_store
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import packs as pack_store
from acs.store import tickets as ticket_store
from acs.store.packs import PackActivation
from acs.store.records import (
    ContextFact,
    Json,
    LineRecord,
    LineTestRecord,
    LineTestState,
    TicketRecord,
)
from acs.store.schema import checkups, operations
from probes.linetest.pack_files import tree_hash, whole_tree
from tests.api.conftest import client_of
from tests.store.make import opening

BOSS = local_actor()
KEY = "d-1"


class Clock:
    """An instant that a test moves; it begins now, because operations have the server's own clock."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


class World:
    """A line with a CPE, tests that say what they are told to, and a ticket system that listens."""

    def __init__(self, app: App, secret: Any) -> None:
        self.app, self.store, self.clock = app, app.store, Clock()
        self.says: dict[str, Json] = {"verdict": "NFF", "cause": "nff", "posterior": 0.9}
        self.rx = -20.0
        self.posted: list[bytes] = []
        target = WebhookTarget(name="crm", url="https://192.0.2.5/hook", secret_file=secret)
        config = WebhooksSection(targets=(target,))
        self.deliveries = Deliveries(self.store, config, clock=self.clock)
        for one in webhook_targets(config, clock=self.clock, transport=httpx.MockTransport(self.hear)):
            self.deliveries.add(one)
        self.after_fix = self.made()
        self.quality = QualityReports(
            self.store, AfterFixSection(codes={"77": "wifi_weak"}), app.northbound.packs, self.after_fix, self.clock
        )

    def made(self) -> AfterFix:
        services = self.app.northbound
        made = AfterFix(self.store, AfterFixSection(), self, services.packs, self.deliveries, (), self.clock)  # type: ignore[arg-type]
        services.operations.before_action = made.before_action
        return made

    def hear(self, request: httpx.Request) -> httpx.Response:
        self.posted.append(request.headers["X-Secondline-Event"].encode() + request.content)
        return httpx.Response(204)

    async def start(self, _actor: Actor, line: str, **_: Any) -> LineTestRecord:
        return await self.tested(line)

    async def tested(self, line: str = "L1", ticket: str | None = None) -> LineTestRecord:
        now = self.clock()
        record = LineTestRecord(new_id(), line, LineTestState.RUNNING, now, now, "test", ticket=ticket)
        facts: Json = {"facts": [{"name": "ont.rx_dbm", "value": self.rx, "quality": "ok"}]}
        async with self.store.transaction() as tx:
            await test_store.add(tx, record)
            await test_store.finish(tx, record.id, LineTestState.DONE, now, facts=facts, verdict=dict(self.says))
        return record

    async def pass_(self, **time: float) -> None:
        self.clock.now += timedelta(**time)
        await self.after_fix.turn()
        await self.after_fix.turn()
        await self.deliveries.pump()

    async def ticket(self, id_: str, test: str | None = None) -> None:
        async with self.store.transaction() as tx:
            await ticket_store.add(tx, TicketRecord(id_, f"e{id_}", self.clock.now, "crm", {}, "L1", test))

    async def reboot(self, **more: Any) -> str:
        done = await self.app.operations.request(BOSS, KEY, "reboot", {}, **more)
        return done.id

    async def settle(self, id_: str, state: str) -> None:
        at = int(self.clock.now.timestamp() * 1e6)
        async with self.store.transaction() as tx:
            await tx.run(update(operations).where(operations.c.id == id_).values(state=state, finished_at=at))


@pytest.fixture
async def world(app: App, tmp_path: Any) -> World:
    secret = tmp_path / "hook.secret"
    secret.write_text("secret of the hook")
    secret.chmod(0o600)
    made = World(app, secret)
    now = made.clock.now
    async with made.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L1", "pon")], now)
        await fact_store.put(tx, [ContextFact("L1", "account.state", "active", now, "billing")])
    await made.store.sessions.open(
        opening(now, key=KEY, oui="001122", product_class="B", serial_number="S1", session_id=new_id(), values=())
    )
    async with made.store.transaction() as tx:
        await line_store.bind_device(tx, "L1", KEY)
    return made


BROKEN: dict[str, Json] = {"verdict": "DISPATCH_HOME", "cause": "low_rx_single", "posterior": 0.8}
WELL: dict[str, Json] = {"verdict": "NFF", "cause": "nff", "posterior": 0.9}


async def state(world: World) -> list[str]:
    async with world.store.reading() as tx:
        return [row.state for row in await tx.rows(select(checkups.c.state).order_by(checkups.c.id))]


async def test_an_action_with_a_ticket_is_looked_at_four_times_and_holds(world: World) -> None:
    world.says, world.rx = BROKEN, -28.0
    await world.tested()
    operation = await world.reboot(ticket="T1")
    (view,) = await world.after_fix.find(BOSS, ticket="T1")
    assert (view.checkup.state, view.checkup.action, view.checkup.operation) == ("waiting", "reboot", operation)
    assert isinstance(view.checkup.before, dict)
    assert (view.checkup.before["account.state"], view.checkup.before["ont.rx_dbm"]) == ("active", -28.0)
    await world.pass_(minutes=10)
    assert await state(world) == ["waiting"]
    await world.settle(operation, "succeeded")
    world.says, world.rx = WELL, -21.0
    await world.pass_(seconds=5)
    for hours in (0.1, 1.0, 23.0, 48.0):
        world.after_fix = world.made()  # a restart in between costs nothing
        await world.pass_(hours=hours)
    (view,) = await world.after_fix.find(BOSS, line="L1")
    assert view.checkup.state == "held"
    assert [run.outcome for run in view.runs] == ["fixed"] * 4
    assert [(row.name, row.change) for row in view.table if row.change] == [("ont.rx_dbm", 7.0)]
    told = await world.after_fix.rates(BOSS, world.clock.now - timedelta(days=30))
    assert told["reboot"]["held"] == 1
    (body,) = world.posted
    assert body.startswith(b"after_fix.fixed") and b'"reopen":false' in body and b'"T1"' in body
    assert b'"close":true' in body


@pytest.mark.parametrize("says", [{"needs_human": True}, {"verdict": "MONITOR_24H", "cause": "repeat_green"}])
async def test_a_repair_that_a_person_must_look_at_is_no_reason_to_close(world: World, says: dict[str, Json]) -> None:
    world.says = BROKEN
    await world.tested()
    await world.after_fix.begin(BOSS, "L1", "visit", ticket="T1")
    world.says = WELL | says
    await world.pass_(minutes=6)
    (body,) = world.posted
    assert body.startswith(b"after_fix.fixed") and b'"reopen":false' in body and b'"close":false' in body


async def test_falling_back_is_told_to_the_ticket_system(world: World) -> None:
    world.says, world.rx = BROKEN, -28.0
    await world.tested()
    view = await world.after_fix.begin(BOSS, "L1", "bend made good", ticket="T1")
    world.says, world.rx = WELL, -21.0
    await world.pass_(minutes=6)
    world.says, world.rx = BROKEN, -28.5
    await world.pass_(hours=1)
    view = await world.after_fix.get(BOSS, view.checkup.id)
    assert view.checkup.state == "fell_back"
    assert [run.outcome for run in view.runs] == ["fixed", "same", "", ""]
    fixed, body = world.posted
    assert fixed.startswith(b"after_fix.fixed")
    assert body.startswith(b"after_fix.fell_back") and b'"reopen":true' in body and b'"T1"' in body
    await world.pass_(hours=80)
    assert len(world.posted) == 2


async def test_what_did_not_help_is_told_once_and_may_still_come_right(world: World) -> None:
    world.says, world.rx = BROKEN, -28.0
    await world.tested()
    await world.after_fix.begin(BOSS, "L1", "visit", ticket="T1")
    await world.pass_(minutes=6)
    await world.pass_(hours=1)
    assert await state(world) == ["not_fixed"]
    assert [b"after_fix.not_fixed" in body for body in world.posted] == [True]
    world.says, world.rx = WELL, -20.0
    await world.pass_(hours=24)
    assert await state(world) == ["watching"]


async def test_actions_that_nobody_asked_for_with_a_ticket_or_a_test_are_not_looked_at(world: World) -> None:
    await world.settle(await world.reboot(), "succeeded")
    await world.pass_(hours=1)
    assert (await state(world), await outcomes(world)) == (["kept"], [[]])
    assert await world.after_fix.rates(BOSS, world.clock.now - timedelta(days=30)) == {}
    await world.tested()
    failed = await world.reboot()
    assert await state(world) == ["kept", "waiting"]
    await world.settle(failed, "failed")
    await world.pass_(minutes=1)
    assert await state(world) == ["kept", "void"]
    with pytest.raises(NotFound):
        await world.after_fix.begin(BOSS, "L9", "visit")
    with pytest.raises(InvalidInput):
        await world.after_fix.begin(BOSS, "L1", " ")


@pytest.mark.parametrize("kind", ["reboot", "factory_reset", "provision"])
async def test_every_action_has_its_snapshot(world: World, kind: str) -> None:
    """Nobody tested the line and there is no ticket: what is known is kept all the same."""
    id_ = (await world.app.operations.request(BOSS, KEY, kind, {})).id
    (view,) = await world.after_fix.find(BOSS, line="L1")
    assert (view.checkup.operation, view.checkup.state) == (id_, "kept")
    assert isinstance(view.checkup.before, dict) and view.checkup.before["account.state"] == "active"


async def test_what_cannot_be_read_before_an_action_does_not_hold_it_up(world: World) -> None:
    async def unreadable(*_: object) -> Json:
        raise ValueError("no instant")

    world.after_fix._known_before = unreadable  # type: ignore[method-assign]
    assert await world.reboot(ticket="T1")
    assert await state(world) == ["waiting"]


async def test_an_action_on_a_line_that_is_looked_at_takes_the_ticket_over(world: World) -> None:
    """Else nobody would hear that the line fell back after it."""
    world.says = BROKEN
    await world.tested()
    await mended_by(world)
    world.says = WELL
    await world.pass_(minutes=6)
    await world.pass_(hours=3)
    await world.settle(await world.reboot(), "succeeded")
    world.says = BROKEN
    await world.pass_(minutes=1)
    await world.pass_(minutes=6)
    assert (await state(world), await outcomes(world)) == (
        ["superseded", "not_fixed"],
        [["fixed", "fixed", "superseded", "superseded"], ["other", "", "", ""]],
    )
    assert b"after_fix.not_fixed" in world.posted[-1] and b'"T1"' in world.posted[-1]


async def test_settings_that_rules_put_right_are_looked_at_for_a_ticket_alone(world: World) -> None:
    """The hook and the fix by rule do it; what our own rules put right on any day is known before, and not tested."""
    await world.tested()
    await world.app.operations.request(BOSS, KEY, "provision", {})
    await world.app.operations.request(BOSS, KEY, "provision", {}, ticket="T1")
    assert await state(world) == ["kept", "waiting"]


async def test_closures_are_joined_to_verdicts_and_reported(world: World) -> None:
    world.says = BROKEN
    for n in range(3):
        await world.ticket(f"T{n}", (await world.tested(ticket=f"T{n}")).id)
    for n in range(3):
        code = "low_rx_single" if n else "77"
        await world.quality.close(BOSS, f"T{n}", code=code, visited=True, overridden=n == 0)
    world.clock.now += timedelta(days=2)
    await world.ticket("T9")
    world.clock.now += timedelta(minutes=1)
    with pytest.raises(InvalidInput, match="after_fix"):
        await world.quality.close(BOSS, "T9", code="nonsense")
    with pytest.raises(NotFound):
        await world.quality.close(BOSS, "none", code="77")
    told = await world.quality.report(BOSS, days=30)
    rates = told["rates"]
    assert (told["closures"], told["joined"]) == (3, 3)
    assert (rates["false_dispatch"]["part"], rates["false_dispatch"]["whole"]) == (1, 3)
    assert rates["override"]["part"] == 1
    assert rates["repeat"]["part"] == 3
    assert rates["inconclusive"] == {**rates["inconclusive"], "part": 0, "whole": 3}
    assert told["brier"] == pytest.approx((0.64 + 0.04 + 0.04) / 3)
    first = told["causes"][0]
    assert (first["cause"], first["precision"]["part"]) == ("low_rx_single", 2)


async def test_a_cause_of_a_sites_own_pack_is_a_closure_code(world: World) -> None:
    site = (
        '[pack]\nid = "north"\nversion = "1"\nowner = "me"\nextends = "default"\n[cause.cat]\nscored = false\n'
        'title = {ru = "Кот", en = "Cat"}\nlocation = "drop"\nverdict = "DISPATCH_HOME"\nqueue = "l3-home"\n'
        'text = {ru = "т", en = "t"}\nscript = {ru = "с", en = "s"}\n'
    )
    packs, tree = world.app.northbound.packs, whole_tree({"site.toml": site})
    world.says = BROKEN
    await world.ticket("T1", (await world.tested(ticket="T1")).id)
    with pytest.raises(InvalidInput, match="no cause of a deciding pack"):
        await world.quality.close(BOSS, "T1", code="cat")
    async with world.store.transaction() as tx:
        await pack_store.put(tx, packs._record(tree, "me", "", {}, {}))
        activation = PackActivation("a1", "olt-1", tree_hash(tree), "activate", world.clock.now, "me", "cats")
        await pack_store.activate(tx, activation)
    await world.quality.close(BOSS, "T1", code="cat", visited=True)
    rates = (await world.quality.report(BOSS, days=30))["rates"]
    assert (rates["right_verdict"]["part"], rates["right_cause"]["part"]) == (1, 0)
    assert (rates["false_dispatch"]["part"], rates["false_dispatch"]["whole"]) == (0, 1)


async def test_two_visits_to_one_line_are_counted_and_so_is_who_was_overridden(world: World) -> None:
    world.says = BROKEN
    for n, visited in enumerate((True, True, False)):
        await world.ticket(f"T{n}", (await world.tested(ticket=f"T{n}")).id)
        await world.quality.close(BOSS, f"T{n}", code="low_rx_single", visited=visited, overridden=n == 1)
        world.clock.now += timedelta(days=2)
    told = await world.quality.report(BOSS, days=30)
    assert (told["rates"]["double_dispatch"]["part"], told["rates"]["double_dispatch"]["whole"]) == (2, 2)
    assert (told["causes"][0]["override"]["part"], told["causes"][0]["override"]["whole"]) == (1, 3)


async def test_the_api_has_it(app: App, world: World) -> None:
    await world.ticket("T1", (await world.tested(ticket="T1")).id)
    async with await client_of(app, "operate", "read") as client:
        closed = await client.post("/tickets/T1/closure", json={"code": "nff", "visited": False})
        assert (closed.status_code, closed.json()["cause"]) == (200, "nff")
        wrong = await client.post("/closures", json={"closures": [{"ticket": "T1", "code": "?"}]})
        assert wrong.status_code == 422 or wrong.status_code == 400
        begun = await client.post("/lines/L1/checkups", json={"action": "visit"})
        assert begun.status_code == 201 and len(begun.json()["runs"]) == 4
        assert (await client.get(f"/checkups/{begun.json()['id']}")).json()["state"] == "watching"
        assert len((await client.get("/checkups?line=L1")).json()) == 1
        report = (await client.get("/reports/quality?days=7")).json()
        assert report["closures"] == 1
        assert (await client.get("/outages")).json() == []
        assert (await client.get("/outages/none")).status_code == 404
        assert (await client.get("/outages/systemic")).json() == []


async def mended_by(world: World, action: str | None = None) -> None:
    """A reboot (or what was done by hand) for the ticket T1 has been done."""
    if action is not None:
        await world.after_fix.begin(BOSS, "L1", action, ticket="T1")
        return
    await world.settle(await world.reboot(ticket="T1"), "succeeded")
    await world.pass_(seconds=5)


async def outcomes(world: World) -> list[list[str]]:
    """What the tests after each action said, the oldest action first."""
    found = await world.after_fix.find(BOSS, line="L1")
    return [[run.outcome for run in view.runs] for view in reversed(found)]


async def test_a_line_that_was_well_before_was_not_mended(world: World) -> None:
    world.says = WELL
    await world.tested()
    await mended_by(world)
    for hours in (0.1, 1.0, 23.0, 50.0):
        await world.pass_(hours=hours)
    told = await world.after_fix.rates(BOSS, world.clock.now - timedelta(days=30))
    assert [(row["fixed"], row["known"]) for row in told["reboot"]["after"]] == [(0, 0)] * 4  # type: ignore[call-overload,index,union-attr]
    assert (await state(world), told["reboot"]["held"]) == (["well"], 0)
    assert (await outcomes(world), world.posted) == ([["well"] * 4], [])


async def test_what_a_later_visit_mended_is_not_the_reboots(world: World) -> None:
    world.says = BROKEN
    await world.tested()
    await mended_by(world)
    await world.pass_(minutes=6)
    await mended_by(world, "visit")
    world.says = WELL
    for hours in (0.1, 1.0, 23.0, 50.0):
        await world.pass_(hours=hours)
    told = await world.after_fix.rates(BOSS, world.clock.now - timedelta(days=30))
    assert (told["reboot"]["held"], told["visit"]["held"]) == (0, 1)
    assert [(row["fixed"], row["known"]) for row in told["reboot"]["after"]] == [(0, 1)] * 4  # type: ignore[call-overload,index,union-attr]
    assert [(row["fixed"], row["known"]) for row in told["visit"]["after"]] == [(1, 1)] * 4  # type: ignore[call-overload,index,union-attr]
    assert await outcomes(world) == [["same", *["superseded"] * 3], ["fixed"] * 4]
    assert [body.split(b"{")[0] for body in world.posted] == [b"after_fix.not_fixed", b"after_fix.fixed"]


@pytest.mark.parametrize(
    "above",
    [
        {"verdict": "OPEN_OUTAGE", "cause": "mass_power", "posterior": 0.95},
        {"verdict": "ATTACH_OUTAGE", "cause": "incident_match", "posterior": 0.98},
        {"verdict": "ESCALATE_CORE", "cause": "olt_down", "posterior": 0.95},
    ],
)
async def test_an_outage_after_a_repair_is_no_falling_back(world: World, above: dict[str, Json]) -> None:
    """It hides the line: the later tests say whether the repair held."""
    world.says = BROKEN
    await world.tested()
    await mended_by(world)
    world.says = WELL
    await world.pass_(minutes=6)
    world.says = above
    await world.pass_(hours=1)
    assert await state(world) == ["watching"]
    world.says = WELL
    await world.pass_(hours=24)
    await world.pass_(hours=49)
    assert (await state(world), await outcomes(world)) == (["held"], [["fixed", "unknown", "fixed", "fixed"]])
    assert [body.split(b"{")[0] for body in world.posted] == [b"after_fix.fixed"]


async def test_what_fell_back_is_tested_on_so_that_no_rate_lacks_it(world: World) -> None:
    world.says = BROKEN
    await world.tested()
    await mended_by(world)
    for says, hours in ((WELL, 0.1), (BROKEN, 1.0), (BROKEN, 23.0), (WELL, 50.0)):
        world.says = says
        await world.pass_(hours=hours)
    assert (await state(world), await outcomes(world)) == (["fell_back"], [["fixed", "same", "same", "fixed"]])
    assert [body.split(b"{")[0] for body in world.posted] == [b"after_fix.fixed", b"after_fix.fell_back"]


async def test_an_action_that_did_not_happen_ends_no_checkup(world: World) -> None:
    world.says = BROKEN
    await world.tested()
    await mended_by(world, "visit")
    await world.settle(await world.reboot(ticket="T1"), "failed")
    world.says = WELL
    await world.pass_(minutes=6)
    assert (await state(world), (await outcomes(world))[0][0]) == (["watching", "void"], "fixed")
