"""Which device is on which line: the rules in their order, and nothing where two lines would do."""

from datetime import timedelta
from typing import Any

import pytest

from acs.app import App
from acs.config import BindingRule, LinesSection
from acs.profiles.schema import load_profiles
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.services.context import Entry
from acs.services.lines import Lines
from acs.services.serials import serial_forms
from acs.store import devices as device_store
from acs.store.records import LineRecord, SessionOpening
from tests.store.make import opening

ACTOR = local_actor()
LOGIN = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Username"


def informed(serial: str = "SN1", address: str = "192.0.2.7", values: Any = (), session: str = "s") -> SessionOpening:
    """A session of a CPE with this serial number."""
    return opening(
        utc_now(), key=f"00259E-X-{serial}", oui="00259E", product_class="X", serial_number=serial, address=address,
        root="InternetGatewayDevice.", connection_request_url="", session_id=session, values=values,
    )  # fmt: skip


async def bound(app: App, *rules: BindingRule, **device: Any) -> str | None:
    """Bind a device by these rules alone, in this order."""
    lines = Lines(app.store, LinesSection(binding=rules or tuple(BindingRule)), load_profiles())
    opened = await app.store.sessions.open(informed(**device))
    async with app.store.transaction() as tx:
        line = await lines.bind_device(tx, opened.device)
        record = await device_store.get(tx, opened.device.key)
    assert record is not None
    assert record.line == line
    return line


async def put(app: App, *lines: LineRecord) -> None:
    for line in lines:
        await app.northbound.lines.put(ACTOR, line)


async def test_by_serial_in_both_spellings(app_on_both: App) -> None:
    await put(app_on_both, LineRecord("L-1", "pon", device_serials=("HWTC1A2B3C4D",)))
    assert await bound(app_on_both, serial="485754431A2B3C4D") == "L-1"
    assert await bound(app_on_both, serial="485754431A2B3C4E") is None


async def test_by_login_and_by_session_address(app_on_both: App) -> None:
    await put(app_on_both, LineRecord("L-1", "pon", pppoe_login="user1"), LineRecord("L-2", "pon"))
    assert await bound(app_on_both, serial="A", values=((LOGIN, "user1", "xsd:string"),)) == "L-1"
    entry = Entry("L-2", "bras.address", "192.0.2.9", utc_now() - timedelta(seconds=5))
    await app_on_both.northbound.context.put_facts(ACTOR, "aaa", [entry])
    assert await bound(app_on_both, serial="B", address="192.0.2.9") == "L-2"


async def test_the_first_rule_that_finds_a_line_decides(app: App) -> None:
    await put(app, LineRecord("L-1", "pon", device_serials=("SN1",)), LineRecord("L-2", "pon", pppoe_login="user1"))
    values = ((LOGIN, "user1", "xsd:string"),)
    assert await bound(app, BindingRule.SERIAL, BindingRule.PPPOE_LOGIN, values=values) == "L-1"
    assert await bound(app, BindingRule.PPPOE_LOGIN, BindingRule.SERIAL, values=values, session="t") == "L-2"


async def test_two_candidates_bind_nothing(app: App) -> None:
    await put(app, LineRecord("L-1", "pon", pppoe_login="user1"), LineRecord("L-2", "pon", pppoe_login="user1"))
    assert await bound(app, values=((LOGIN, "user1", "xsd:string"),)) is None


async def test_a_device_without_any_match_stays_where_it_is(app: App) -> None:
    await put(app, LineRecord("L-1", "pon"))
    opened = await app.store.sessions.open(informed())
    await app.northbound.devices.set_line(ACTOR, opened.device.key, "L-1")
    assert await bound(app, session="t") == "L-1"


async def test_a_line_that_comes_after_its_device_gets_it(app: App) -> None:
    await app.store.sessions.open(informed())
    done = await app.northbound.lines.import_csv(ACTOR, "id,technology,device_serials\nL-1,pon,SN1\n")
    assert done.bound == 1
    view = await app.northbound.lines.get(ACTOR, "L-1")
    assert [device.serial_number for device in view.devices] == ["SN1"]


async def test_a_new_device_is_bound_and_its_tree_is_asked_for(app: App) -> None:
    await put(app, LineRecord("L-1", "pon", device_serials=("SN1",)))
    opened = await app.store.sessions.open(informed())
    for _ in range(2):
        await app.northbound.devices.came(opened.device, new=True)
    found = await app.operations.list(ACTOR, device=opened.device.key)
    assert [operation.kind for operation in found] == ["refresh"]
    assert (await app.northbound.devices.get(ACTOR, opened.device.key)).device.line == "L-1"


@pytest.mark.parametrize(
    ("serial", "forms"),
    [
        ("485754431A2B3C4D", ("485754431A2B3C4D", "HWTC1A2B3C4D")),
        ("48575443a94196a5", ("48575443a94196a5", "HWTCA94196A5")),
        ("0000000000000000", ("0000000000000000",)),
        ("SN1", ("SN1",)),
        ("zzzzzzzzzzzzzzzz", ("zzzzzzzzzzzzzzzz",)),
    ],
)
def test_serial_forms(serial: str, forms: tuple[str, ...]) -> None:
    assert serial_forms(serial) == forms
