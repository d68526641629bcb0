"""`last_good` is a configuration of a line that said, in the session that read it, that it was up."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.profiles.protection.ways import line_is_up
from acs.services.actions.words import Refused
from acs.store import backups
from acs.store.records import OperationState
from cli.simulator.cpe import Cpe
from cli.simulator.neighbourhood import CpeKind
from tests.fakes.acs_server import ACTOR
from tests.services.managed import PPP, WAN
from tests.services.second_line import Desk, second_line
from tests.services.test_actions import BOTH

STATUS = {CpeKind.ONT: f"{PPP}ConnectionStatus", CpeKind.ROUTER: "Device.PPP.Interface.1.ConnectionStatus"}
IPOE = f"{WAN}1.WANIPConnection.1."
CLIENT = "Device.DHCPv4.Client.1."


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with second_line(tmp_path) as desk:
        yield desk


async def taken(desk: Desk, cpe: Cpe) -> bool | None:
    """Whether the configuration that is read now is a good one."""
    done = await desk.end(await desk.server.operations.request(ACTOR, cpe.key, "backup", {}))
    assert done.state is OperationState.SUCCEEDED and isinstance(done.result, dict)
    async with desk.server.store.reading() as tx:
        record = await backups.get(tx, cpe.key, str(done.result["backup"]))
        kept = await backups.open_backup(tx, str(done.result["backup"]))
    assert record is not None and kept is not None
    assert STATUS[CpeKind.ONT] not in kept.values and STATUS[CpeKind.ROUTER] not in kept.values, "it is no setting"
    return record.good


@BOTH
async def test_the_state_is_that_of_the_session_and_not_what_was_known(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    cpe.tree.put(STATUS[kind], "Disconnected")
    assert await taken(desk, cpe) is False
    with pytest.raises(Refused) as refused:
        await desk.do(cpe, "restore")
    assert refused.value.code == "no_good_backup" and "ни об одних" in refused.value.said("ru")
    cpe.tree.put(STATUS[kind], "Connected")
    assert await taken(desk, cpe) is True
    cpe.tree.put(STATUS[kind], "Disconnected")
    [changed] = await desk.do(cpe, "wifi-name", name="later")
    async with desk.server.store.reading() as tx:
        good, newest = await backups.newest(tx, cpe.key, good=True), await backups.newest(tx, cpe.key)
    assert changed.state is OperationState.SUCCEEDED and good is not None and newest is not None
    [restored] = await desk.do(cpe, "restore")
    assert restored.state is OperationState.SUCCEEDED and isinstance(restored.result, dict)
    assert restored.result["source"] == good.id


async def test_what_was_known_without_a_question_says_nothing_of_the_line(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.STB)
    assert await taken(desk, cpe) is not False
    await desk.end(await desk.server.operations.request(ACTOR, cpe.key, "factory_reset", {}))
    async with desk.server.store.reading() as tx:
        found = await backups.list_backups(tx, cpe.key)
    assert all(each.good is None for each in found if not each.live)


@pytest.mark.parametrize(
    ("values", "up"),
    [
        ({}, None),
        ({f"{PPP}Enable": "1"}, None),
        ({f"{PPP}ConnectionStatus": "Connected"}, True),
        ({f"{PPP}ConnectionStatus": "Connecting"}, False),
        ({f"{IPOE}ConnectionStatus": "Connected", f"{IPOE}ConnectionType": "IP_Routed"}, True),
        ({f"{IPOE}ConnectionStatus": "Disconnected"}, False),
        ({f"{IPOE}ConnectionStatus": "Connected", f"{IPOE}ConnectionType": "IP_Bridged"}, None),
        ({f"{CLIENT}DHCPStatus": "Bound"}, True),
        ({f"{CLIENT}DHCPStatus": "Selecting"}, False),
        ({f"{CLIENT}DHCPStatus": "Init", f"{CLIENT}Enable": "false"}, None),
        ({"Device.PPP.Interface.1.ConnectionStatus": "Disconnected", f"{CLIENT}DHCPStatus": "Bound"}, False),
        (
            {
                f"{PPP}ConnectionStatus": "Disconnected",
                f"{WAN}2.WANPPPConnection.1.ConnectionStatus": "Connected",
                f"{WAN}2.WANPPPConnection.1.Name": "2_TR069_R",
            },
            False,
        ),
    ],
)
def test_whether_a_line_is_up(values: dict[str, str], up: bool | None) -> None:
    assert line_is_up(values) is up
