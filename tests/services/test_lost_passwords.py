"""A password that nobody knows cannot be put back: said before, said after, and refused where the line hangs on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.services.action_desk import Offer, Request
from acs.services.actions.words import Refused, words_of
from acs.store.records import OperationRecord, OperationState
from cli.simulator.cpe import Cpe
from cli.simulator.neighbourhood import CpeKind
from tests.fakes.acs_server import ACTOR
from tests.services.second_line import Desk, second_line
from tests.services.test_actions import BOTH, PATHS


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with second_line(tmp_path) as desk:
        yield desk


async def offer(desk: Desk, cpe: Cpe, action: str) -> Offer:
    offers = await desk.services.actions.offers(ACTOR, cpe.key)
    return next(each for each in offers if each.action.name == action)


def unknown(operation: OperationRecord) -> list[str]:
    assert isinstance(operation.result, dict)
    found = operation.result["unknown"]
    assert isinstance(found, list)
    return [str(each) for each in found]


@BOTH
async def test_a_reset_says_which_passwords_it_loses(desk: Desk, kind: CpeKind) -> None:
    cpe, password = await desk.cpe(kind), PATHS[kind]["password"]
    await desk.by_two(cpe, "pppoe", login="user9", password="battery staple")
    risk = (await offer(desk, cpe, "factory-reset")).risk
    assert risk is not None and "Wi-Fi home-1," in risk["en"] and "Wi-Fi home-1," in risk["ru"]
    assert (await offer(desk, cpe, "reboot")).risk == (await offer(desk, cpe, "reboot")).action.risk
    *_, restored = await desk.do(cpe, "factory-reset")
    assert restored.state is OperationState.SUCCEEDED
    assert password in unknown(restored) and PATHS[kind]["secret"] not in unknown(restored)
    assert "passwords that nobody knows" in restored.detail
    words = words_of(restored)
    assert words is not None and "nobody knows" in words["en"] and "никто не знает" in words["ru"]


@BOTH
async def test_nothing_is_said_of_a_password_that_is_known(desk: Desk, kind: CpeKind) -> None:
    cpe, password = await desk.cpe(kind), PATHS[kind]["password"]
    await desk.by_two(cpe, "pppoe", login="user9", password="battery staple")
    await desk.do(cpe, "wifi-password", password="correct horse")
    risk = (await offer(desk, cpe, "factory-reset")).risk
    assert risk is not None and "Wi-Fi home-1," not in risk["en"]
    *_, restored = await desk.do(cpe, "factory-reset")
    assert password not in unknown(restored) and cpe.tree.value(password) == "correct horse"


@BOTH
async def test_a_swap_without_the_password_of_the_connection_is_refused(desk: Desk, kind: CpeKind) -> None:
    old = await desk.cpe(kind, "OLD1")
    refused = (await offer(desk, old, "swap")).refused
    assert refused is not None and "new device" in str(refused) and "новом устройстве" in refused.said("ru")
    with pytest.raises(Refused):
        await desk.asked(old, Request("swap", {"serial": "NEW1"}))
    with pytest.raises(Refused, match="say why"):
        await desk.asked(old, Request("swap", {"serial": "NEW1"}, override=True))
    await desk.asked(old, Request("swap", {"serial": "NEW1"}, "billing has the password", override=True))


@pytest.mark.parametrize("new", [CpeKind.ONT, CpeKind.ROUTER])
async def test_a_swap_says_which_passwords_the_new_device_does_not_get(desk: Desk, new: CpeKind) -> None:
    old = await desk.cpe(CpeKind.ONT, "OLD1")
    await desk.by_two(old, "pppoe", login="user9", password="battery staple")
    risk = (await offer(desk, old, "swap")).risk
    assert risk is not None and "Wi-Fi home-1," in risk["en"]
    await desk.cpe(new, "NEW1")
    [restored] = await desk.do(old, "swap", serial="NEW1")
    assert restored.state is OperationState.SUCCEEDED, restored.detail
    assert PATHS[CpeKind.ONT]["password"] in unknown(restored)
