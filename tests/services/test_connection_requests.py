"""Connection requests: what each answer of a CPE means, and whom the server never calls."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.config import ConnectionRequestsSection
from acs.server.outbound import TwistedCaller
from acs.services import connection_requests, targets
from acs.services.connection_requests import Result
from acs.services.targets import TargetRefused
from acs.services.waking.methods import CallFailed
from acs.store.records import StepName
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe
from tests.fakes.door import Door, device_with


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    config = config_for(tmp_path, connection_requests={"timeout_s": 0.5, "retry_s": 30.0})
    async with running(config) as server:
        yield server


@pytest.mark.parametrize(
    ("script", "result"),
    [
        (("200",), Result.ACCEPTED),
        (("204",), Result.ACCEPTED),
        (("qop",), Result.ACCEPTED),
        (("plain",), Result.ACCEPTED),
        (("401",), Result.FAILED),
        (("qop", "401"), Result.UNAUTHORIZED),
        (("qop", "close", "qop"), Result.ACCEPTED),
        (("503",), Result.BUSY),
        (("hang",), Result.TIMED_OUT),
        (("close",), Result.CLOSED),
        (("basic",), Result.FAILED),
        (("redirect",), Result.REDIRECTED),
        (("404",), Result.NOT_FOUND),
        (("endless",), Result.CLOSED),
    ],
)
async def test_each_answer_has_its_meaning(server: Running, script: tuple[str, ...], result: Result) -> None:
    door = Door(*script)
    async with device_with(server, door) as cpe:
        attempt = await server.connection_requests.request(cpe.key)
        assert attempt.result is result, attempt
        assert attempt.explanation
        assert b"/path?id=1" in door.seen[0]


async def test_a_connection_that_is_not_taken_is_given_up_soon() -> None:
    """A listener whose queue is full answers no SYN: there is no connection, and no answer is waited for."""
    from twisted.internet import reactor  # noqa: PLC0415 - the session fixture installs it first

    assert ConnectionRequestsSection().connect_timeout_s <= 3
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address, port = full.getsockname()
        waiting = []
        for _ in range(8):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex((address, port))
            waiting.append(one)
        try:
            async with asyncio.timeout(20):
                with pytest.raises(CallFailed) as failed:
                    await TwistedCaller(reactor, 0.2).get(address, targets.parse(f"http://{address}:{port}/"), None)
        finally:
            for one in waiting:
                one.close()
    assert failed.value.result is Result.TIMED_OUT


async def test_each_answer_to_a_challenge_is_of_its_own(server: Running) -> None:
    """A fresh cnonce with each answer, so that a count of one is never used twice with it."""
    door = Door("qop")
    async with device_with(server, door) as cpe:
        for _ in range(3):
            assert (await server.connection_requests.request(cpe.key)).result is not Result.UNAUTHORIZED
            await cpe.session(("6 CONNECTION REQUEST", ""))
    given = [re.search(rb'cnonce="?([^",]+).*', head) for head in door.seen if b"uthorization" in head]
    cnonces = [found[1] for found in given if found]
    assert len(cnonces) == len(given) == 3
    assert len(set(cnonces)) == 3
    assert all(len(each) >= 16 for each in cnonces)
    assert all(b"nc=00000001" in head for head in door.seen if b"uthorization" in head)


async def test_a_closed_port_is_told_from_silence(server: Running) -> None:
    async with device_with(server, Door("200")) as cpe:
        pass
    await asyncio.sleep(0.05)
    attempt = await server.connection_requests.request(cpe.key)
    assert attempt.result is Result.REFUSED


@pytest.mark.parametrize("host", ["a..b", "a" * 300, "no-such-host.invalid", "10.0.0.1."])
async def test_a_name_that_is_none_fails_with_a_reason(server: Running, host: str) -> None:
    cpe = Cpe(server.port)
    cpe.connection_request_url = f"http://{host}:7547/"
    await cpe.session(("1 BOOT", ""))
    attempt = await server.connection_requests.request(cpe.key)
    assert attempt.result is Result.FAILED
    assert "does not resolve" in attempt.explanation


async def test_without_a_url_nothing_is_called(server: Running) -> None:
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    operation = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    async with asyncio.timeout(60):
        steps = server.operations.watch(operation.id)
        failed = await anext(step async for step in steps if step.name is StepName.CONNECTION_REQUEST_FAILED)
    assert "no connection-request URL" in failed.detail


async def test_a_cpe_without_known_credentials_says_so(server: Running) -> None:
    async with device_with(server, Door("qop"), credentials=False) as cpe:
        attempt = await server.connection_requests.request(cpe.key)
        assert attempt.result is Result.UNAUTHORIZED
        assert "none was set" in attempt.explanation


async def test_one_request_per_device_at_a_time(server: Running) -> None:
    door = Door("hang")
    async with device_with(server, door) as cpe:
        attempts = await asyncio.gather(*(server.connection_requests.request(cpe.key) for _ in range(5)))
        assert len(set(map(id, attempts))) == 1
        assert len(door.seen) == 1


async def test_an_operation_that_joined_a_request_too_late_gets_one_of_its_own(server: Running) -> None:
    door = Door("slow")
    async with device_with(server, door) as cpe:
        await server.operations.request(ACTOR, cpe.key, "reboot", {})
        async with asyncio.timeout(60):
            while not door.seen:  # noqa: ASYNC110 - a listener that tells nobody
                await asyncio.sleep(0.01)
        late = await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.DeviceInfo.UpTime"]})
        calls = 0
        async with asyncio.timeout(60):
            async for step in server.operations.watch(late.id):
                calls += step.name is StepName.CONNECTION_REQUEST_SENT
                door.opened.set()  # it is under way with the first
                if calls == 2:
                    break
        assert calls == 2


async def test_a_device_in_a_session_is_called_again_soon(server: Running) -> None:
    """Another process has its session: nobody here knows when that ends."""
    door = Door("503", "200")
    async with device_with(server, door) as cpe:
        operation = await server.operations.request(ACTOR, cpe.key, "reboot", {})
        await door.called(2)
        async with asyncio.timeout(60):
            steps = server.operations.watch(operation.id)
            await anext(step async for step in steps if step.name is StepName.CONNECTION_REQUEST_ACCEPTED)
        names = ["sent", "failed", "sent", "accepted"]
        assert (await server.steps(operation))[1:] == [f"connection_request_{name}" for name in names]


async def test_a_device_that_stays_busy_is_called_a_few_times(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_requests, "BUSY_S", (0.01, 0.02))
    door = Door("503")
    async with device_with(server, door) as cpe:
        await server.operations.request(ACTOR, cpe.key, "reboot", {})
        while tasks := tuple(server.connection_requests._background._tasks):
            await asyncio.wait(tasks, timeout=60)
        assert len(door.seen) == 3


def section(*networks: str, ports: tuple[int, ...] = ()) -> ConnectionRequestsSection:
    return ConnectionRequestsSection.model_validate({"allowed_networks": networks, "ports": ports})


@pytest.mark.parametrize(
    "url",
    [
        "https://192.0.2.1/", "ftp://192.0.2.1/", "http:///x", "", "http://a:b@192.0.2.1/", "http://192.0.2.1:99999/",
        "http://192.0.2.1/\r\nHost: x", "http://192.0.2.1/ x", "file:///etc/passwd", "http://[::1", "/relative",
    ],
)  # fmt: skip
def test_a_url_that_is_none_of_a_cpe_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        targets.parse(url)


@pytest.mark.parametrize(
    ("address", "device", "networks", "allowed"),
    [
        ("192.0.2.1", "192.0.2.1", (), True),
        ("192.0.2.1", "192.0.2.2", (), False),
        ("192.0.2.1", "192.0.2.2", ("192.0.2.0/24",), True),
        ("127.0.0.1", "127.0.0.1", (), False),
        ("127.0.0.1", "192.0.2.2", ("127.0.0.0/8",), True),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", (), False),
        ("::1", "::1", (), False),
        ("169.254.1.1", "169.254.1.1", (), False),
        ("224.0.0.1", "224.0.0.1", (), False),
        ("0.0.0.0", "0.0.0.0", (), False),
        ("::ffff:192.0.2.1", "192.0.2.1", (), True),
        ("10.0.0.1", "junk", (), False),
    ],
)
def test_only_the_device_itself_or_allowed_networks_are_called(
    address: str, device: str, networks: tuple[str, ...], allowed: bool
) -> None:
    if allowed:
        targets.check(address, 7547, device, section(*networks))
    else:
        with pytest.raises(TargetRefused):
            targets.check(address, 7547, device, section(*networks))


def test_ports_can_be_limited_and_every_address_of_a_name_is_checked() -> None:
    with pytest.raises(TargetRefused, match="port"):
        targets.check("192.0.2.1", 22, "192.0.2.1", section(ports=(7547,)))
    with pytest.raises(TargetRefused):
        targets.check_all(["192.0.2.1", "127.0.0.1"], 7547, "192.0.2.1", section())


async def test_a_device_that_accepted_is_not_called_again_before_its_session_is_due(tmp_path: Path) -> None:
    config = config_for(tmp_path, connection_requests={"session_s": 30.0, "retry_s": 30.0})
    async with running(config) as server:
        door = Door("200")
        async with device_with(server, door) as cpe:
            assert (await server.connection_requests.request(cpe.key)).result is Result.ACCEPTED
            assert (await server.connection_requests.request(cpe.key)).result is Result.AWAITED
            operation = await server.operations.request(ACTOR, cpe.key, "reboot", {})
            steps = server.operations.watch(operation.id)
            told = await anext(step async for step in steps if step.detail)
            assert told.name is StepName.CONNECTION_REQUEST_ACCEPTED, "its session does this operation too"
            assert told.detail.startswith("none awaited ")
            assert len(door.seen) == 1
            await cpe.session(("6 CONNECTION REQUEST", ""))
            assert (await server.connection_requests.request(cpe.key)).result is Result.ACCEPTED


async def test_a_cpe_that_accepts_and_never_comes_is_told_from_one_that_comes(server: Running) -> None:
    async with device_with(server, Door("200")) as cpe:
        operation = await server.operations.request(ACTOR, cpe.key, "reboot", {})
        async with asyncio.timeout(60):
            steps = server.operations.watch(operation.id)
            failed = await anext(step async for step in steps if step.name is StepName.CONNECTION_REQUEST_FAILED)
        assert failed.detail.startswith("http no_session ")


async def test_a_device_is_called_so_often_a_minute_and_no_more(tmp_path: Path) -> None:
    config = config_for(tmp_path, connection_requests={"per_device_per_minute": 2})
    async with running(config) as server:
        door = Door("503")
        async with device_with(server, door) as cpe:
            results = [(await server.connection_requests.request(cpe.key)).result for _ in range(3)]
        assert results == [Result.BUSY, Result.BUSY, Result.LIMITED]
        assert len(door.seen) == 2
