"""What is remembered of a device may accuse its line and never acquit it, through the line tests themselves."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from acs.config import LineTestsSection, TicketsSection
from acs.services.clock import utc_now
from acs.services.connection_requests import Result
from acs.services.context import Entry
from acs.services.gathering import SourceReport, SourceState
from acs.services.northbound import pace_of
from acs.services.remembered import Remembered
from acs.services.replays import again, differing
from acs.services.tickets import Tickets
from acs.store import facts as fact_store
from acs.store import trees
from acs.store.records import ContextFact, OperationStep, TreeUpdate
from probes.access import OntPlace, PortReading
from probes.errors import ProbeTimeout
from probes.facts import Fact
from probes.linetest import load_pack
from tests.services.test_line_tests import (
    ACTOR,
    KEY,
    TREE,
    FakeOperations,
    FakeReader,
    World,
    facts_of,
    finished,
    sources_of,
    tell,
    world,
)

__all__ = ["world"]

WLAN = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1."
STEERING = "InternetGatewayDevice.LANDevice.1.WiFi.X_HW_GlobalConfig.X_HW_UseBandSteering.1.ChannelUtilization"
RSSI = f"{WLAN}AssociatedDevice.1.X_HW_RSSI"
CLIENTS = f"{WLAN}TotalAssociations"
HOME = {**TREE, RSSI: "-61", CLIENTS: "1", STEERING: "28"}
NO_LINK = {"InternetGatewayDevice.LANDevice.1.LANEthernetInterfaceConfig.1.Status": "no word of ours"}
#: what other systems say of a line that is well
WELL: dict[str, Any] = {
    "account__state": "active",
    "bras__session": "up",
    "bras__address": "192.0.2.99",
    "contacts_14d": 0,
    "dns__operator_ok": True,
    "fw__outdated_known_bug": False,
    "ont__flaps_24h": 0,
    "ont__olt_rx_dbm": -22.0,
    "olt__unprovisioned_on_port": False,
}


async def home(world: World, *, age_s: float, rssi: str = "-61", without: str = "") -> None:
    """A line that is well, with a tree that was read so long ago; `without` is a fact that nobody tells."""
    now = utc_now()
    context = world.app.northbound.context
    await context.put_incidents(ACTOR, "noc", now, [])
    await context.put_planned_works(ACTOR, "noc", now, [])
    points = [Entry("L-1", "ont.rx_dbm", -20.2, now - timedelta(hours=6 * n)) for n in range(1, 28)]
    await context.put_readings(ACTOR, "nms", points)
    await tell(world.app, **{name: value for name, value in WELL.items() if name != without})
    await read(world, {**HOME, RSSI: rssi}, age_s=age_s)


async def read(world: World, values: dict[str, str], *, age_s: float = 0.0) -> None:
    """The device's whole tree, as it was read so long ago."""
    typed = {name: (value, "xsd:string") for name, value in values.items()}
    async with world.app.store.transaction() as tx:
        await trees.write(tx, KEY, typed, utc_now() - timedelta(seconds=age_s))


async def judged(world: World, depth: str = "normal") -> Any:
    tests = world.line_tests()
    given = {} if depth == "normal" else {"depth": depth}
    record = await finished(tests, (await tests.start(ACTOR, "L-1", **given)).id)  # type: ignore[arg-type]  # a depth
    assert differing(record.verdict, again(record, load_pack())) == [], "what is kept gives the same verdict again"
    return record


class Answering(FakeOperations):
    """A CPE that answers with another tree than the one that is stored."""

    def __init__(self, world: World, values: dict[str, str]) -> None:
        super().__init__(world.app)
        self._values = values

    async def watch(self, operation_id: str) -> AsyncGenerator[OperationStep, None]:
        typed = {name: (value, "xsd:string") for name, value in self._values.items()}
        async with self.app.store.transaction() as tx:
            await trees.merge(tx, KEY, TreeUpdate(typed, utc_now(), replaced_paths=("",)))
        async for step in super().watch(operation_id):
            yield step


async def test_a_line_that_is_well_and_whose_cpe_answers_is_called_well(world: World) -> None:
    await home(world, age_s=600)
    record = await judged(world)
    assert (record.verdict["cause"], record.verdict["needs_human"]) == ("nff", False), record.verdict["trace"]


async def test_a_cpe_that_answers_without_wifi_clients_is_not_called_well_by_the_client_it_had(world: World) -> None:
    await home(world, age_s=600)
    gone = {name: value for name, value in HOME.items() if name != RSSI}
    world.operations = Answering(world, {**gone, CLIENTS: "0"})
    record = await judged(world)
    assert sources_of(record)["cpe-1"] == "answered"
    assert facts_of(record)["wifi.clients"]["value"] == 0
    assert "wifi.worst_rssi" not in facts_of(record)
    assert record.verdict["verdict"] == "INCONCLUSIVE"
    assert "wifi.worst_rssi" in record.verdict["not_measured"]


async def test_what_a_cpe_tells_unreadably_is_not_replaced_by_what_it_told_before(world: World) -> None:
    await home(world, age_s=600)
    world.operations = Answering(world, {**HOME, **NO_LINK})
    record = await judged(world)
    assert facts_of(record)["ont.lan_link"]["quality"] == "unreadable"
    assert record.verdict["verdict"] == "INCONCLUSIVE"


@pytest.mark.parametrize(("behaviour", "state"), [("silent", "late"), ("call fails", "failed")])
async def test_a_line_is_not_called_well_by_what_is_remembered_of_its_cpe(
    world: World, behaviour: str, state: str
) -> None:
    await home(world, age_s=10)
    world.operations.behaviour, world.operations.call = behaviour, Result.NO_ROUTE
    record = await judged(world)
    facts = facts_of(record)
    assert facts["wifi.worst_rssi"]["source"] == "cpe cached"
    assert facts["wifi.worst_rssi"]["quality"] == "stale"
    assert record.verdict["verdict"] == "INCONCLUSIVE"
    assert {"cpe.mem_free_pct", "ont.lan_link", "wifi.worst_rssi", "wifi.util_pct"} <= {*record.verdict["not_measured"]}
    silent = {one["fact"]: (one["because"], one["source"]) for one in record.facts["unmeasured"]}
    assert silent["wifi.worst_rssi"] == (state, "cpe-1")
    assert silent[record.verdict["next_probe"]] == (state, "cpe-1"), "the CPE can be asked again"


async def test_what_is_remembered_still_accuses(world: World) -> None:
    await home(world, age_s=800, rssi="-84")
    world.operations.behaviour = "silent"
    record = await judged(world)
    assert (record.verdict["verdict"], record.verdict["cause"]) == ("GUIDE_CUSTOMER", "wifi_weak")
    assert facts_of(record)["wifi.worst_rssi"]["quality"] == "ok"


async def test_a_repeat_is_not_called_green_by_what_is_remembered(world: World) -> None:
    await home(world, age_s=10)
    await tell(world.app, contacts_14d=2)
    world.operations.behaviour = "silent"
    record = await judged(world)
    assert (record.verdict["verdict"], record.verdict["cause"]) == ("INCONCLUSIVE", "not_determined")


@pytest.mark.parametrize(("behaviour", "cause"), [("answers", "restored"), ("silent", "restored_unmeasured")])
async def test_a_line_that_rose_after_the_ticket_is_restored_only_by_what_was_measured(
    world: World, behaviour: str, cause: str
) -> None:
    await home(world, age_s=10)
    now = utc_now()
    opened, fell, rose = ((now - timedelta(minutes=ago)).isoformat() for ago in (10, 20, 5))
    world.operations.behaviour = behaviour
    world.reader.walked = {"ont.last_down_at": fell, "ont.last_up_at": rose}
    ticket = {"id": "TT-1", "creationDate": opened, "relatedEntity": [{"id": "L-1", "@referredType": "Line"}]}
    body = {"eventId": "e", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": ticket}}
    tests = world.line_tests()
    taken = await Tickets(world.app.store, TicketsSection(), tests).receive(ACTOR, body)
    record = await finished(tests, str(taken.line_test))
    assert record.verdict["cause"] == cause, record.verdict["trace"]


def test_of_two_devices_the_silent_one_is_remembered() -> None:
    now = utc_now()
    trees = {name: [Fact("wifi.worst_rssi", -60, now, f"{name} cached")] for name in ("cpe-1", "cpe-2")}
    reports = [SourceReport("cpe-1", SourceState.ANSWERED, 1), SourceReport("cpe-2", SourceState.LATE, 1)]
    remembered = Remembered(trees, now)
    assert remembered.beside(reports) == trees["cpe-2"]
    assert remembered.beside([]) == [*trees["cpe-1"], *trees["cpe-2"]], "what is pending has not answered"
    measured = {"wifi.worst_rssi": Fact("wifi.worst_rssi", -60, now, "controller")}
    assert remembered.stale(measured, reports) == measured, "what another system tells is no memory of ours"


async def test_light_that_is_remembered_of_the_cpe_is_no_step_of_now(world: World) -> None:
    """The step against its own past rests on a level; where that is remembered, so is the step."""
    await home(world, age_s=10)
    await tell(world.app, ont__run_state="online")
    world.operations.behaviour, world.reader.silent = "silent", True
    facts = facts_of(await judged(world))
    assert (facts["ont.rx_dbm"]["source"], facts["ont.rx_dbm"]["quality"]) == ("cpe cached", "stale")
    assert facts["ont.rx_delta_db"]["quality"] == "stale"


async def test_a_reject_of_before_does_not_outvote_a_session_that_is_up(world: World) -> None:
    await home(world, age_s=600)
    entry = Entry("L-1", "radius.last", "reject_blocked", utc_now() - timedelta(minutes=50))
    await world.app.northbound.context.put_facts(ACTOR, "aaa", [entry])
    record = await judged(world)
    assert record.verdict["cause"] != "account_blocked"


@pytest.mark.parametrize(
    ("counted_min", "fell_min", "told", "quality"),
    [(50, 5, 1, "ok"), (50, 55, 0, "ok"), (70, 5, 1, "stale"), (50, 25 * 60, 0, "ok"), (50, -5, 0, "ok")],
)
async def test_a_fall_since_the_falls_were_counted_is_one_more(
    world: World, counted_min: int, fell_min: int, told: int, quality: str
) -> None:
    await home(world, age_s=600, without="ont__flaps_24h")
    counted_at = utc_now() - timedelta(minutes=counted_min)
    async with world.app.store.transaction() as tx:
        await fact_store.put(tx, [ContextFact("L-1", "ont.flaps_24h", 0, counted_at, "polling olt-1")])
    world.reader.walked = {"ont.last_down_at": (utc_now() - timedelta(minutes=fell_min)).isoformat()}
    flaps = facts_of(await judged(world))["ont.flaps_24h"]
    assert (flaps["value"], flaps["quality"]) == (told, quality)
    assert ("at least" in flaps["method"]) is bool(told)


@pytest.mark.parametrize(
    ("sent", "answered", "verdict"), [(5, 5, "INCONCLUSIVE"), (50, 50, "NFF"), (50, 48, "INCONCLUSIVE")]
)
async def test_a_few_echoes_do_not_call_a_line_well(world: World, sent: int, answered: int, verdict: str) -> None:
    """A line that loses a fifth of its packets answers five echoes of five every third time."""
    await home(world, age_s=600)
    world.echoes = sent, answered
    record = await judged(world)
    assert record.verdict["verdict"] == verdict, record.verdict["trace"]


def test_the_echoes_of_a_test_are_enough_to_speak_of_loss_and_fit_its_time() -> None:
    usual = LineTestsSection()
    assert usual.ping_count >= 50
    spread_s = pace_of(usual.ping_count) * (usual.ping_count - 1)
    assert spread_s + 1.0 < usual.sources.ping_s, "with the wait for the last answer"


@dataclass
class Remembering(FakeReader):
    """An access node whose port was read 20 s ago, before the ONTs of that port fell."""

    #: the port does not answer when it is read once more
    mute: bool = False
    reads: int = 0

    async def read_port(
        self, target: object, profile: object, place: OntPlace, now: datetime, *, newer_than: datetime | None = None
    ) -> PortReading:
        if newer_than is None:
            well = FakeReader(serial=self.serial)
            return await well.read_port(target, profile, place, now - timedelta(seconds=20))
        self.reads += 1
        if self.mute:
            raise ProbeTimeout("no answer from 192.0.2.1:161")
        return await super().read_port(target, profile, place, now)


async def fallen(world: World, reader: Remembering) -> None:
    """The line is down: no session, no CPE."""
    await home(world, age_s=600)
    await tell(world.app, bras__session="none")
    world.operations.behaviour, world.reader = "silent", reader


async def test_a_port_that_was_read_before_the_fall_is_read_once_more(world: World) -> None:
    """A mass fault must not look like one broken drop because everybody was well 20 s before."""
    await fallen(world, Remembering(state="offline", neighbours_down=12))
    record = await judged(world)
    facts = facts_of(record)
    assert (facts["sib.others_down_window"]["value"], facts["sib.down_ratio"]["value"]) == (11, 0.75)
    assert record.verdict["verdict"] == "OPEN_OUTAGE"
    assert isinstance(world.reader, Remembering) and world.reader.reads == 1


async def test_where_the_port_cannot_be_read_again_nothing_is_said_of_the_neighbours(world: World) -> None:
    await fallen(world, Remembering(state="offline", neighbours_down=12, mute=True))
    record = await judged(world)
    assert not [name for name in facts_of(record) if name.startswith("sib.")]
    assert record.verdict["verdict"] != "DISPATCH_HOME"
    access = next(one for one in record.facts["sources"] if one["name"] == "access")
    assert access["state"] == "answered"
    assert "before this ONT fell" in access["problem"]


async def test_neighbours_are_as_old_as_the_reading_of_their_port(world: World) -> None:
    await home(world, age_s=600)
    reader = world.reader = Remembering()
    record = await judged(world)
    assert 19 < facts_of(record)["sib.down_ratio"]["age_s"] < 60
    assert reader.reads == 0, "a reading that fits is not made again"
