"""Large packets and the resolvers in a line test: what is lost in silence counts, everything else is missing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import cast

import dns.message
import dns.rcode
import pytest

from acs.config.path_probes import PathSection
from acs.services.cases import Case
from acs.services.gathering import Partly, Skipped, SourceState
from acs.services.path_sources import Resolvers, whole_packets
from acs.store.records import LineRecord, LineTestRecord, LineTestState
from probes.errors import ProbeRefused
from probes.facts import Fact, Quality
from probes.mtu import MtuResult

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def told(name: str, value: str | int, age_s: float = 5.0) -> Fact:
    return Fact(name, value, NOW - timedelta(seconds=age_s), "aaa", "handed in")


def case(*facts: Fact) -> Case:
    line = LineRecord(id="17", technology="pon")
    test = LineTestRecord("t", "17", LineTestState.RUNNING, NOW, NOW, "x", "full")
    return Case(test, line, NOW, facts, None, (), (), {}, {}, ())


ADDRESS = told("bras.address", "192.0.2.99")


class Path:
    """A path that lets through what is no larger than `mtu`."""

    def __init__(self, found: MtuResult) -> None:
        self.found = found
        self.asked: list[int] = []

    async def __call__(self, address: str, sizes: object) -> MtuResult:
        assert address == "192.0.2.99"
        self.asked = list(sizes)  # type: ignore[call-overload]
        return self.found


async def facts_over(path: Path, *more: Fact) -> tuple[dict[str, Fact], str]:
    given = await whole_packets(case(ADDRESS, *more), path, lambda: NOW)
    found, problem = (given.facts, given.problem) if isinstance(given, Partly) else (given, "")
    return {fact.name: fact for fact in found}, problem


async def test_a_path_that_takes_everything_says_so() -> None:
    found, problem = await facts_over(Path(MtuResult("192.0.2.99", 1500)))
    assert ({name: fact.value for name, fact in found.items()}, problem) == (
        {"ping.df_1472_ok": True, "ping.df_1400_ok": True},
        "",
    )


async def test_large_packets_that_vanish_in_silence_are_a_fault() -> None:
    found, _ = await facts_over(Path(MtuResult("192.0.2.99", 1428, black_hole=True)))
    assert {name: fact.value for name, fact in found.items()} == {"ping.df_1472_ok": False, "ping.df_1400_ok": True}


async def test_a_router_that_says_what_it_takes_loses_nothing() -> None:
    found, problem = await facts_over(Path(MtuResult("192.0.2.99", 1428, told_by="192.0.2.1", told_mtu=1492)))
    large = found["ping.df_1472_ok"]
    assert (large.value, large.quality) == (None, Quality.NOT_APPLICABLE)
    assert large.raw == "192.0.2.1 takes 1492 bytes and says so" and problem == "192.0.2.1 takes 1492 bytes"
    assert found["ping.df_1400_ok"].value is True


async def test_our_own_link_says_nothing_of_the_line() -> None:
    found, _ = await facts_over(Path(MtuResult("192.0.2.99", 1428, own_limit=1450)))
    assert found["ping.df_1472_ok"].quality is Quality.NOT_APPLICABLE


async def test_a_line_that_is_to_take_less_is_not_asked_for_more() -> None:
    path = Path(MtuResult("192.0.2.99", 1428))
    found, _ = await facts_over(path, told("wan.mtu_expected_bytes", 1492))
    assert path.asked == [1428] and set(found) == {"ping.df_1400_ok"}
    await facts_over(path, told("wan.mtu_expected_bytes", 1492, age_s=100_000))
    assert path.asked == [1500, 1428], "what was expected days ago binds nobody"
    with pytest.raises(Skipped, match="1280 bytes"):
        await facts_over(path, told("wan.mtu_expected_bytes", 1280))


async def test_a_line_that_answers_no_ping_proves_nothing() -> None:
    assert await facts_over(Path(MtuResult("192.0.2.99", None))) == (
        {},
        "192.0.2.99 answers no ping: large packets say nothing",
    )


async def test_without_the_privilege_it_is_missing_and_no_failure() -> None:
    async def refused(*_: object) -> MtuResult:
        raise ProbeRefused("ping needs an ICMP socket")

    with pytest.raises(Skipped, match="ICMP socket"):
        await whole_packets(case(ADDRESS), refused, lambda: NOW)
    for facts in ((), (ADDRESS, told("bras.session", "none")), (replace(ADDRESS, at=NOW - timedelta(hours=1)),)):
        with pytest.raises(Skipped, match="no session address"):
            await whole_packets(case(*facts), refused, lambda: NOW)


class FakeResolver(asyncio.DatagramProtocol):
    """Answers every question with one code, or not at all."""

    def __init__(self) -> None:
        self.rcode: int | None = dns.rcode.NOERROR
        self.asked: list[str] = []
        self.port = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        self.asked.append(query.question[0].to_text())
        if self.rcode is not None:
            answer = dns.message.make_response(query)
            answer.set_rcode(dns.rcode.Rcode(self.rcode))
            self.transport.sendto(answer.to_wire(), address)


@pytest.fixture
async def resolver() -> AsyncIterator[FakeResolver]:
    transport, made = await asyncio.get_running_loop().create_datagram_endpoint(
        FakeResolver, local_addr=("127.0.0.1", 0), family=socket.AF_INET
    )
    yield made
    transport.close()


def resolvers(port: int, *, cache_s: float = 30.0, names: tuple[str, ...] = ("127.0.0.1",)) -> Resolvers:
    section = PathSection(
        resolvers=tuple(ip_address(name) for name in names),
        resolver_port=port,
        answer_s=0.3,
        resolvers_cache_s=cache_s,
    )
    return Resolvers(section, lambda: NOW)


async def test_a_burst_of_tests_asks_the_resolvers_once(resolver: FakeResolver) -> None:
    asked = resolvers(resolver.port)
    found = await asyncio.gather(*(asked.facts() for _ in range(50)))
    assert resolver.asked == [". IN NS"]
    assert found[0] == [Fact("dns.operator_ok", True, NOW, "dns 127.0.0.1", "NS .")]
    assert all(one == found[0] for one in found)


async def test_a_test_whose_time_is_up_does_not_take_the_answer_from_the_others(resolver: FakeResolver) -> None:
    asked = resolvers(resolver.port)
    hasty = asyncio.create_task(asked.facts())
    patient = asyncio.create_task(asked.facts())
    await asyncio.sleep(0)
    hasty.cancel()
    given = await patient
    assert isinstance(given, list) and given[0].value is True


async def test_resolvers_that_do_no_work_are_named(resolver: FakeResolver) -> None:
    resolver.rcode = dns.rcode.REFUSED
    given = await resolvers(resolver.port).facts()
    assert isinstance(given, Partly) and given.facts[0].value is False
    assert given.problem == "127.0.0.1: REFUSED"
    resolver.rcode = None
    given = await resolvers(resolver.port).facts()
    assert isinstance(given, Partly) and given.facts[0].value is False
    assert given.problem == "127.0.0.1: no answer in 0.3 s" and given.state is SourceState.ANSWERED


async def test_one_of_two_is_enough_and_the_other_is_named(resolver: FakeResolver) -> None:
    given = await resolvers(resolver.port, names=("127.0.0.9", "127.0.0.1")).facts()
    assert isinstance(given, Partly) and given.facts[0].value is True
    assert given.facts[0].source == "dns 127.0.0.1" and given.problem.startswith("127.0.0.9: ")


async def test_a_resolver_that_comes_back_is_heard_when_the_answer_is_old(resolver: FakeResolver) -> None:
    asked = resolvers(resolver.port, cache_s=0.001)
    resolver.rcode = dns.rcode.SERVFAIL
    first = await asked.facts()
    assert isinstance(first, Partly) and first.facts[0].value is False
    resolver.rcode = dns.rcode.NXDOMAIN
    await asyncio.sleep(0.002)
    assert await asked.facts() == [Fact("dns.operator_ok", True, NOW, "dns 127.0.0.1", "NS .")]


async def test_a_question_that_could_not_leave_is_no_word_about_the_resolver() -> None:
    # the broadcast address: no socket may send there unasked
    asked = resolvers(53, names=("255.255.255.255",))
    given = await asked.facts()
    assert isinstance(given, Partly)
    assert (given.facts, given.state) == ([], SourceState.FAILED)


def test_a_resolver_is_an_address() -> None:
    with pytest.raises(ValueError, match="write an address such as"):
        PathSection.model_validate({"resolvers": ("dns.example.net",)})
    assert str(PathSection.model_validate({"resolvers": ("2001:db8::53",)}).resolvers[0]) == "2001:db8::53"
