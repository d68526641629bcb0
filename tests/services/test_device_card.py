"""The card of simulated devices, end to end: what it shows, whence and how old, and what it says of what is missing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from acs.app import App, build
from acs.cwmp.structs import DeviceId
from acs.errors import InvalidInput, NotFound
from acs.services.clock import utc_now
from acs.services.device_card import Card, State, Value
from acs.services.reboot_history import Cause
from acs.services.told_starts import TABLE as STARTS
from acs.store import devices, history, lines, trees
from acs.store.history import Owner
from acs.store.records import OperationState, Reading
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import load
from tests.fakes.acs_server import ACTOR, config_for
from tests.simulator.conftest import FIXED
from tests.store.make import line

IDS = {
    CpeKind.ONT: DeviceId("Huawei", "00259E", "EG8145V5", "S1"),
    CpeKind.ROUTER: DeviceId("SimTik", "02005E", "hAP", "R1"),
    CpeKind.STB: DeviceId("SimTV", "02005E", "STB4K", "T1"),
}
#: Seconds until a device that is waited for must have done it, on a loaded machine too.
PATIENCE_S = 60.0


@asynccontextmanager
async def town(folder: Path, *kinds: CpeKind) -> AsyncIterator[tuple[App, dict[CpeKind, Cpe]]]:
    """A whole server and simulated devices whose trees were read."""
    app = await build(config_for(folder, cwmp={"first_contact": {"enabled": True}}))
    await app.start()
    cpes = {}
    try:
        for kind in kinds:
            fixed = FIXED | {"acs_url": f"http://127.0.0.1:{app.cwmp_port}/", "serial": IDS[kind].serial_number}
            cpe = Cpe(
                IDS[kind],
                lambda device, kind=kind, fixed=fixed: load(kind.value, fixed, device.live),  # type: ignore[misc]
                "",
                uptime_s=1000,
                habits=Habits(boot_s=0.05, retry_m_s=0.05),
            )
            cpes[kind] = cpe
            await cpe.start()
        for cpe in cpes.values():
            await read_once(app, str(cpe.key))
        yield app, cpes
    finally:
        for cpe in cpes.values():
            await cpe.stop()
        await app.stop()


async def read_once(app: App, key: str) -> None:
    """Wait until the first reading of a device is stored, and what follows from it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with app.store.reading() as tx:
                tree = await trees.read(tx, key)
            if tree is not None and tree.read_at is not None:
                break
            await asyncio.sleep(0.05)
    assert app.sessions.parts.recorder is not None
    await app.sessions.parts.recorder.drain()


async def until(met: Callable[[], bool]) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if met():
                return
            await asyncio.sleep(0.02)


def values(card: Card, section: str) -> dict[str, Value]:
    return {value.name: value for each in card.sections if each.name == section for value in each.values}


def rows(card: Card, table: str) -> list[dict[str, Any]]:
    found = [each for section in card.sections for each in section.tables if each.name == table]
    return [{name: cell.value for name, cell in row.cells.items()} for each in found for row in each.rows]


async def test_the_card_of_an_ont(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.ONT) as (app, cpes):
        key = str(cpes[CpeKind.ONT].key)
        async with app.store.transaction() as tx:
            await lines.upsert(tx, [line("L-1")], utc_now())
            await lines.bind_device(tx, "L-1", key)
        card = await app.northbound.cards.show(ACTOR, key)
        assert (card.profile, card.kind, card.line) == ("huawei-eg8145", "ont", "L-1")
        assert [section.name for section in card.sections][:4] == ["identity", "firmware", "health", "optics"]
        light = values(card, "optics")
        assert light["ont.rx_dbm"].state is State.OK
        assert light["ont.rx_dbm"].source == "cpe"
        assert light["ont.rx_dbm"].age_s is not None and light["ont.rx_dbm"].age_s < PATIENCE_S
        margin = light["light.margin_db"]
        assert margin.value == pytest.approx(light["ont.rx_dbm"].value + 27.0)  # type: ignore[operator]
        assert "gpon_b+" in margin.note
        assert values(card, "health")["cpe.mem_free_pct"].unit == "%"
        assert len(rows(card, "ports")) == 4
        assert rows(card, "hosts")
        assert {each["up"] for each in rows(card, "wan")} & {True}
        assert [reboot.cause for reboot in card.reboots] == [Cause.FIRST_CONTACT]
        stale = await aged(app, key, hours=3)
        assert values(stale, "optics")["ont.rx_dbm"].state is State.STALE
        with pytest.raises(NotFound, match="secondline search"):
            await app.northbound.cards.show(ACTOR, "nobody")


async def test_the_card_of_a_set_top_box(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.STB) as (app, cpes):
        card = await app.northbound.cards.show(ACTOR, str(cpes[CpeKind.STB].key))
        assert card.kind == "stb"
        assert "optics" not in [section.name for section in card.sections]
        (stream,) = rows(card, "streams")
        assert (stream["loss_pct"], stream["underruns"], stream["continuity_errors"]) == (0, 0, 0)
        assert stream["loss_before_pct"] == 0.0, "3 of 864 210 packets"
        assert rows(card, "screens")[0]["display"] == "present"
        assert values(card, "tv")["stb.hdmi"].value == "Present"


async def test_a_card_says_by_which_names_a_device_goes(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.ROUTER) as (app, cpes):
        cpe = cpes[CpeKind.ROUTER]
        said = values(await app.northbound.cards.show(ACTOR, str(cpe.key)), "identity")
        assert (said["product_class"].value, said["model_name"].value) == ("hAP", "EX220")
        assert said["mac"].value == cpe.tree.value("Device.Ethernet.Interface.1.MACAddress"), "stations have others"
        assert said["mac"].source == "cpe" and said["mac"].age_s is not None


async def test_a_live_card_is_read_from_the_device(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.ONT) as (app, cpes):
        cpe = cpes[CpeKind.ONT]
        key = str(cpe.key)
        name = next(each for each in known(cpe) if each.endswith("X_GponInterafceConfig.RXPower"))
        cpe.tree.put(name, "-29")
        refreshed = await app.northbound.cards.refresh(ACTOR, key, wait_s=PATIENCE_S)
        assert refreshed.problem == ""
        light = values(refreshed.card, "optics")
        assert light["ont.rx_dbm"].value == -29
        assert light["light.margin_db"].value == -2
        assert app.sessions.parts.recorder is not None
        await app.sessions.parts.recorder.drain()
        kept = await app.northbound.history.curves(ACTOR, key, "ont.rx_dbm", days=1)
        assert [point.value for curve in kept.curves for point in curve.points][-1] == -29
        every = {each.fact: each for each in await app.northbound.history.every(ACTOR, key, days=1)}
        assert every["ont.rx_dbm"].curves == kept.curves
        assert sorted(every) == await app.northbound.history.facts(ACTOR, key)
        await cpe.stop()
        silent = await app.northbound.cards.refresh(ACTOR, key, wait_s=0.3)
        assert "did not answer" in silent.problem and "when it was called: " in silent.problem
        assert "nothing listens there" in silent.problem
        assert values(silent.card, "optics")["ont.rx_dbm"].value == -29


async def test_reboots_have_causes(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.ONT) as (app, cpes):
        cpe = cpes[CpeKind.ONT]
        key = str(cpe.key)
        sessions = cpe.sessions
        asked = await app.operations.request(ACTOR, key, "reboot", {}, reason="subscriber asks")
        ended = await app.operations.wait(asked.id, PATIENCE_S)
        assert ended.state is OperationState.SUCCEEDED
        await until(lambda: cpe.sessions >= sessions + 2)  # it was told so: its Inform was answered
        await cpe.stop()
        sessions = cpe.sessions
        await cpe.start("1 BOOT")
        await until(lambda: cpe.sessions > sessions)
        card = await app.northbound.cards.show(ACTOR, key)
        causes = [(reboot.cause, reboot.reason) for reboot in card.reboots]
        # the second start comes seconds after a reboot that was asked for: the reboot's own key tells them apart
        assert causes == [(Cause.NOT_ASKED, ""), (Cause.ASKED, "subscriber asks"), (Cause.FIRST_CONTACT, "")]
        assert values(card, "health")["cpe.boots_24h"].value == 3


async def test_what_a_model_never_reports_is_learned_and_unlearned(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.ROUTER) as (app, cpes):
        cpe = cpes[CpeKind.ROUTER]
        key = str(cpe.key)
        async with asyncio.timeout(PATIENCE_S):  # a model is learned after the tree that teaches it is stored
            while True:
                card = await app.northbound.cards.show(ACTOR, key)
                if values(card, "health")["cpe.temp_c"].state is State.NOT_REPORTED:
                    break
                await asyncio.sleep(0.02)
        assert values(card, "optics")["ont.rx_dbm"].state in (State.NOT_KNOWN, State.NOT_REPORTED)
        async with app.store.transaction() as tx:
            tree = await trees.read(tx, key)
            assert tree is not None
            hot = {"Device.DeviceInfo.TemperatureStatus.TemperatureSensor.1.Value": ("44", "xsd:int")}
            before = (utc_now() - timedelta(days=2)).isoformat(timespec="seconds")
            for leaf, value in (("TimeStamp", before), ("Cause", "LocalReboot"), ("Reason", "watchdog")):
                hot[f"{STARTS}1.{leaf}"] = (value, "xsd:string")
            await trees.write(tx, key, {**tree.values, **hot}, utc_now())
            device = await devices.get(tx, key)
        assert device is not None and app.sessions.parts.recorder is not None
        warm = await app.northbound.cards.show(ACTOR, key)
        assert values(warm, "health")["cpe.temp_c"].value == 44
        assert [(each.cause, each.reason) for each in warm.reboots][-1] == (Cause.LOCAL, "watchdog")
        # one device of the model that has it is enough: the model does not lack it
        model = app.sessions.model_abilities
        seen = (await model.of(device)).shown | {"cpe.temp_c"}
        await model.learn_reported(device, seen, frozenset(), utc_now())
        assert "cpe.temp_c" not in (await model.of(device)).absent


async def test_a_device_that_was_never_read_says_so(tmp_path: Path) -> None:
    async with town(tmp_path) as (app, _):
        from tests.store.make import opening  # noqa: PLC0415 - only here

        await app.store.sessions.open(opening(utc_now()))
        card = await app.northbound.cards.show(ACTOR, opening(utc_now()).key)
        assert card.read_at is None
        assert {value.state for value in values(card, "wifi").values()} <= {State.NOT_READ, State.NOT_KNOWN}


async def test_trend_birth_and_usual_level_come_from_history(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.ONT) as (app, cpes):
        key, now = str(cpes[CpeKind.ONT].key), utc_now()
        falling = [
            Reading(key, "ont.rx_dbm", round(-20.0 - 0.1 * day, 2), now - timedelta(days=60 - day), "cpe bulk")
            for day in range(60)
        ]
        async with app.store.transaction() as tx:
            await history.put(tx, falling, of=Owner.DEVICE)
        light = values(await app.northbound.cards.show(ACTOR, key), "optics")
        assert light["light.trend_db_day"].value == pytest.approx(-0.1, abs=0.02)
        assert light["light.birth_dbm"].value == pytest.approx(-20.35, abs=0.1)
        assert light["light.since_birth_db"].value == pytest.approx(light["ont.rx_dbm"].value + 20.35, abs=0.1)  # type: ignore[operator]


async def test_curves_are_of_facts_that_have_one(tmp_path: Path) -> None:
    async with town(tmp_path, CpeKind.ONT) as (app, cpes):
        key, desk = str(cpes[CpeKind.ONT].key), app.northbound.history
        names = await desk.facts(ACTOR, key)
        assert {"cpe.mem_free_pct", "ont.rx_dbm", "wifi.clients"} <= set(names)
        for wrong, why in (("ppp.last_error", "is no number"), ("no.such", "there is no fact")):
            with pytest.raises(InvalidInput, match=why):
                await desk.curves(ACTOR, key, wrong, days=1)
        with pytest.raises(NotFound):
            await desk.curves(ACTOR, "nobody", "ont.rx_dbm", days=1)


def known(cpe: Cpe) -> list[str]:
    return [each.name for each in cpe.tree.get([cpe.tree.root])]


async def aged(app: App, key: str, *, hours: float) -> Card:
    """The card as it would be hours later if nothing came."""
    cards = app.northbound.cards
    later = utc_now() + timedelta(hours=hours)
    return await type(cards)(
        app.store, app.operations, app.northbound.profiles, app.northbound.packs, usual_class="gpon_b+",
        clock=lambda: later,
    ).show(ACTOR, key)  # fmt: skip
