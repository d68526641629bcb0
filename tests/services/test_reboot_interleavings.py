"""Reboots when things cross: sessions at once, other connections, replays, cancelling, deadlines, two requests."""

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path

import pytest

from acs.cwmp.messages import Reboot, RebootResponse
from acs.cwmp.soap import Envelope, encode
from acs.errors import Conflict
from acs.services.clock import utc_now
from acs.store.records import OperationRecord, OperationState
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped, Http, Response

PERIODIC = ("2 PERIODIC", "")


async def asked_to_reboot(server: Running, cpe: Cpe, http: Http, **how: float) -> tuple[OperationRecord, Response]:
    """A reboot that reached the CPE on this connection and waits for its answer."""
    operation = await server.operations.request(ACTOR, cpe.key, "reboot", {}, **how)  # type: ignore[arg-type]
    assert (await http.post(cpe.inform(PERIODIC))).status == 200
    response = await http.post()
    assert isinstance(response.message, Reboot)
    return operation, response


def answer(response: Response) -> bytes:
    envelope = response.envelope
    assert envelope is not None
    return encode(Envelope(RebootResponse(), envelope.id, envelope.namespace))


def booted(cpe: Cpe, operation: OperationRecord) -> None:
    cpe.boots += 1
    cpe.booted_at, cpe.uptime_base_s = asyncio.get_running_loop().time(), 0.0
    cpe.events = [("1 BOOT", ""), ("M Reboot", operation.command_key)]


async def test_the_answer_may_come_on_another_connection(server: Running, cpe: Cpe) -> None:
    http, other = Http(server.port), Http(server.port)
    operation, response = await asked_to_reboot(server, cpe, http)
    other.cookie = http.cookie
    await http.close()
    await asyncio.sleep(0.1)
    assert (await other.post(answer(response))).status == 204
    assert (await server.now(operation)).answered_at is not None
    await other.close()


async def test_a_second_session_while_the_first_waits_sends_nothing_again(server: Running, cpe: Cpe) -> None:
    http = Http(server.port)
    operation, response = await asked_to_reboot(server, cpe, http)
    await cpe.session(PERIODIC)
    assert not any(isinstance(message, Reboot) for message in cpe.asked)
    assert (await http.post(answer(response))).status == 400
    await http.close()
    booted(cpe, operation)
    await cpe.session()
    done = await server.now(operation)
    assert (done.state, done.attempts) == (OperationState.SUCCEEDED, 1)


async def test_a_replayed_answer_changes_nothing(server: Running, cpe: Cpe) -> None:
    http, replay = Http(server.port), Http(server.port)
    _, response = await asked_to_reboot(server, cpe, http)
    assert (await http.post(answer(response))).status == 204
    cookie = http.cookie
    await http.close()
    await asyncio.sleep(0.1)
    second = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    replay.cookie = cookie
    for body, status in ((answer(response), 400), (b"", 204)):
        again = await replay.post(body)
        assert (again.status, again.body) == (status, b"")
    assert (await server.now(second)).state is OperationState.QUEUED
    await replay.close()


async def test_what_left_cannot_be_cancelled_and_what_was_cancelled_does_not_leave(server: Running, cpe: Cpe) -> None:
    http = Http(server.port)
    operation, response = await asked_to_reboot(server, cpe, http)
    with pytest.raises(Conflict):
        await server.operations.cancel(ACTOR, operation.id)
    assert (await http.post(answer(response))).status == 204
    second = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    assert (await http.post(cpe.inform(PERIODIC))).status == 200
    assert (await server.operations.cancel(ACTOR, second.id)).state is OperationState.CANCELLED
    assert (await http.post()).status == 204
    await http.close()


async def test_a_deadline_ends_what_waits_and_nothing_is_sent_after_it(server: Running, cpe: Cpe) -> None:
    http = Http(server.port)
    operation, _ = await asked_to_reboot(server, cpe, http, deadline_s=1)
    done = await server.operations.wait(operation.id, 60)
    assert done.state is OperationState.FAILED
    assert "neither an answer nor a boot" in done.detail
    await http.close()
    for _ in range(3):
        await cpe.session(PERIODIC)
    assert not any(isinstance(message, Reboot) for message in cpe.asked)
    assert (await server.now(operation)).attempts == 1


async def test_two_requests_are_two_reboots_and_one_key_is_one(server: Running, cpe: Cpe) -> None:
    first = await server.operations.request(ACTOR, cpe.key, "reboot", {}, idempotency_key="a")
    again = await server.operations.request(ACTOR, cpe.key, "reboot", {}, idempotency_key="a")
    other = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    assert first.id == again.id != other.id
    for _ in range(4):
        await cpe.session(PERIODIC)
        await cpe.rebooted()
    assert cpe.boots == 2
    for operation in (first, other):
        done = await server.now(operation)
        assert (done.state, done.attempts) == (OperationState.SUCCEEDED, 1)


async def test_a_boot_that_is_told_again_later_does_not_settle_the_next_reboot(server: Running, cpe: Cpe) -> None:
    http = Http(server.port)
    operation, _ = await asked_to_reboot(server, cpe, http)
    await http.close()
    cpe.retry_count = 3
    await cpe.session(("1 BOOT", ""))
    assert (await server.now(operation)).state is OperationState.UNKNOWN
    assert not any(isinstance(message, Reboot) for message in cpe.asked)


async def test_a_cpe_that_drops_every_reboot_is_asked_only_on_proof(server: Running, cpe: Cpe) -> None:
    cpe.answers_reboot, cpe.reboot_after_s = False, None
    operation = await server.operations.request(ACTOR, cpe.key, "reboot", {}, deadline_s=2)
    for _ in range(12):
        with contextlib.suppress(Dropped):
            await cpe.session(PERIODIC)
        await asyncio.sleep(0.1)
    done = await server.operations.wait(operation.id, 60)
    assert done.state is OperationState.FAILED
    sent = sum(isinstance(message, Reboot) for message in cpe.asked)
    assert sent == done.attempts <= 6


async def test_a_clock_set_forward_does_not_pass_for_the_settle_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(config_for(tmp_path, operations={"settle_s": 600.0})) as server:
        cpe, http = Cpe(server.port), Http(server.port)
        await cpe.session(("1 BOOT", ""))
        operation, _ = await asked_to_reboot(server, cpe, http)
        await http.close()
        monkeypatch.setattr(server.endpoint, "_clock", lambda: utc_now() + timedelta(seconds=1_800))
        await cpe.session(PERIODIC)
        assert not any(isinstance(message, Reboot) for message in cpe.asked)
        assert (await server.now(operation)).attempts == 1
        booted(cpe, operation)
        await cpe.session()
        assert (await server.now(operation)).state is OperationState.SUCCEEDED
