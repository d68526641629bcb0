"""Two places of a line test beyond the line: the operator's resolvers, and large packets to the session's address.

    resolvers ─► asked together, once for all tests of half a minute ─► dns.operator_ok
    address   ─► 1500 and 1428 octets, "do not fragment"             ─► ping.df_1472_ok, ping.df_1400_ok

The rule of this file: what is lost in silence is a fault; what was not allowed, not expected, or was said to be too
large by a router is none, and stays missing.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from time import monotonic

from acs.config.path_probes import PathSection
from acs.services.cases import Case
from acs.services.clock import Clock
from acs.services.derived import usable_text
from acs.services.gathering import Partly, Skipped, SourceState
from acs.services.merging import is_stale
from probes import dns, mtu
from probes.errors import ProbeRefused
from probes.facts import Fact, Quality
from probes.icmp import NO_WAY_OUT
from probes.mtu import MtuResult

#: address and sizes of whole packets → which came through
Whole = Callable[[str, Sequence[int]], Awaitable[MtuResult]]

#: fact → the whole packet that it is about: its payload, and 28 octets of headers of IPv4
SIZES: Mapping[str, int] = {"ping.df_1472_ok": 1500, "ping.df_1400_ok": 1428}
#: the fact of the resolvers
OPERATOR_DNS = "dns.operator_ok"
#: tries of each size; the sizes, and the small ones before and after that show whether anybody is there
_TRIES, _SIZES = 2, 4
#: what a resolver is not to blame for: the question never left this machine
_NEVER_LEFT = frozenset(os.strerror(number) for number in NO_WAY_OUT)


class Resolvers:
    """The operator's resolvers, asked once for all line tests of the next seconds."""

    def __init__(self, config: PathSection, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._asked: asyncio.Task[list[Fact] | Partly] | None = None
        self._until = 0.0

    async def facts(self) -> list[Fact] | Partly:
        """`dns.operator_ok`: whether any of them does its work; with those named that do not."""
        if self._asked is None or monotonic() >= self._until or self._failed(self._asked):
            self._until = monotonic() + self._config.resolvers_cache_s
            self._asked = asyncio.create_task(self._ask(), name="operator's resolvers")
        # a test whose time is up lets go of the answer, not the others of the question
        return await asyncio.shield(self._asked)

    @staticmethod
    def _failed(task: asyncio.Task[list[Fact] | Partly]) -> bool:
        return task.done() and (task.cancelled() or task.exception() is not None)

    async def _ask(self) -> list[Fact] | Partly:
        config = self._config
        names = [str(address) for address in config.resolvers]
        found = await asyncio.gather(
            *(
                dns.ask(config.question, name, kind=config.kind, port=config.resolver_port, timeout_s=config.answer_s)
                for name in names
            )
        )
        now = self._clock()
        dead = [f"{one.server}: {one.problem or one.rcode}" for one in found if not one.works]
        if all(one.problem in _NEVER_LEFT for one in found):
            return Partly([], "; ".join(dead), SourceState.FAILED)
        works = any(one.works for one in found)
        source = next((one.server for one in found if one.works), names[0])
        fact = Fact(OPERATOR_DNS, works, now, f"dns {source}", f"{config.kind} {config.question}")
        return Partly([fact], "; ".join(dead)) if dead else [fact]


def whole_with(config: PathSection) -> Whole:
    """How whole packets are sent within the seconds that the configuration gives them."""

    async def whole(address: str, sizes: Sequence[int]) -> MtuResult:
        timeout_s = config.whole_packets_s / (_TRIES * _SIZES)
        return await mtu.whole(address, sizes, tries=_TRIES, timeout_s=timeout_s)

    return whole


async def whole_packets(case: Case, whole: Whole, clock: Clock) -> list[Fact] | Partly:
    """Whether large packets reach the line's session address in one piece.

    Of a line whose link is known to take less (PPPoE) nothing larger is asked, and a router that says what it takes
    loses nothing: the sender sends smaller ones.
    """
    address = usable_text(case.told_by_name, "bras.address", case.now)
    if not address or usable_text(case.told_by_name, "bras.session", case.now) == "none":
        raise Skipped("the line has no session address")
    expected = _expected(case)
    sizes = [size for size in SIZES.values() if expected is None or size <= expected]
    if not sizes:
        raise Skipped(f"the line is expected to take {expected:g} bytes, less than what is asked")
    try:
        found = await whole(address, sizes)
    except ProbeRefused as error:
        raise Skipped(str(error)) from error
    if found.mtu is None:
        return Partly([], f"{address} answers no ping: large packets say nothing", SourceState.ANSWERED)
    return _facts(found, sizes, clock())


def _expected(case: Case) -> float | None:
    fact = case.told_by_name.get("wan.mtu_expected_bytes")
    known = fact is not None and not is_stale(fact, case.now)
    return float(fact.value) if known and fact is not None and isinstance(fact.value, int | float) else None


def _facts(found: MtuResult, sizes: Sequence[int], now: datetime) -> list[Fact] | Partly:
    """The facts of the sizes that were asked; those that a router or our own link refused are not applicable."""
    facts, source = [], f"ping {found.address}"
    limit = found.told_mtu if found.told_by else found.own_limit
    by = found.told_by or "this machine's own link"
    for name, size in SIZES.items():
        if size not in sizes or found.version != 4:
            continue
        passed = found.mtu is not None and found.mtu >= size
        if passed or found.black_hole:
            facts.append(Fact(name, passed, now, source, "icmp echo with DF"))
        elif limit is not None and size > limit:
            raw = f"{by} takes {limit} bytes and says so"
            facts.append(Fact(name, None, now, source, "icmp echo with DF", Quality.NOT_APPLICABLE, raw))
    said = "" if limit is None or found.mtu is None or found.mtu >= max(sizes) else f"{by} takes {limit} bytes"
    return Partly(facts, said) if said else facts
