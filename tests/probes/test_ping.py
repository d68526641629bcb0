import asyncio
import socket
import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probes import icmp, ping
from probes.errors import ProbeRefused
from probes.facts import Quality
from probes.ping import PingResult, echoes, facts, ping_many
from probes.ping.echoes import Echoes, Target
from probes.ping.results import bursts, percentile
from tests.probes.namespace import run_in_namespace

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
IPV6 = socket.has_ipv6 and Path("/proc/net/if_inet6").exists()


@pytest.fixture(scope="module", autouse=True)
def _allowed() -> None:
    """Without the privilege there is nothing to test but the refusal."""
    try:
        made, _ = icmp.open_icmp(icmp.FAMILIES[4])
    except ProbeRefused as error:
        pytest.skip(str(error))
    made.close()


async def test_the_loopback_answers_every_echo() -> None:
    result = await ping.ping("127.0.0.1", count=5, interval_s=0.01)
    assert (result.sent, result.received, result.loss_pct, result.duplicates) == (5, 5, 0.0, 0)
    assert result.rtt_min_ms is not None and result.rtt_max_ms is not None and result.rtt_p50_ms is not None
    assert 0 < result.rtt_min_ms <= result.rtt_p50_ms <= result.rtt_max_ms < 50


async def test_the_loopback_answers_ipv6_too() -> None:
    if not IPV6:
        pytest.skip("this machine has no IPv6 loopback")
    results = await ping_many(["::1", "127.0.0.1"], count=2, interval_s=0.01)
    assert [(result.address, result.received) for result in results.values()] == [("::1", 2), ("127.0.0.1", 2)]


async def test_many_addresses_share_one_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    real = echoes.open_icmp
    monkeypatch.setattr(echoes, "open_icmp", lambda family: opened.append(1) or real(family))
    addresses = [f"127.0.{group}.{host}" for group in range(4) for host in range(1, 201)]
    results = await ping_many(addresses, count=2, interval_s=0.01)
    assert list(results) == addresses
    assert all(result.received == 2 for result in results.values())
    assert len(opened) == 1


async def test_the_kernels_times_do_not_count_what_the_loop_was_busy_with() -> None:
    async def one() -> PingResult:
        return await ping.ping("127.0.0.1", count=3, interval_s=0.03)

    pinging = asyncio.create_task(one())
    for _ in range(6):
        await asyncio.sleep(0.004)
        time.sleep(0.02)  # noqa: ASYNC251 - the busy loop is what this test is about
    result = await pinging
    assert result.rtt_p50_ms is not None and result.rtt_p50_ms < 5


async def test_what_does_not_come_in_time_is_lost() -> None:
    result = await ping.ping("127.0.0.1", count=2, interval_s=0.01, timeout_s=0.0)
    assert (result.received, result.loss_pct, result.rtt_p50_ms) == (0, 100.0, None)


@pytest.mark.parametrize(("count", "size"), [(0, 56), (-1, 56), (1, 70_000), (100_000, 56)])
async def test_absurd_numbers_are_refused(count: int, size: int) -> None:
    with pytest.raises(ProbeRefused, match="must be"):
        await ping.ping("127.0.0.1", count=count, size=size)


async def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(ProbeRefused, match=r"cpe\.invalid has no address"):
        await ping.ping("cpe.invalid")


async def test_without_privilege_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> socket.socket:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(icmp.socket, "socket", refuse)
    with pytest.raises(ProbeRefused, match=r"ping_group_range.*CAP_NET_RAW"):
        await ping.ping("127.0.0.1")


def test_facts_of_an_answer_and_of_none() -> None:
    good = PingResult("192.0.2.1", 5, 4, rtt_min_ms=1.0, rtt_p50_ms=1.23456, rtt_p95_ms=2.0, rtt_max_ms=2.0)
    assert [(fact.name, fact.value) for fact in facts(good, NOW)] == [
        ("ping.loss_pct", 20.0),
        ("ping.rtt_ms", 1.235),
        ("ping.sent_n", 5),
    ]
    silent = facts(PingResult("192.0.2.1", 5, 0), NOW)
    assert [(fact.value, fact.quality) for fact in silent] == [
        (100.0, Quality.OK),
        (None, Quality.MISSING),
        (5, Quality.OK),
    ]
    assert facts(PingResult("192.0.2.1", 0, 0, problem="no route"), NOW) == []


class TestAnswers:
    """What comes in on the socket, answer by answer."""

    HOME = bytes([127, 0, 0, 1])

    @pytest.fixture
    def one(self) -> Iterator[Echoes]:
        opened = Echoes(icmp.FAMILIES[4], 56, 1.0)
        yield opened
        opened.socket.close()

    def reply(self, one: Echoes, sequence: int, cookie: bytes | None = None, kind: int = 0) -> bytes:
        header = bytes([0x45]) + bytes(19) if one.raw else b""
        return header + struct.pack("!BBHHH", kind, 0, 0, 7, sequence) + (cookie or one.cookie)

    def sent(self, one: Echoes, count: int = 1) -> tuple[Target, int]:
        target = Target(icmp.Place("127.0.0.1", icmp.FAMILIES[4]))
        for number in range(count):
            one.send(target, number)
        return target, time.time_ns()

    def test_a_known_delay_is_measured_and_a_duplicate_counted(self, one: Echoes) -> None:
        target, at = self.sent(one)
        sent_ns = one.echoes[1][2]
        one.answer(self.reply(one, 1), sent_ns + 20_000_000, self.HOME)
        one.answer(self.reply(one, 1), at + 30_000_000, self.HOME)
        assert target.result("x").rtt_p50_ms == 20.0
        assert target.duplicates == 1

    @pytest.mark.parametrize("how", ["cookie", "source", "sequence", "kind", "short"])
    def test_foreign_answers_are_ignored(self, one: Echoes, how: str) -> None:
        target, at = self.sent(one)
        data = {
            "cookie": self.reply(one, 1, b"notours!"),
            "source": self.reply(one, 1),
            "sequence": self.reply(one, 2),
            "kind": self.reply(one, 1, kind=8),
            "short": self.reply(one, 1)[:-4],
        }[how]
        one.answer(data, at, bytes([127, 0, 0, 9]) if how == "source" else self.HOME)
        one.answer(b"", at, self.HOME)
        assert target.rtts_ms == {}

    def test_order_bursts_and_late_answers(self, one: Echoes) -> None:
        target, _ = self.sent(one, 6)
        for sequence, after_ms in ((1, 10), (5, 12), (2, 40), (6, 1_500)):
            one.answer(self.reply(one, sequence), one.echoes[sequence][2] + after_ms * 1_000_000, self.HOME)
        result = target.result("x", 6)
        assert (result.received, result.out_of_order, result.late) == (3, 1, 1)
        assert result.loss_bursts == (2, 1) and result.longest_loss == 2
        assert result.rtts_ms == (10.0, 40.0, None, None, 12.0, None)

    def test_jitter_is_the_mean_step_between_neighbours(self) -> None:
        place = icmp.Place("127.0.0.1", icmp.FAMILIES[4])
        target = Target(place, left=[0, 1, 2, 3], rtts_ms={0: 10.0, 1: 12.0, 2: 10.0, 3: 20.0})
        result = target.result("x")
        assert result.jitter_ms == pytest.approx((2 + 2 + 10) / 3)
        assert (result.rtt_p50_ms, result.rtt_p95_ms, result.rtt_mean_ms) == (11.0, 20.0, 13.0)
        assert result.rtt_sd_ms == pytest.approx(4.123, abs=0.001)


def test_percentiles_are_by_nearest_rank() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (1, 50, 95, 99, 100)] == [1, 50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0


def test_bursts_are_runs_of_loss() -> None:
    assert bursts([True, False, False, True, False]) == (2, 1)
    assert bursts([]) == ()


_IN_NAMESPACE = """
from probes.errors import ProbeRefused
from probes.ping import ping, ping_many

ip("route", "add", "blackhole", "10.98.0.0/24")

async def main():
    found = await ping_many(["127.0.0.1", "10.99.0.2"], count=2, interval_s=0.01, timeout_s=0.3)
    said = {name: [result.sent, result.received] for name, result in found.items()}
    for address in ("10.97.0.1", "10.98.0.1"):
        try:
            await ping(address, count=1)
        except ProbeRefused as error:
            said[address] = str(error)
    print(json.dumps(said))

asyncio.run(main())
"""


def test_a_dropped_packet_is_loss_and_a_missing_route_is_not() -> None:
    said = run_in_namespace(_IN_NAMESPACE)
    assert said["127.0.0.1"] == [2, 2]
    assert said["10.99.0.2"] == [2, 0]
    assert "no echo to 10.97.0.1 could leave: Network is unreachable" in said["10.97.0.1"]
    assert "10.98.0.1 could leave" in said["10.98.0.1"]
