"""CPEs woken end to end, by each method, through real sockets: the simulator behind its NAT, our STUN server."""

import asyncio
from pathlib import Path

import pytest

from acs.services.waking.methods import Method, Result
from acs.store.devices import CredentialKind
from acs.store.records import OperationState, StepName
from tests.fakes.acs_server import ACTOR
from tests.server.waking_world import (
    KEY,
    at_rest,
    binding_of,
    credentials_of,
    done,
    make_cpe,
    powered,
    server_with,
    tries_of,
    until,
)

UPTIME = {"names": ["Device.DeviceInfo.UpTime"]}


@pytest.mark.parametrize("cookie", [True, False], ids=["rfc5389", "rfc3489"])
async def test_a_cpe_behind_nat_is_told_of_stun_and_woken_by_udp(tmp_path: Path, cookie: bool) -> None:
    async with (
        server_with(tmp_path) as server,
        powered(make_cpe(server, behind_nat=True, stun_cookie=cookie)) as cpe,
    ):
        await at_rest(cpe)
        own = await credentials_of(server, CredentialKind.STUN)
        assert own is not None and own.secret == cpe.tree.value("Device.ManagementServer.STUNPassword")

        async def bound() -> bool:
            binding = await binding_of(server)
            return binding is not None and (binding.host, binding.port) == cpe.doors.udp.nat.address

        await until(bound)
        operation = await done(server, "get", UPTIME)
        assert operation.state is OperationState.SUCCEEDED
        assert [(each.method, each.result) for each in await tries_of(server, 1)] == [(Method.UDP, Result.ACCEPTED)]
        steps = {step.name: step.detail for step in await server.steps_of(operation)}
        assert steps[StepName.CONNECTION_REQUEST_ACCEPTED].startswith("udp accepted ")
        assert cpe.doors.udp.refused == 0


async def test_a_nat_that_forgot_is_healed_by_the_next_keep_alive(tmp_path: Path) -> None:
    async with server_with(tmp_path) as server, powered(make_cpe(server, behind_nat=True)) as cpe:
        await at_rest(cpe)
        await cpe.doors.udp.nat.forget()

        async def moved() -> bool:
            binding = await binding_of(server)
            return binding is not None and (binding.host, binding.port) == cpe.doors.udp.nat.address

        await until(moved)
        assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED


async def test_udp_that_brings_nothing_falls_back_and_the_path_is_told(tmp_path: Path) -> None:
    async with (
        server_with(tmp_path, connection_requests={"udp_wait_s": 1.1}) as server,
        powered(make_cpe(server, behind_nat=True)) as cpe,
    ):
        await at_rest(cpe)
        await until(lambda: _has_binding(server))
        cpe.doors.udp.close()
        operation = await server.operations.request(ACTOR, KEY, "get", UPTIME)
        async with asyncio.timeout(60):
            async for step in server.operations.watch(operation.id):
                if step.name is StepName.CONNECTION_REQUEST_FAILED:
                    break
        told = [(step.name.value, step.detail) for step in await server.steps_of(operation)]
        names = [name for name, _ in told]
        assert names[:5] == [
            "queued", "connection_request_sent", "connection_request_tried", "connection_request_sent",
            "connection_request_failed",
        ]  # fmt: skip
        assert told[2][1].startswith("udp unanswered ")
        assert told[4][1].startswith("http nat ") and "STUN" in told[4][1]


async def test_without_nat_http_is_first_and_udp_helps_when_its_port_is_closed(tmp_path: Path) -> None:
    async with server_with(tmp_path) as server, powered(make_cpe(server)) as cpe:
        await at_rest(cpe)
        await until(lambda: _has_binding(server))
        assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED
        await cpe.doorbell.close()
        assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED
        assert [(each.method, each.result) for each in await tries_of(server, 3)] == [
            (Method.HTTP, Result.ACCEPTED), (Method.HTTP, Result.REFUSED), (Method.UDP, Result.ACCEPTED),
        ]  # fmt: skip
        # what worked last goes first now, and the closed port is not tried
        assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED
        assert (await tries_of(server, 4))[-1].method == Method.UDP


async def test_rotated_passwords_wake_the_cpe_and_the_old_ones_do_not(tmp_path: Path) -> None:
    async with server_with(tmp_path) as server, powered(make_cpe(server)) as cpe:
        await at_rest(cpe)
        former = await credentials_of(server, CredentialKind.CONNECTION_REQUEST)
        assert former is not None
        assert (await done(server, "rotate_credentials")).state is OperationState.SUCCEEDED
        password = cpe.tree.value("Device.ManagementServer.ConnectionRequestPassword")
        assert password != former.secret
        assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED
        assert {each.result for each in await tries_of(server, 2)} == {Result.ACCEPTED}
        await server.sessions.first_contact.begin_rotations(server.connection_requests._clock())
        settled = await credentials_of(server, CredentialKind.CONNECTION_REQUEST)
        assert settled is not None and settled.secret == password


async def test_a_rotation_that_the_cpe_refuses_leaves_the_old_password_good(tmp_path: Path) -> None:
    async with server_with(tmp_path) as server, powered(make_cpe(server)) as cpe:
        await at_rest(cpe)
        cpe.tree._parameters["Device.ManagementServer.ConnectionRequestPassword"].writable = False
        assert (await done(server, "rotate_credentials")).state is OperationState.FAILED
        assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED


async def _has_binding(server: object) -> bool:
    return await binding_of(server) is not None  # type: ignore[arg-type] # Running
