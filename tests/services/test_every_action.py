"""Every action of the catalogue, end to end: what a device refuses is said in words, and then it does it.

The table is held against the catalogue, so that a new action brings its own row.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.messages import Message, SoapFault, rpc_name
from acs.errors import InvalidInput
from acs.services.actions.catalogue import CATALOGUE
from acs.services.actions.words import Refused, words_of
from acs.store.records import OperationRecord, OperationState
from cli.simulator.cpe import Cpe
from cli.simulator.deeds import Deed
from cli.simulator.neighbourhood import CpeKind
from tests.services.managed import managed_apart
from tests.services.second_line import Desk, second_line

ONT, ROUTER, BOX = CpeKind.ONT, CpeKind.ROUTER, CpeKind.STB
HOMES = (ONT, ROUTER)
BOX_PROFILE = (
    '[profile]\nid = "sim-stb"\nkind = "stb"\ntitle = "Simulated"\nbase = "generic-tr135"\n'
    '[match]\nroot = "Device."\noui = ["02005E"]\nproduct_class = ["STB4K"]\n'
    '[[setting]]\nname = "stb.cache_clear"\ntype = "boolean"\nsource = "the simulator"\n'
    'path = "Device.Services.STBService.*.X_02005E_ClearCache"\n'
)


@dataclass(frozen=True)
class Row:
    """How an action is tried. `on`: the kinds that have it; the others of HOMES must say that they have not."""

    given: dict[str, Any] = field(default_factory=dict)
    on: tuple[CpeKind, ...] = HOMES
    #: what differs for the TR-098 device
    ont: dict[str, Any] = field(default_factory=dict)
    #: the RPC that the device refuses for the failure path, where it is not the action's own
    refused: str = ""
    #: what it cannot be given, where the device has nothing to refuse: the simulated radio has one band
    wrong: dict[str, Any] = field(default_factory=dict)
    #: it touches what carries management: without a second person it is refused in words
    two: bool = False


#: In the order in which they are done: a forwarding is made before it goes, a configuration kept before it is put back.
ROWS = {
    "reboot": Row(),
    "wifi-name": Row({"name": "another"}),
    "wifi-password": Row({"password": "correct horse"}),
    "wifi-channel": Row({"channel": 11}),
    "wifi-band": Row({"band": "2.4"}, on=(ROUTER,), wrong={"band": "5"}),
    "wifi-power": Row({"power": "50"}, ont={"power": "60"}),
    "wifi-off": Row({"network": "1"}),
    "wifi-on": Row({"network": "1"}),
    "pppoe": Row({"login": "user9", "password": "battery staple"}, two=True),
    "port-bounce": Row({"port": 1}),
    "dns": Row({"servers": "192.0.2.1"}),
    "forward-add": Row({"external_port": 8080, "client": "192.168.0.9"}),
    "forward-list": Row(),
    "forward-delete": Row({"forwarding": "tcp 8080"}),
    "restore": Row(refused="SetParameterValues"),
    "mode": Row({"mode": "bridge"}),
    "factory-reset": Row(),
    "cache-clear": Row(on=(BOX,)),
    "channel-refresh": Row(on=(BOX,)),
    "swap": Row({"serial": "S9"}),
}


class Refusals:
    """Which RPC which device refuses now."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    @contextmanager
    def refusing(self, cpe: Cpe, rpc: str) -> Iterator[None]:
        self.of[str(cpe.key)] = rpc
        try:
            yield
        finally:
            del self.of[str(cpe.key)]


@pytest.fixture
def refusals(monkeypatch: pytest.MonkeyPatch) -> Refusals:
    refusals, answer = Refusals(), Cpe._answer

    def answers(self: Cpe, request: Message, deeds: list[Deed]) -> Message:
        if refusals.of.get(str(self.key)) == rpc_name(request):
            return SoapFault(9001, "Request denied")
        return answer(self, request, deeds)

    monkeypatch.setattr(Cpe, "_answer", answers)
    return refusals


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "sim.toml").write_text(BOX_PROFILE)
    async with second_line(tmp_path, profiles={"directory": str(folder)}) as desk:
        yield desk


def test_every_action_of_the_catalogue_has_a_row() -> None:
    assert set(ROWS) == set(CATALOGUE)


def told(words: dict[str, str] | None) -> None:
    """Both languages, and more than the detail of a protocol."""
    assert words is not None and set(words) == {"en", "ru"} and all(text.strip() for text in words.values())
    assert not words["en"].startswith("It did not work")


async def does(desk: Desk, cpe: Cpe, action: str, given: dict[str, Any]) -> list[OperationRecord]:
    """The action to its end, by as many persons as it takes."""
    if not ROWS[action].two:
        return await desk.do(cpe, action, **given)
    await says_no(desk, cpe, action, given)
    return await desk.by_two(cpe, action, **given)


async def fails(desk: Desk, cpe: Cpe, action: str, given: dict[str, Any]) -> None:
    """Refused by the device, and said: by the step that it refused and by each that was to follow."""
    done = await does(desk, cpe, action, given)
    failed = [each for each in done if each.state is not OperationState.SUCCEEDED]
    assert failed, f"{action}: the device refused it, and nobody noticed"
    for each in failed:
        told(words_of(each))


async def says_no(desk: Desk, cpe: Cpe, action: str, given: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        await desk.do(cpe, action, **given)
    told({language: refused.value.said(language) for language in ("en", "ru")})


@pytest.mark.parametrize("kind", [ONT, ROUTER, BOX], ids=lambda kind: kind.value)
async def test_each_action_fails_in_words_and_is_done(desk: Desk, refusals: Refusals, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    for action, row in ROWS.items():
        given = row.given | (row.ont if kind is ONT else {})
        if kind not in row.on:
            if kind in HOMES:
                await says_no(desk, cpe, action, given)
            continue
        if action == "swap":
            with pytest.raises(InvalidInput, match="serial number of the device that is to be replaced"):
                await desk.do(cpe, action, serial="S1")
            assert await desk.do(cpe, action, **given) == []
            continue
        if action == "restore":
            await desk.do(cpe, "wifi-name", name="to be forgotten")
        if action == "mode":
            await says_no(desk, cpe, action, given)
            await managed_apart(desk, cpe, kind)
        if row.wrong:
            await says_no(desk, cpe, action, row.wrong)
        else:
            with refusals.refusing(cpe, row.refused or CATALOGUE[action].rpc):
                await fails(desk, cpe, action, given)
        done = await does(desk, cpe, action, given)
        assert [each.state for each in done] == [OperationState.SUCCEEDED] * len(done), (action, done[-1].detail)
