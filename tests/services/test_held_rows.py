"""What two processes make of one row at the same time: neither loses what the other did."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acs.app import App
from acs.services.abilities import ModelAbilities, model_of
from acs.services.actor import local_actor
from acs.services.guarding import Guard
from acs.services.keeping import Keeping
from acs.services.own_credentials import OwnCredentials
from acs.services.plans.base import Outcome
from acs.services.plans.provisioning import ProvisionInputs
from acs.services.provisioning_rules import Desired, RuleWish
from acs.store import abilities as ability_store
from acs.store import backups, devices, operations
from acs.store import connection_requests as waking_store
from acs.store import nodes as node_store
from acs.store import provisioning as provision_store
from acs.store.connection_requests import Rotation, Secrets
from acs.store.devices import CredentialKind
from acs.store.provisioning import ProvisionState, RuleRefusal
from acs.store.records import Credentials, DeviceRecord, OperationState
from tests.held_rows import meanwhile
from tests.store.make import opening, operation

BOSS = local_actor()
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
async def device(app_on_both: App) -> DeviceRecord:
    """A device that has come."""
    return (await app_on_both.store.sessions.open(opening(NOW))).device


async def test_what_a_device_was_told_in_two_sessions_is_all_kept(
    app_on_both: App, device: DeviceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_both
    keeping = Keeping(app.store, (), Guard(app.config, ()))

    async def told(name: str) -> None:
        await keeping._note(device.key, {name: ("x", "xsd:string")}, NOW)

    others = meanwhile(monkeypatch, app.store, backups, "put_desired", lambda: told("Device.WiFi.SSID.2.SSID"))
    await told("Device.WiFi.SSID.1.SSID")
    await others[0]
    async with app.store.reading() as tx:
        kept = await backups.desired(tx, device.key)
    assert sorted(kept.values) == ["Device.WiFi.SSID.1.SSID", "Device.WiFi.SSID.2.SSID"]


async def test_what_processes_learn_of_a_model_is_added_up(app_on_both: App, device: DeviceRecord) -> None:
    """Each has read the model before the other learned something."""
    store = app_on_both.store
    here, there = ModelAbilities(store), ModelAbilities(store)
    await here.of(device), await there.of(device)
    await here.learn_lacking(device, "Download", NOW)
    await there.learn_reported(device, frozenset({"a"}), frozenset({"b"}), NOW)
    await here.learn_reported(device, frozenset(), frozenset({"a", "c"}), NOW)
    known = await ModelAbilities(store).of(device)
    assert (known.lacking, known.shown, known.absent) == ({"Download"}, {"a"}, {"b", "c"})


async def test_what_two_learn_of_a_model_at_once_is_added_up(
    app_on_both: App, device: DeviceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = app_on_both.store
    here, there = ModelAbilities(store), ModelAbilities(store)
    others = meanwhile(monkeypatch, store, ability_store, "put", lambda: there.learn_lacking(device, "Upload", NOW))
    await here.learn_lacking(device, "Download", NOW)
    await others[0]
    async with store.reading() as tx:
        assert (await ability_store.get(tx, model_of(device)))["lacking"] == ["Download", "Upload"]


async def test_a_refusal_of_the_question_for_methods_is_remembered(app_on_both: App, device: DeviceRecord) -> None:
    here = ModelAbilities(app_on_both.store)
    here.asking(device)
    await here.learn_methods(device, None, NOW)
    assert (await ModelAbilities(app_on_both.store).of(device)).asked


async def test_two_that_make_the_credential_of_a_device_tell_it_the_same(
    app_on_both: App, device: DeviceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule in a session wants it, and the worker's search: what a device was told must not be forgotten."""
    own = OwnCredentials(app_on_both.store)
    others = meanwhile(monkeypatch, app_on_both.store, devices, "_sealed", lambda: own.prepare(device.key, NOW))
    told = await own.prepare(device.key, NOW)
    assert await others[0] == told == await own.prepare(device.key, NOW)


async def test_a_rotation_that_begins_while_the_last_one_is_settled_is_kept(
    app_on_both: App, device: DeviceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, key = app_on_both.store, device.key
    async with store.transaction() as tx:
        await operations.add(tx, operation(NOW, 1, state=OperationState.SUCCEEDED, finished_at=NOW))
        await operations.add(tx, operation(NOW, 2))
        await waking_store.start_rotation(tx, Rotation(key, "operation-0001", Secrets("u", "first", ""), NOW))

    async def again() -> None:
        async with store.transaction() as tx:
            await waking_store.settle_rotation(tx, key, NOW)
            await waking_store.start_rotation(tx, Rotation(key, "operation-0002", Secrets("u", "second", ""), NOW))

    others = meanwhile(monkeypatch, store, waking_store, "set_credentials", again)
    async with store.transaction() as tx:
        await waking_store.settle_rotation(tx, key, NOW)
    await others[0]
    async with store.reading() as tx:
        rotation = await waking_store.get_rotation(tx, key)
        current = await devices.get_credentials(tx, key, CredentialKind.CONNECTION_REQUEST)
    assert rotation is not None and rotation.secrets.secret == "second"
    assert current == Credentials("u", "first")


async def test_new_credentials_of_a_node_outlive_a_change_of_its_address(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = app_on_both.northbound.nodes
    await nodes.put(BOSS, "olt-1", "192.0.2.1", credentials={"community": "old"})
    others = meanwhile(
        monkeypatch, app_on_both.store, node_store, "put",
        lambda: nodes.put(BOSS, "olt-1", "192.0.2.1", credentials={"community": "new"}),
    )  # fmt: skip
    await nodes.put(BOSS, "olt-1", "192.0.2.2")
    await others[0]
    async with app_on_both.store.reading() as tx:
        node = await node_store.get(tx, "olt-1")
    assert node is not None and node.credentials == {"community": "new"}


def refusal(key: str, rule: str, count: int) -> RuleRefusal:
    return RuleRefusal(key, rule, "d", count, "9007", NOW, None)


async def test_refusals_that_a_person_forgave_are_not_counted_on(
    app_on_both: App, device: DeviceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule is tried anew while the end of a try is being noted."""
    app, fleet = app_on_both, app_on_both.northbound.fleet
    async with app.store.transaction() as tx:
        await provision_store.put_refusal(tx, refusal(device.key, "wifi", app.config.provisioning.refusals - 1))
    real = fleet.provisioning.known

    async def known(*told: Any, **more: Any) -> Any:
        found = await real(*told, **more)
        monkeypatch.setattr(fleet.provisioning, "known", real)
        await fleet.desk.resume(BOSS, device.key)
        return found

    monkeypatch.setattr(fleet.provisioning, "known", known)
    inputs = ProvisionInputs(Desired((RuleWish("wifi", "d"),)))
    ended = operation(NOW, kind="provision")
    await fleet.provisioning.concluded(ended, inputs, Outcome(False, result={"refused": {"wifi": "9007"}}), ())
    async with app.store.reading() as tx:
        (counted,) = await provision_store.refusals_of(tx, [device.key])
    assert (counted.refusals, counted.stopped_at) == (1, None)


async def test_the_next_round_forgets_no_secret_that_is_noted_meanwhile(
    app_on_both: App, device: DeviceRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, fleet = app_on_both, app_on_both.northbound.fleet
    before = ProvisionState(device.key, "wish", NOW)
    async with app.store.transaction() as tx:
        await provision_store.put_state(tx, before)

    async def session() -> None:
        async with app.store.transaction() as tx:
            await devices.hold(tx, device.key)
            later = NOW + timedelta(seconds=1)
            await provision_store.put_state(tx, ProvisionState(device.key, "steady", later, "o-2", {"p": "digest"}))

    known = await fleet.provisioning.known(device.key)
    assert known is not None
    others = meanwhile(monkeypatch, app.store, provision_store, "put_state", session)
    await fleet.search._next_round(known, operation(NOW, state=OperationState.EXPIRED), NOW)
    await others[0]
    async with app.store.reading() as tx:
        state = await provision_store.state_of(tx, device.key)
    assert state is not None and (state.wanted, dict(state.secrets)) == ("steady", {"p": "digest"})
