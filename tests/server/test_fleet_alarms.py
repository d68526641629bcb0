"""Alarms about the whole fleet, from real sockets to the API, TMF642 and the metrics."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App, build
from acs.services.actor import local_actor
from tests.fakes.acs_server import config_for
from tests.fakes.cpe import Cpe, Dropped

BOSS = local_actor()
URL = "Device.ManagementServer.URL"
LIMITS = {
    "tick_s": 0.1, "auth_failures": 3, "unknown_devices": 4, "firmware_devices": 2, "firmware_share": 0.5,
}  # fmt: skip


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[App]:
    (tmp_path / "enrol").write_text("right\n")
    (tmp_path / "enrol").chmod(0o600)
    cwmp = {"auth": "digest", "enrol_username": "enrol", "enrol_password_file": "enrol"}
    app = await build(config_for(tmp_path, cwmp=cwmp, api={"port": 0}, security_alarms=LIMITS))
    await app.start()
    yield app
    await app.stop()


@pytest.fixture
async def client(server: App) -> AsyncIterator[httpx.AsyncClient]:
    made = await server.northbound.access.create(BOSS, "test", ["read"])
    headers = {"Authorization": f"Bearer {made.secret}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.api_port}", headers=headers) as opened:
        yield opened


def cpe_of(server: App, n: int = 1, password: str = "right") -> Cpe:
    assert server.cwmp_port is not None
    return Cpe(server.cwmp_port, serial=f"{n:04}", username="enrol", password=password)


async def alarm(
    client: httpx.AsyncClient, kind: str, language: str = "en", subject: str | None = None
) -> dict[str, Any]:
    """The active alarm of this kind and subject, once it is there; there is never a second one."""
    async with asyncio.timeout(60):
        while True:
            given = await client.get("/api/v1/alarms?active=true", headers={"Accept-Language": language})
            found: list[dict[str, Any]] = [
                each for each in given.json() if each["kind"] == kind and subject in (None, each["subject"])
            ]
            if found:
                (only,) = found
                return only
            await asyncio.sleep(0.05)


async def test_wrong_passwords_of_cpes_and_wrong_tokens_are_told(server: App, client: httpx.AsyncClient) -> None:
    await cpe_of(server).session(("0 BOOTSTRAP", ""))
    for n in range(3):
        with pytest.raises(Dropped):
            await cpe_of(server, n, "wrong").session(("2 PERIODIC", ""))
    found = await alarm(client, "auth.failures")
    assert (found["subject"], found["detail"]["addresses"]) == ("cwmp", ["127.0.0.1 (3)"])
    russian = await alarm(client, "auth.failures", "ru")
    assert russian["detail"]["why"] == "неверных паролей от CPE за 15 мин: 3; обычно 0.0"
    for _ in range(3):
        await client.get("/api/v1/lines", headers={"Authorization": "Bearer sl_wrong"})
    assert (await alarm(client, "auth.failures", subject="api"))["detail"]["count"] == 3
    metrics = (await client.get("/api/v1/metrics")).text
    assert 'acs_active_alarms{kind="auth.failures"} 2.0' in metrics
    assert 'acs_active_alarms{kind="management.lost"} 0.0' in metrics
    assert 'acs_fleet_events_total{what="cwmp"} 3.0' in metrics
    (told, _) = (await client.get("/tmf-api/alarm/v4/alarm?state=raised")).json()
    assert told["specificProblem"] == "auth.failures"
    assert told["alarmType"] == "Security Service or Mechanism Violation"


async def test_strangers_new_firmware_and_another_address_of_management_are_told(
    server: App, client: httpx.AsyncClient
) -> None:
    fleet = [cpe_of(server, n) for n in range(4)]
    for cpe in fleet:
        cpe.values[URL] = ("https://acs.example.net/", "xsd:string")
        await cpe.session(("0 BOOTSTRAP", ""))
    assert (await alarm(client, "devices.unknown"))["detail"]["count"] == 4
    for cpe in fleet[:3]:
        cpe.software_version = "sw2"
        await cpe.session(("1 BOOT", ""))
    found = await alarm(client, "firmware.unplanned")
    assert (found["subject"], found["detail"]["before"]) == ("firmware:Maker ONT sw2", ["sw1"])
    for address in ("https://acs.example.net/", "http://203.0.113.66/"):
        fleet[0].values[URL] = (address, "xsd:string")
        await server.operations.request(BOSS, fleet[0].key, "get", {"names": [URL]})
        await fleet[0].session(("2 PERIODIC", ""))
    found = await alarm(client, "management_url.changed")
    assert found["detail"]["urls"] == ["http://203.0.113.66/ (1)"]
    assert found["detail"]["devices"] == [fleet[0].key]
