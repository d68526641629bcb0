"""Campaigns through real sockets: simulated CPEs fetch a file, flash, boot and are seen with the new version."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acs.app import App, build
from acs.cwmp.structs import DeviceId
from acs.errors import Conflict
from acs.services import campaign_turns
from acs.services.actor import Actor, local_actor
from acs.services.campaign_settings import CampaignSettings
from acs.services.campaigns import CampaignView
from acs.services.files import NewFile
from acs.services.identifiers import new_id
from acs.store import campaigns as campaign_store
from acs.store import devices
from acs.store import operations as operation_store
from acs.store.campaigns import CampaignDevice, CampaignRecord, CampaignState, DeviceState
from acs.store.records import OperationRecord, OperationState, OperationTransition, StepName
from acs.store.transaction import Transaction
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import load
from tests.fakes.acs_server import config_for
from tests.simulator.conftest import FIXED
from tests.store.make import opening, operation

ADMIN = local_actor("test")
GOOD, BAD = b"VERSION V2\n" + bytes(100_000), b"no firmware at all\n"


@asynccontextmanager
async def serving(tmp_path: Path, provisioning: dict[str, Any] | None = None, **campaigns: Any) -> AsyncIterator[App]:
    tables: dict[str, Any] = {
        "server": {"grace_s": 0.5},
        "cwmp": {"first_contact": {"enabled": True}},
        "files": {"directory": str(tmp_path / "files"), "host": "127.0.0.1", "port": 0},
        "campaigns": {"tick_s": 0.1, **campaigns},
        "provisioning": provisioning or {},
    }
    app = await build(config_for(tmp_path, **tables))
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


@asynccontextmanager
async def street(app: App, count: int) -> AsyncIterator[list[Cpe]]:
    """So many CPEs that have informed and can be called."""
    made = []
    for n in range(count):
        fixed = FIXED | {"acs_url": f"http://127.0.0.1:{app.cwmp_port}/", "serial": f"S{n}", "periodic_s": "3600"}
        cpe = Cpe(
            DeviceId("Maker", "00AA11", "ONT-5", f"S{n}"),
            lambda device, fixed=fixed: load(CpeKind.ROUTER.value, fixed, device.live),
            "",
            habits=Habits(boot_s=0.05, retry_m_s=0.05),
        )
        made.append(cpe)
    try:
        for cpe in made:
            await cpe.start()
        for cpe in made:
            await asyncio.wait_for(cpe.wait_informed(), 60)
        yield made
    finally:
        for cpe in made:
            await cpe.stop()


async def begin(app: App, content: bytes = GOOD, **settings: Any) -> CampaignView:
    async def body() -> AsyncIterator[bytes]:
        yield content

    fleet = app.northbound.fleet
    file = await fleet.files.add(ADMIN, NewFile("v2.bin", version="V2", models=("ONT-5",)), body(), len(content))
    wanted = CampaignSettings.model_validate({"targets": {"models": ["ONT-5"]}, "soak_s": 0, **settings})
    return await fleet.campaigns.create(ADMIN, "to-v2", file.id, "", wanted)


async def until(app: App, *states: CampaignState) -> CampaignView:
    for _ in range(1200):
        view = await app.northbound.fleet.campaigns.get(ADMIN, "to-v2")
        if view.campaign.state in states:
            return view
        await asyncio.sleep(0.05)
    raise AssertionError(f"the campaign is {view.campaign.state} ({view.campaign.detail}) with {view.tally}")


def version(cpe: Cpe) -> str:
    return cpe.tree.value(f"{cpe.tree.root}DeviceInfo.SoftwareVersion")


async def test_a_campaign_upgrades_its_devices_canaries_first(tmp_path: Path) -> None:
    async with serving(tmp_path) as app, street(app, 3) as cpes:
        view = await begin(app, canary=1)
        assert view.tally.all == {DeviceState.WAITING: 3} and view.tally.canaries == {DeviceState.WAITING: 1}
        done = await until(app, CampaignState.DONE)
        assert done.tally.all == {DeviceState.SUCCEEDED: 3}
        assert {version(cpe) for cpe in cpes} == {"V2"}
        assert [cpe.reboots for cpe in cpes] == [1, 1, 1]
        first, *rest = await app.northbound.fleet.campaigns.devices(ADMIN, "to-v2")
        assert first.canary and all(not each.canary for each in rest)
        assert first.finished_at is not None and done.campaign.canary_passed_at is not None
        assert all(
            each.started_at is not None and each.started_at >= done.campaign.canary_passed_at >= first.finished_at
            for each in rest
        )
        assert all(each.detail == "it was seen with V2" for each in (first, *rest))
        _, transfers = await app.northbound.fleet.files.get(ADMIN, done.campaign.file)
        assert sorted(each.device for each in transfers) == sorted(str(cpe.key) for cpe in cpes)
        assert all(each.completed_at is not None and each.sent_bytes == len(GOOD) for each in transfers)


async def test_a_canary_that_fails_stops_the_campaign(tmp_path: Path) -> None:
    async with serving(tmp_path) as app, street(app, 3) as cpes:
        await begin(app, BAD, canary=1)
        stopped = await until(app, CampaignState.STOPPED)
        assert stopped.campaign.detail == "1 of 1 canaries did not upgrade"
        assert stopped.tally.all == {DeviceState.WAITING: 2, DeviceState.FAILED: 1}
        await asyncio.sleep(0.5)
        assert sum(cpe.reboots for cpe in cpes) == 0
        (failed,) = await app.northbound.fleet.campaigns.devices(ADMIN, "to-v2", state=DeviceState.FAILED)
        assert "9018" in failed.detail and failed.attempts == 1


async def test_paused_and_resumed_after_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as app, street(app, 2) as cpes:
        for cpe in cpes:
            await cpe.doorbell.close()  # it can be asked, and is not reached
        await begin(app)
        for _ in range(1200):
            view = await app.northbound.fleet.campaigns.get(ADMIN, "to-v2")
            if view.tally.count(DeviceState.STARTED) == 2:
                break
            await asyncio.sleep(0.05)
        assert view.tally.all == {DeviceState.STARTED: 2}
        paused = await app.northbound.fleet.campaigns.pause(ADMIN, "to-v2")
        assert paused.tally.all == {DeviceState.WAITING: 2}, "what was not sent is taken back"
        with pytest.raises(Conflict, match="only one that is running can be paused"):
            await app.northbound.fleet.campaigns.pause(ADMIN, "to-v2")
        port = app.cwmp_port
    assert [cpe.reboots for cpe in cpes] == [0, 0] and port
    async with serving(tmp_path) as app, street(app, 2) as cpes:
        await asyncio.sleep(0.3)
        assert [cpe.reboots for cpe in cpes] == [0, 0], "it is still paused"
        await app.northbound.fleet.campaigns.resume(ADMIN, "to-v2")
        done = await until(app, CampaignState.DONE)
        assert done.tally.all == {DeviceState.SUCCEEDED: 2}
        assert [cpe.reboots for cpe in cpes] == [1, 1]


async def test_a_silent_device_frees_its_place_and_its_role_and_is_upgraded_when_it_comes(tmp_path: Path) -> None:
    async with serving(tmp_path, tick_s=3600.0) as app, street(app, 2) as cpes:
        view = await begin(app, canary=1, at_once=1, silent_s=600)
        campaigns = app.northbound.fleet.campaigns
        first, second = await campaigns.devices(ADMIN, "to-v2")
        by_key = {str(cpe.key): cpe for cpe in cpes}
        silent, other = by_key[first.device], by_key[second.device]
        await silent.doorbell.close()
        await app.northbound.fleet.campaign_turns.turn()
        long_ago = app.clock() - timedelta(seconds=601)
        async with app.store.transaction() as tx:
            (asked_first,) = await campaign_store.members(tx, view.campaign.id, states=(DeviceState.STARTED,))
            await campaign_store.settle(tx, asked_first, DeviceState.STARTED, "asked", started_at=long_ago)
        for _ in range(1200):
            await app.northbound.fleet.campaign_turns.turn()
            view = await campaigns.get(ADMIN, "to-v2")
            if view.tally.count(DeviceState.SUCCEEDED):
                break
            await asyncio.sleep(0.05)
        assert view.tally.all == {DeviceState.SUCCEEDED: 1, DeviceState.SILENT: 1}
        assert view.tally.canaries == {DeviceState.SUCCEEDED: 1}, "the silent one's part went to the next"
        assert version(other) == "V2" and (view.campaign.state, silent.reboots) == (CampaignState.RUNNING, 0)
        (still,) = await campaigns.devices(ADMIN, "to-v2", state=DeviceState.SILENT)
        asked = await app.operations.get(ADMIN, still.operation or "")
        assert asked.state is OperationState.QUEUED and "1 silent device" in view.waits
        silent._raise_event("2 PERIODIC")
        for _ in range(1200):
            await app.northbound.fleet.campaign_turns.turn()
            view = await campaigns.get(ADMIN, "to-v2")
            if view.campaign.state is CampaignState.DONE:
                break
            await asyncio.sleep(0.05)
        assert view.tally.all == {DeviceState.SUCCEEDED: 2} and version(silent) == "V2"


async def test_pausing_takes_back_what_a_silent_device_was_asked(tmp_path: Path) -> None:
    async with serving(tmp_path, tick_s=3600.0) as app, street(app, 1) as (cpe,):
        await cpe.doorbell.close()
        view = await begin(app, silent_s=1)
        campaigns = app.northbound.fleet.campaigns
        await app.northbound.fleet.campaign_turns.turn()
        async with app.store.transaction() as tx:
            (asked,) = await campaign_store.members(tx, view.campaign.id)
            await campaign_store.settle(tx, asked, DeviceState.SILENT, "silent")
        paused = await campaigns.pause(ADMIN, "to-v2")
        assert paused.tally.all == {DeviceState.WAITING: 1}


async def test_pausing_takes_back_all_however_many_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_PAGE", "_STEP"):
        monkeypatch.setattr(campaign_turns, name, 2, raising=False)
    async with serving(tmp_path, tick_s=3600.0) as app:
        for n in range(5):
            known = opening(app.clock(), key=f"d{n}", product_class="ONT-5", software_version="V1", session_id=f"s{n}")
            await app.store.sessions.open(known)
        view = await begin(app)
        await app.northbound.fleet.campaign_turns.turn()
        assert (await app.northbound.fleet.campaigns.get(ADMIN, "to-v2")).tally.all == {DeviceState.STARTED: 5}
        paused = await app.northbound.fleet.campaigns.pause(ADMIN, view.campaign.id)
        assert paused.tally.all == {DeviceState.WAITING: 5}
        found = await app.operations.list(ADMIN)
        assert [one.state for one in found] == [OperationState.CANCELLED] * 5
        trail = await app.northbound.audit_trail.list(ADMIN, action="operation.cancelled")
        assert {one.target for one in trail} == {f"operation:{one.id}" for one in found}


async def test_who_has_the_version_meanwhile_or_is_gone_is_skipped(tmp_path: Path) -> None:
    async with serving(tmp_path, tick_s=3600.0) as app:
        for n in range(2):
            known = opening(app.clock(), key=f"d{n}", product_class="ONT-5", software_version="V1", session_id=f"s{n}")
            await app.store.sessions.open(known)
        await begin(app)
        has_it = opening(app.clock(), key="d0", product_class="ONT-5", software_version="V2", session_id="later")
        await app.store.sessions.open(has_it)
        async with app.store.transaction() as tx:
            assert await devices.remove(tx, "d1")
        await app.northbound.fleet.campaign_turns.turn()
        found = await app.northbound.fleet.campaigns.devices(ADMIN, "to-v2")
        assert {each.device: each.state for each in found} == dict.fromkeys(("d0", "d1"), DeviceState.SKIPPED)
        assert {each.detail for each in found if each.device == "d0"} == {"it runs V2 already"}


async def test_a_turn_that_was_cut_off_asks_nobody_twice(tmp_path: Path) -> None:
    async with serving(tmp_path, tick_s=3600.0) as app, street(app, 1) as (cpe,):
        view = await begin(app)
        campaigns = app.northbound.fleet.campaigns
        (waiting,) = await campaigns.devices(ADMIN, "to-v2")
        for _ in range(2):  # the device is asked, and the process dies before that is noted
            await app.northbound.fleet.campaign_turns._ask(view.campaign, waiting, app.clock())
            async with app.store.transaction() as tx:
                (asked,) = await campaign_store.members(tx, view.campaign.id)
                await campaign_store.settle(tx, asked, DeviceState.WAITING, "lost", attempts=0)
        found = await app.operations.list(ADMIN, device=str(cpe.key))
        assert len([each for each in found if each.kind == "download"]) == 1


async def test_outside_of_its_hours_nothing_is_begun(tmp_path: Path) -> None:
    async with serving(tmp_path) as app, street(app, 1) as (cpe,):
        now = app.clock()
        hour = (now.hour + 2) % 24
        view = await begin(app, window=[f"{hour:02}:00-{hour:02}:30"])
        await asyncio.sleep(0.5)
        view = await app.northbound.fleet.campaigns.get(ADMIN, "to-v2")
        assert view.tally.all == {DeviceState.WAITING: 1} and "outside of its hours" in view.waits
        cancelled = await app.northbound.fleet.campaigns.cancel(ADMIN, "to-v2")
        assert cancelled.tally.all == {DeviceState.CANCELLED: 1} and cpe.reboots == 0


async def test_a_stopped_campaign_that_is_resumed_goes_on_to_the_rest(tmp_path: Path) -> None:
    async with serving(tmp_path, tick_s=3600.0) as app, street(app, 2):
        view = await begin(app, canary=1, at_once=1)
        campaigns = app.northbound.fleet.campaigns
        async with app.store.transaction() as tx:
            first, second = await campaign_store.members(tx, view.campaign.id)
            await campaign_store.settle(tx, first, DeviceState.FAILED, "9010", finished_at=app.clock())
        await app.northbound.fleet.campaign_turns.turn()
        assert (await campaigns.get(ADMIN, "to-v2")).campaign.state is CampaignState.STOPPED
        await campaigns.resume(ADMIN, "to-v2")
        for _ in range(3):
            await app.northbound.fleet.campaign_turns.turn()
        found = {each.device: each.state for each in await campaigns.devices(ADMIN, "to-v2")}
        assert found[first.device] is DeviceState.FAILED
        assert found[second.device] in (DeviceState.STARTED, DeviceState.SUCCEEDED)


@pytest.mark.parametrize("content", [GOOD, BAD])
async def test_a_rule_brings_firmware_once(tmp_path: Path, content: bytes) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    settings = {"directory": str(rules), "tick_s": 0.1, "round_s": 0.1}
    async with serving(tmp_path, provisioning=settings) as app, street(app, 1) as (cpe,):

        async def body() -> AsyncIterator[bytes]:
            yield content

        fleet, key = app.northbound.fleet, str(cpe.key)
        file = await fleet.files.add(ADMIN, NewFile("v2.bin", version="V2"), body(), len(content))
        rule = f'[[rule]]\nid = "up"\nmatch = {{}}\nfirmware = {{ version = "V2", file = "{file.id}" }}\n'
        (rules / "a.toml").write_text(rule)
        for _ in range(1200):
            stopped = await fleet.desk.stopped(ADMIN)
            if version(cpe) == "V2" or stopped:
                break
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        downloads = [each for each in await app.operations.list(ADMIN, device=key) if each.kind == "download"]
        assert len(downloads) == 1 and downloads[0].reason == "rule up wants V2"
        if content == GOOD:
            assert (version(cpe), cpe.reboots, await fleet.desk.stopped(ADMIN)) == ("V2", 1, [])
        else:
            (refusal,) = await fleet.desk.stopped(ADMIN)
            assert refusal.rule == "up/firmware" and "9018" in refusal.reason and cpe.reboots == 0
            await fleet.desk.resume(ADMIN, key, "up/firmware")
            for _ in range(1200):
                found = await app.operations.list(ADMIN, device=key)
                if len([each for each in found if each.kind == "download"]) == 2:
                    break
                await asyncio.sleep(0.05)
            else:
                pytest.fail("resume did not ask again")


async def test_campaigns_in_the_store(app_on_both: App) -> None:
    now = app_on_both.clock()
    record = CampaignRecord("c1", "name", "file", "V2", {"a": 1}, CampaignState.RUNNING, now, "me")
    members = [CampaignDevice("c1", f"d{n}", DeviceState.WAITING, n == 0, n, "V1") for n in range(5)]
    async with app_on_both.store.transaction() as tx:
        await campaign_store.add(tx, record, members)
    async with app_on_both.store.transaction() as tx:
        with pytest.raises(Conflict):
            await campaign_store.add(
                tx, CampaignRecord("c2", "name", "f", "V", {}, CampaignState.RUNNING, now, "me"), []
            )
    async with app_on_both.store.transaction() as tx:
        assert await campaign_store.get(tx, "name") == await campaign_store.get(tx, "c1") == record
        assert await campaign_store.get(tx, "nothing") is None
        assert [each.place for each in await campaign_store.members(tx, "c1", after=2)] == [3, 4]
        (canary,) = await campaign_store.members(tx, "c1", canary=True)
        assert canary.device == "d0" and canary.version_now is None
        assert await campaign_store.settle(tx, canary, DeviceState.STARTED, "", started_at=now, attempts=1)
        assert not await campaign_store.settle(tx, canary, DeviceState.STARTED, "", attempts=1), "guarded"
        tally = await campaign_store.tally(tx, "c1")
        assert tally.all == {DeviceState.WAITING: 4, DeviceState.STARTED: 1}
        assert tally.canaries == {DeviceState.STARTED: 1}
        assert await campaign_store.started_since(tx, "c1", now) == 0
        other = CampaignRecord("c2", "other", "file", "V2", {}, CampaignState.RUNNING, now, "me")
        both = [CampaignDevice("c2", f"d{n}", DeviceState.WAITING, False, n, "V1") for n in range(3)]
        await campaign_store.add(tx, other, both)
        assert await _waiting(tx, "c2") == ["d1", "d2"], "d0 is under way in another campaign"
        assert await campaign_store.settle(tx, both[1], DeviceState.WAITING, "was not asked", attempts=1)
        assert await _waiting(tx, "c2") == ["d2", "d1"], "who was asked in vain comes last"
        assert await _waiting(tx, "c2", canary=True) == []
        (asked,) = await campaign_store.members(tx, "c1", states=[DeviceState.STARTED])
        assert await campaign_store.settle(tx, asked, DeviceState.UNKNOWN, "nobody told", attempts=1)
        assert "d0" not in await _waiting(tx, "c2"), "the other campaign may still learn of it"
        await campaign_store.change(tx, "c1", (CampaignState.RUNNING,), CampaignState.DONE, "d", finished_at=now)
        assert await _waiting(tx, "c2") == ["d0", "d2", "d1"], "what stays unknown when all is over keeps nobody"
        await campaign_store.change(tx, "c1", (CampaignState.DONE,), CampaignState.RUNNING, "")
        assert await campaign_store.hand_on_canary(tx, "c2", "d0")
        assert await _waiting(tx, "c2", canary=True) == ["d2"]
        assert await campaign_store.settle_all(tx, "c1", DeviceState.WAITING, DeviceState.CANCELLED, "why") == 4
        assert await campaign_store.change(tx, "c1", (CampaignState.RUNNING,), CampaignState.DONE, "d", finished_at=now)
        assert not await campaign_store.change(tx, "c1", (CampaignState.RUNNING,), CampaignState.PAUSED, "")
        assert [each.id for each in await campaign_store.list_campaigns(tx, states=[CampaignState.DONE])] == ["c1"]


async def _waiting(tx: Transaction, campaign: str, *, canary: bool | None = None) -> list[str]:
    found = await campaign_store.next_waiting(tx, campaign, canary=canary, limit=9)
    return [each.device for each in found]


async def test_a_campaign_rests_while_writes_are_frozen_and_loses_no_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path) as app, street(app, 2) as cpes:
        freeze, campaigns = app.northbound.freeze, app.northbound.fleet.campaigns
        await freeze.throw(ADMIN, on=True, reason="works")
        await begin(app)
        await app.northbound.fleet.campaign_turns.turn()

        async def not_yet_known() -> bool:
            return False  # the switch was thrown between the look and the write

        with monkeypatch.context() as blind:
            blind.setattr(app.operations, "frozen", not_yet_known)
            await app.northbound.fleet.campaign_turns.turn()
        view = await campaigns.get(ADMIN, "to-v2")
        assert (view.campaign.state, view.tally.all) == (CampaignState.RUNNING, {DeviceState.WAITING: 2})
        assert [cpe.reboots for cpe in cpes] == [0, 0]
        await freeze.throw(ADMIN, on=False, reason="over")
        done = await until(app, CampaignState.DONE)
        assert done.tally.all == {DeviceState.SUCCEEDED: 2}
        assert [cpe.reboots for cpe in cpes] == [1, 1]


async def test_whoever_cancels_while_devices_are_asked_leaves_none_to_be_upgraded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, tick_s=3600) as app, street(app, 3) as cpes:
        for cpe in cpes:
            await cpe.stop()
        campaigns, request = app.northbound.fleet.campaigns, app.operations.request
        made: list[OperationRecord] = []

        async def cancelled_meanwhile(actor: Actor, key: str, kind: str, *more: Any, **named: Any) -> OperationRecord:
            if kind == "download" and not made:
                await campaigns.cancel(ADMIN, "to-v2")
            asked = await request(actor, key, kind, *more, **named)
            made.extend([asked] if kind == "download" else [])
            return asked

        monkeypatch.setattr(app.operations, "request", cancelled_meanwhile)
        await begin(app)
        await app.northbound.fleet.campaign_turns.turn()
        assert len(made) == 1, "nobody else is asked"
        assert (await app.operations.get(ADMIN, made[0].id)).state is OperationState.CANCELLED
        view = await campaigns.get(ADMIN, "to-v2")
        assert view.tally.all == {DeviceState.CANCELLED: 3}


async def test_a_halt_takes_back_what_all_devices_were_asked_however_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page at a turn; one that left is no reason to leave those behind it."""
    monkeypatch.setattr("acs.services.campaign_turns._PAGE", 1)
    async with serving(tmp_path, tick_s=3600) as app, street(app, 3) as cpes:
        for cpe in cpes:
            await cpe.stop()
        await begin(app)
        turns = app.northbound.fleet.campaign_turns
        await turns.turn()
        left, *others = await app.northbound.fleet.campaigns.devices(ADMIN, "to-v2", state=DeviceState.STARTED)
        assert len(others) == 2
        now = datetime.now(UTC)
        sent = OperationTransition(
            str(left.operation), (OperationState.QUEUED,), OperationState.SENT, now, StepName.RPC_SENT, "download"
        )
        async with app.store.transaction() as tx:
            assert await operation_store.transition(tx, sent) is not None
        await app.northbound.fleet.campaigns.pause(ADMIN, "to-v2")
        await turns.turn()
        states = [(await app.operations.get(ADMIN, str(each.operation))).state for each in (left, *others)]
        assert states == [OperationState.SENT, OperationState.CANCELLED, OperationState.CANCELLED]


async def test_a_campaign_goes_on_however_many_came_after_it(app_on_both: App) -> None:
    now, settings = app_on_both.clock(), {"targets": {"models": ["ONT-5"]}}
    async with app_on_both.store.transaction() as tx:
        for n in range(102):
            state, over = (CampaignState.RUNNING, None) if n == 0 else (CampaignState.DONE, now)
            record = CampaignRecord(f"c{n:03}", f"name {n}", "file", "V2", settings, state, now, "me", finished_at=over)
            await campaign_store.add(tx, record, [])
    await app_on_both.northbound.fleet.campaign_turns.turn()
    async with app_on_both.store.reading() as tx:
        first = await campaign_store.get(tx, "c000")
    assert first is not None and first.state is CampaignState.DONE


async def test_silent_devices_are_looked_at_only_when_something_may_be_new(app_on_both: App) -> None:
    store, now = app_on_both.store, app_on_both.clock()
    silent = {"waits": ("V1", OperationState.QUEUED), "seen": ("V2", OperationState.QUEUED)}
    silent |= {"came": ("V1", OperationState.SENT), "late": ("V1", OperationState.EXPIRED)}
    members = [
        CampaignDevice("c1", name, DeviceState.SILENT, False, n, "V1", operation=f"o-{name}")
        for n, name in enumerate((*silent, "gone"))
    ]
    for name, (version, _) in silent.items():
        await store.sessions.open(opening(now, key=name, software_version=version, session_id=name))
    async with store.transaction() as tx:
        for name, (_, state) in silent.items():
            asked = operation(now, id=f"o-{name}", device=name, command_key=name, kind="download")
            await operation_store.add(tx, asked)
            if state is not OperationState.QUEUED:
                change = OperationTransition(asked.id, (OperationState.QUEUED,), state, now, StepName.UNKNOWN, "")
                await operation_store.transition(tx, change)
        running = CampaignRecord("c1", "name", "file", "V2", {}, CampaignState.RUNNING, now, "me")
        await campaign_store.add(tx, running, members)
        found = await campaign_store.with_news(tx, "c1", "V2")
        assert [each.device for each in found] == ["seen", "came", "late", "gone"]
        assert [each.device for each in await campaign_store.with_news(tx, "c1", "V2", after=1, limit=2)] == [
            "came",
            "late",
        ]
        (place, first), (_, second) = await campaign_store.not_sent(tx, "c1")
        assert (first, second) == ("o-waits", "o-seen")
        assert await campaign_store.not_sent(tx, "c1", limit=1) == [(place, "o-waits")]
        assert [one for _, one in await campaign_store.not_sent(tx, "c1", after=place)] == ["o-seen"]
        operations = await operation_store.get_many(tx, ["o-came", "o-nothing"])
        assert {id_: each.state for id_, each in operations.items()} == {"o-came": OperationState.SENT}
        assert await operation_store.get_many(tx, []) == {}


async def test_what_the_server_thought_of_itself_waits_for_the_switch_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as app, street(app, 1) as (cpe,):
        key, name = str(cpe.key), f"{cpe.tree.root}ManagementServer.PeriodicInformInterval"
        backup = await app.operations.request(ADMIN, key, "backup", {})
        await app.operations.wait(backup.id, 60)
        before = cpe.tree.value(name)
        await app.northbound.freeze.throw(ADMIN, on=True, reason="works")
        wanted = {
            "set": {"values": {name: {"value": "1234", "type": "xsd:unsignedInt"}}},
            "restore": {"backup": "last_good"},
            "provision": {},
        }
        now = datetime.now(UTC)
        queued = [_queued(key, kind, arguments, now) for kind, arguments in wanted.items()]
        async with app.store.transaction() as tx:
            for each in queued:
                await operation_store.add(tx, each)
        read = await app.operations.request(ADMIN, key, "get", {"names": [name]})  # calls the device, so it comes
        assert (await app.operations.wait(read.id, 60)).state is OperationState.SUCCEEDED
        states = [(await app.operations.get(ADMIN, each.id)).state for each in queued]
        assert states == [OperationState.QUEUED] * 3
        assert cpe.tree.value(name) == before
        await app.northbound.freeze.throw(ADMIN, on=False, reason="over")
        ended = [await app.operations.wait(each.id, 60) for each in queued]
        assert [each.state for each in ended] == [OperationState.SUCCEEDED] * 3, [each.detail for each in ended]


def _queued(key: str, kind: str, arguments: Any, now: datetime) -> OperationRecord:
    id_ = new_id()
    until_then = now + timedelta(hours=1)
    return OperationRecord(id_, key, kind, arguments, OperationState.QUEUED, id_, now, until_then, "rule", "by a rule")
