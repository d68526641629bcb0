"""What the simulator's tests share: a fake ACS and a CPE that calls it."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from acs.cwmp.structs import DeviceId
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import Tree, load
from tests.simulator.fake_acs import FakeAcs

FIXED = {
    "serial": "S1",
    "gpon_serial": "HWTCA0000001",
    "number": "1",
    "number_hex": "01",
    "mac": "02:00:5E:10:00:01",
    "acs_url": "",
    "username": "enrol",
    "cr_username": "cr",
    "periodic_s": "300",
    "wan_address": "10.20.0.3",
    "pppoe_login": "user1",
    "vlan": "1000",
}


@pytest.fixture
def tree() -> Tree:
    return load(CpeKind.ONT.value, FIXED | {"acs_url": "http://acs"}, lambda: {"uptime": "77", "now": "never"})


@pytest.fixture
async def acs() -> AsyncIterator[FakeAcs]:
    server = FakeAcs()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def make_cpe(acs: FakeAcs) -> AsyncIterator[Callable[..., Cpe]]:
    made: list[Cpe] = []

    def make(kind: CpeKind = CpeKind.ONT, password: str = "", **habits: object) -> Cpe:
        fixed = FIXED | {"acs_url": acs.url}
        cpe = Cpe(
            DeviceId("Huawei", "00259E", "EG8145V5", "S1"),
            lambda device: load(kind.value, fixed, device.live),
            password,
            uptime_s=1000,
            habits=Habits(**({"boot_s": 0.05, "retry_m_s": 0.05} | habits)),
        )
        made.append(cpe)
        return cpe

    yield make
    for cpe in made:
        await cpe.stop()


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 12, 18, 30, tzinfo=UTC)
