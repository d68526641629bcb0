"""A reboot happens once per request, whatever the CPE does with the request."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.cwmp.messages import Message, Reboot, SoapFault
from acs.store.records import OperationRecord, OperationState
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped, Http


async def reboot(server: Running, cpe: Cpe, deadline_s: float = 30) -> OperationRecord:
    return await server.operations.request(ACTOR, cpe.key, "reboot", {}, deadline_s=deadline_s)


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[Running]:
    """A server that waits for so long, before it sends a reboot again, that no busy machine takes it."""
    async with running(config_for(tmp_path, operations={"settle_s": 60.0})) as server:
        yield server


async def test_a_reboot_is_done_after_its_boot_event(server: Running, cpe: Cpe) -> None:
    operation = await reboot(server, cpe)
    await cpe.session(("6 CONNECTION REQUEST", ""))
    assert (await server.now(operation)).state is OperationState.SENT
    await cpe.rebooted()
    await cpe.session()
    done = await server.now(operation)
    assert done.state is OperationState.SUCCEEDED
    assert cpe.boots == 1
    steps = [name for name in await server.steps(operation) if not name.startswith("connection_request")]
    assert steps == ["queued", "session_opened", "rpc_sent", "rpc_answered", "boot_seen", "succeeded"]


async def test_a_cpe_that_drops_the_connection_is_not_rebooted_twice(server: Running, cpe: Cpe) -> None:
    cpe.answers_reboot = False
    operation = await reboot(server, cpe)
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    await cpe.rebooted()
    await cpe.session()
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED
    assert cpe.boots == 1


async def test_a_cpe_that_reboots_long_after_a_lost_answer_is_not_rebooted_twice(tmp_path: Path) -> None:
    async with running(config_for(tmp_path, operations={"settle_s": 600.0})) as server:
        cpe = Cpe(server.port, answers_reboot=False, reboot_after_s=None)
        await cpe.session(("1 BOOT", ""))
        operation = await reboot(server, cpe)
        with pytest.raises(Dropped):
            await cpe.session(("2 PERIODIC", ""))
        for _ in range(4):
            await cpe.session(("2 PERIODIC", ""))
        assert (await server.now(operation)).state is OperationState.UNKNOWN
        cpe.reboot_after_s = 0.0
        await cpe.session(("2 PERIODIC", ""))
        await cpe.rebooted()
        await cpe.session()
        assert (await server.now(operation)).state is OperationState.SUCCEEDED
        assert cpe.boots == 1


async def test_a_younger_uptime_is_proof_without_any_event(server: Running, cpe: Cpe) -> None:
    cpe.boot_events = False
    operation = await reboot(server, cpe)
    await cpe.session(("2 PERIODIC", ""))
    await asyncio.sleep(0.5)
    cpe.booted_at += 0.5
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.SUCCEEDED


async def test_a_request_that_never_arrived_is_sent_again_after_the_settle_time(patient: Running) -> None:
    server, cpe = patient, Cpe(patient.port, uptime_in_inform=False)
    await cpe.session(("1 BOOT", ""))
    lost = 0

    def lose_the_first(message: Message) -> Message | None:
        nonlocal lost
        if isinstance(message, Reboot) and not lost:
            lost += 1
            raise Dropped
        return None

    cpe.hook = lose_the_first
    operation = await reboot(server, cpe)
    with pytest.raises(Dropped):
        await cpe.session(("2 PERIODIC", ""))
    await cpe.session(("2 PERIODIC", ""))
    assert (await server.now(operation)).state is OperationState.UNKNOWN
    await server.sent_earlier(operation, 61.0)
    await cpe.session(("2 PERIODIC", ""))
    await cpe.rebooted()
    await cpe.session()
    done = await server.now(operation)
    assert done.state is OperationState.SUCCEEDED
    assert done.attempts == 2
    assert "resent" in await server.steps(operation)
    assert cpe.boots == 1


async def test_answered_but_never_rebooted_fails_at_the_deadline(server: Running, cpe: Cpe) -> None:
    cpe.reboot_after_s = None
    operation = await reboot(server, cpe, deadline_s=2)
    await cpe.session(("2 PERIODIC", ""))
    await asyncio.sleep(0.6)
    await cpe.session(("2 PERIODIC", ""))
    done = await server.operations.wait(operation.id, 60)
    assert done.state is OperationState.FAILED
    assert "answered Reboot but never rebooted" in done.detail
    assert sum(isinstance(message, Reboot) for message in cpe.asked) == 1


async def test_a_fault_ends_it(server: Running, cpe: Cpe) -> None:
    cpe.faults["Reboot"] = SoapFault(9001, "Request denied")
    operation = await reboot(server, cpe)
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(operation)
    assert done.state is OperationState.FAILED
    assert done.fault_code == 9001
    assert cpe.boots == 0


async def test_a_session_that_times_out_leaves_it_unknown(tmp_path: Path) -> None:
    limits = {"limits": {"session_idle_s": 0.4}}
    async with running(config_for(tmp_path, cwmp=limits)) as server:
        cpe = Cpe(server.port, reboot_after_s=None)
        await cpe.session(("1 BOOT", ""))

        def hang(message: Message) -> Message | None:
            raise Dropped

        cpe.hook = hang
        operation = await reboot(server, cpe)
        with pytest.raises(Dropped):
            await cpe.session(("2 PERIODIC", ""))
        for _ in range(1200):
            if (await server.now(operation)).state is OperationState.UNKNOWN:
                break
            await asyncio.sleep(0.05)
        assert (await server.now(operation)).state is OperationState.UNKNOWN


@pytest.mark.parametrize("again", [False, True], ids=["sent again once", "and unknown again meanwhile"])
async def test_two_processes_that_hold_the_same_proof_send_it_once(tmp_path: Path, again: bool) -> None:
    config = config_for(tmp_path, operations={"settle_s": 60.0})
    async with running(config) as one, running(config) as other:
        cpe = Cpe(one.port, answers_reboot=False, reboot_after_s=None)
        await cpe.session(("1 BOOT", ""))
        operation = await reboot(one, cpe)
        with pytest.raises(Dropped):
            await cpe.session(("2 PERIODIC", ""))
        await cpe.session(("2 PERIODIC", ""))
        assert (await one.now(operation)).state is OperationState.UNKNOWN
        await one.sent_earlier(operation, 61.0)
        late = Http(other.port)
        assert (await late.post(cpe.inform(("2 PERIODIC", "")))).status == 200
        with pytest.raises(Dropped):
            await cpe.session(("2 PERIODIC", ""))
        if again:
            await cpe.session(("2 PERIODIC", ""))
        assert (await one.now(operation)).attempts == 2
        answer = await late.post()
        assert answer.status == 204
        assert (await one.now(operation)).attempts == 2
        await late.close()
