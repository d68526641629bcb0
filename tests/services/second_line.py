"""A server with the services of a second line, and simulated CPEs that it talks to."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.structs import DeviceId
from acs.errors import ApprovalNeeded
from acs.services.action_desk import Done, Request
from acs.services.actor import Actor, Scope
from acs.services.approvals import Approvals
from acs.services.clock import utc_now
from acs.services.second_line import SecondLine, build_second_line
from acs.store.records import OperationRecord, OperationState
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import Tree, load
from tests.fakes.acs_server import ACTOR, Running, config_for, merged, profiles_in, running

LONG_S = 60.0
#: who approves what another person proposes
SECOND = Actor("boris", "person", frozenset({Scope.OPERATE, Scope.APPROVE, Scope.READ}), person="boris")
_LEFT_OUT = re.compile(
    r"Stats\.|Process|AssociatedDevice\.|Hosts\.|Diagnostics?\.|Queue|X_HW|X_TP|WPS\.|ServiceMonitoring|UPnP|Forward\."
    r"|(WLANConfiguration|Interface|InterfaceConfig|SSID|AccessPoint|Pool)\.[3-46-9]\."
)
_IDENTITY = {
    CpeKind.ONT: ("Huawei Technologies Co., Ltd", "00259E", "EG8145V5"),
    CpeKind.ROUTER: ("TP-Link", "1C61B4", "Device2"),
    CpeKind.STB: ("SimTV", "02005E", "STB4K"),
}


@dataclass
class Desk:
    """The server, its services, and the CPEs that were started."""

    server: Running
    services: SecondLine
    approvals: Approvals
    cpes: list[Cpe] = field(default_factory=list)

    async def cpe(self, kind: CpeKind, serial: str = "S1", product_class: str = "", **habits: Any) -> Cpe:
        """A CPE that has informed, and whose tree was read."""
        manufacturer, oui, named = _IDENTITY[kind]
        fixed = _fixed(f"http://127.0.0.1:{self.server.port}/", serial)
        cpe = Cpe(
            DeviceId(manufacturer, oui, product_class or named, serial),
            lambda device: _small(load(kind.value, fixed, device.live)),
            "",
            uptime_s=100_000,
            habits=Habits(**({"boot_s": 0.05, "retry_m_s": 0.05} | habits)),
        )
        self.cpes.append(cpe)
        await cpe.start()
        await cpe.wait_informed()
        read = await self.server.operations.request(ACTOR, cpe.key, "refresh", {})
        assert (await self.end(read)).state is OperationState.SUCCEEDED
        return cpe

    async def do(self, cpe: Cpe, action: str, actor: Actor = ACTOR, **given: Any) -> list[OperationRecord]:
        """An action with its arguments, to the end of every operation."""
        named = {name: given.pop(name) for name in ("reason", "override") if name in given}
        done = await self.asked(cpe, Request(action, given, **named), actor)
        return [await self.end(operation) for operation in done.operations]

    async def by_two(self, cpe: Cpe, action: str, **given: Any) -> list[OperationRecord]:
        """An action that one person proposes and another approves, to the end of its operation."""
        with pytest.raises(ApprovalNeeded) as needed:
            await self.asked(cpe, Request(action, given, reason="as the subscriber asks"))
        run = await self.approvals.approve(SECOND, needed.value.approval)
        return [await self.end(await self.server.operations.get(ACTOR, run.outcome.removeprefix("operation ")))]

    async def asked(self, cpe: Cpe, wanted: Request, actor: Actor = ACTOR) -> Done:
        """What an action asks for."""
        return await self.services.actions.do(actor, cpe.key, wanted)

    async def end(self, operation: OperationRecord) -> OperationRecord:
        """The operation when it has ended."""
        return await self.server.operations.wait(operation.id, LONG_S)


@asynccontextmanager
async def second_line(folder: Path, **tables: Any) -> AsyncIterator[Desk]:
    """The server with its services, for the length of a block."""
    first_contact = {"cwmp": {"first_contact": {"enabled": True}}}
    async with running(config_for(folder, **merged(first_contact, tables))) as server:
        profiles = profiles_in(server.config.profiles.directory)
        approvals = Approvals(server.store)
        services = build_second_line(server.config, server.store, server.operations, profiles, utc_now, approvals)
        server.sessions.parts.keeping = services.keeping
        server.sessions.parts.takes_over = services.takeovers.operation_for
        desk = Desk(server, services, approvals)
        try:
            yield desk
        finally:
            for cpe in desk.cpes:
                await cpe.stop()


def _small(tree: Tree) -> Tree:
    """The tree without what no action is about: reading it a hundred times would take minutes."""
    tree.keep(lambda name: _LEFT_OUT.search(name) is None)
    return tree


def _fixed(url: str, serial: str) -> dict[str, str]:
    return {
        "serial": serial,
        "gpon_serial": "HWTCA0000001",
        "number": "1",
        "number_hex": "01",
        "mac": "02:00:5E:10:00:01",
        "acs_url": url,
        "username": "enrol",
        "cr_username": "",
        "periodic_s": "300",
        "wan_address": "10.20.0.3",
        "pppoe_login": "user1",
        "vlan": "1000",
    }
