"""Questions to a resolver: does it answer, what, and how fast. The only importer of dnspython."""

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from probes.errors import ProbeRefused
from probes.facts import Fact
from probes.icmp import place_of
from probes.ping.results import PingResult, result_of

_RESOLV_CONF = Path("/etc/resolv.conf")
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Record:
    """One record of an answer."""

    name: str
    ttl_s: int
    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class DnsResult:
    """What a resolver said. `rcode` is NOERROR, NXDOMAIN, SERVFAIL…; None when it did not answer at all."""

    server: str
    port: int
    question: str
    kind: str
    rcode: str | None
    records: tuple[Record, ...]
    times: PingResult
    #: the answer was cut and came again over TCP
    truncated: bool = False
    authenticated: bool = False
    authoritative: bool = False
    problem: str = ""

    @property
    def works(self) -> bool:
        """The resolver does its work: it answered, be it that there is no such name."""
        return self.rcode in ("NOERROR", "NXDOMAIN")


async def ask(
    question: str,
    server: str | None = None,
    *,
    kind: str = "A",
    port: int = 53,
    count: int = 1,
    interval_s: float = 0.2,
    timeout_s: float = 3.0,
    tcp: bool = False,
    dnssec: bool = False,
) -> DnsResult:
    """Ask a resolver `count` times over UDP (TCP when the answer is cut, or with `tcp`); the last answer is shown.

    Without `server` it is the first of /etc/resolv.conf.

    Raises:
        ProbeRefused: the name, the kind or a number is none, or no resolver is known.
        NoSuchHost: the resolver's own name has no address.
    """
    if not 1 <= count <= _MOST:
        raise ProbeRefused(f"count {count} must be 1 to {_MOST}")
    where = (await place_of(server if server is not None else await asyncio.to_thread(own_resolver))).address
    query = _query(question, kind, dnssec)
    rtts: dict[int, float] = {}
    answer, cut, problem = None, False, ""
    for number in range(count):
        began = time.perf_counter()
        query.id = (query.id + 1) & 0xFFFF
        try:
            answer, cut = await _exchange(query, where, port, timeout_s, tcp)
        except (dns.exception.DNSException, OSError, EOFError) as error:
            problem = _why(error, timeout_s)
        else:
            rtts[number] = (time.perf_counter() - began) * 1000
        if number < count - 1:
            await asyncio.sleep(max(0.0, interval_s - (time.perf_counter() - began)))
    times = result_of(where, range(count), rtts, total=count)
    return DnsResult(
        where,
        port,
        question,
        kind.upper(),
        dns.rcode.to_text(answer.rcode()) if answer is not None else None,
        _records(answer),
        times,
        truncated=cut,
        authenticated=answer is not None and bool(answer.flags & dns.flags.AD),
        authoritative=answer is not None and bool(answer.flags & dns.flags.AA),
        problem=problem,
    )


def facts(result: DnsResult, now: datetime) -> list[Fact]:
    """`dns.operator_ok` of a question to the operator's resolver."""
    return [Fact("dns.operator_ok", result.works, now, f"dns {result.server}", f"{result.kind} {result.question}")]


def own_resolver() -> str:
    """The first resolver of this machine. It reads a file.

    Raises:
        ProbeRefused: there is none.
    """
    try:
        lines = _RESOLV_CONF.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise ProbeRefused(f"{_RESOLV_CONF}: {error.strerror}; name the resolver to ask") from error
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "nameserver":
            return words[1]
    raise ProbeRefused(f"{_RESOLV_CONF} names no resolver; name the one to ask")


def _query(question: str, kind: str, dnssec: bool) -> dns.message.QueryMessage:
    try:
        name = dns.name.from_text(question)
        return dns.message.make_query(name, dns.rdatatype.from_text(kind), want_dnssec=dnssec, use_edns=0)
    except (dns.exception.DNSException, ValueError) as error:
        raise ProbeRefused(f"{question[:120]!r}, {kind!r}: {error}; a name and a kind such as A, AAAA, MX") from error


async def _exchange(
    query: dns.message.Message, where: str, port: int, timeout_s: float, tcp: bool
) -> tuple[dns.message.Message, bool]:
    if tcp:
        return await dns.asyncquery.tcp(query, where, timeout=timeout_s, port=port), False
    return await dns.asyncquery.udp_with_fallback(query, where, timeout=timeout_s, port=port)


def _records(answer: dns.message.Message | None) -> tuple[Record, ...]:
    if answer is None:
        return ()
    return tuple(
        Record(part.name.to_text(), part.ttl, dns.rdatatype.to_text(part.rdtype), item.to_text())
        for part in answer.answer
        for item in part
    )


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, dns.exception.Timeout):
        return f"no answer in {timeout_s:g} s"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) or type(error).__name__
