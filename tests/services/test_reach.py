"""Which way a device is woken by, from what it told; and how fast devices are called."""

from datetime import UTC, datetime

import pytest

from acs.cwmp.stun import Endpoint
from acs.services.waking.methods import Attempt, Method, Result, code_of
from acs.services.waking.pace import Pace
from acs.services.waking.reach import Reach, order, private_elsewhere, reach_of
from acs.store.connection_requests import Binding
from acs.store.records import OperationStep, StepName

NOW = datetime(2026, 3, 5, tzinfo=UTC)
ALL = frozenset(Method)
PUBLIC = "http://203.0.113.7:7547/x"
PROVED = Binding("k", "203.0.113.7", 40001, True, NOW, NOW)
HTTP, UDP, XMPP = Method.HTTP, Method.UDP, Method.XMPP


def told(url: str = PUBLIC, address: str = "203.0.113.7", binding: Binding | None = None, **leaves: str) -> Reach:
    values = {f"Device.ManagementServer.{name}": (value, "xsd:string") for name, value in leaves.items()}
    return reach_of("k", address, url, "Device.", values, binding)


@pytest.mark.parametrize(
    ("reach", "last", "path"),
    [
        (told(), None, [HTTP]),
        (told(url=""), None, []),
        (told(UDPConnectionRequestAddress="203.0.113.7:40001"), None, [HTTP, UDP]),
        (told(UDPConnectionRequestAddress="203.0.113.7:40001", NATDetected="true"), None, [UDP, HTTP]),
        (told(UDPConnectionRequestAddress="junk", NATDetected="1"), None, [HTTP]),
        (told(binding=PROVED, NATDetected="1", ConnReqJabberID="a@b/c"), None, [XMPP, UDP, HTTP]),
        (told(binding=PROVED, ConnReqJabberID="a@b/c"), None, [HTTP, UDP, XMPP]),
        (told(binding=PROVED, ConnReqJabberID="a@b/c"), UDP, [UDP, HTTP, XMPP]),
        (told(url="http://192.168.1.1/", binding=PROVED), None, [UDP, HTTP]),
        (told(), XMPP, [HTTP]),
    ],
)
def test_the_order_follows_what_the_device_told(reach: Reach, last: Method | None, path: list[Method]) -> None:
    assert order(reach, ALL, last) == path


def test_a_method_that_this_server_has_not_is_not_tried() -> None:
    assert order(told(binding=PROVED, NATDetected="1", ConnReqJabberID="a@b"), {Method.HTTP}) == [Method.HTTP]


def test_a_proved_sighting_is_called_before_what_the_device_told_and_an_unproved_one_only_instead() -> None:
    both = told(binding=PROVED, UDPConnectionRequestAddress="203.0.113.7:1")
    assert both.endpoints == (Endpoint("203.0.113.7", 40001), Endpoint("203.0.113.7", 1))
    hint = Binding("k", "203.0.113.7", 40001, False, NOW, NOW)
    assert told(binding=hint, UDPConnectionRequestAddress="203.0.113.7:1").endpoints == (Endpoint("203.0.113.7", 1),)
    assert told(binding=hint).endpoints == (Endpoint("203.0.113.7", 40001),)


@pytest.mark.parametrize(
    ("url", "address", "nat"),
    [
        ("http://192.168.1.1:7547/", "203.0.113.7", True),
        ("http://10.0.0.9/", "::ffff:203.0.113.7", True),
        ("http://192.168.1.1/", "192.168.1.1", False),
        ("http://192.168.1.1/", "::ffff:192.168.1.1", False),
        ("http://203.0.113.7/", "203.0.113.9", False),
        ("http://cpe.example.net/", "203.0.113.9", False),
        ("", "203.0.113.9", False),
        ("http://127.0.0.1/", "203.0.113.9", False),
    ],
)
def test_a_private_address_elsewhere_is_nat(url: str, address: str, nat: bool) -> None:
    assert private_elsewhere(url, address) is nat


def test_one_device_is_refused_beyond_its_rate_and_others_are_not() -> None:
    pace = Pace(per_s=1000, per_device_per_minute=3)
    assert [pace.admits("a", now) for now in (0.0, 1.0, 2.0, 3.0)] == [True, True, True, False]
    assert pace.admits("b", 3.0)
    assert pace.admits("a", 60.5)


def test_calls_in_all_are_spread_after_a_second_s_worth() -> None:
    pace = Pace(per_s=10, per_device_per_minute=1)
    waits = [pace.wait_s(100.0) for _ in range(30)]
    assert waits[:10] == [0.0] * 10
    assert waits[-1] == pytest.approx(2.0)
    assert pace.wait_s(1000.0) == 0.0


def test_a_step_carries_the_code_of_its_result() -> None:
    line = Attempt(Result.TIMED_OUT, "it did not answer", Method.HTTP, duration_ms=10_002).line
    assert line == "http timed_out 10002 ms: it did not answer"
    assert code_of(OperationStep("o", 1, NOW, StepName.CONNECTION_REQUEST_FAILED, line)) == "timed_out"
    assert code_of(OperationStep("o", 1, NOW, StepName.FAILED, line)) == ""
    assert code_of(OperationStep("o", 1, NOW, StepName.CONNECTION_REQUEST_FAILED, "refused")) == ""
