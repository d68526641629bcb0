"""A cable test (TDR) of a switch port: start it by a SET, wait, read each pair. The one intrusive read.

The rule: it is done only when the caller allows it, and on a port with a link only when the caller allows that too,
for most chips drop the link for some seconds; and the reader's gentle way to the node must allow writing at all.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.access import AccessReader
from probes.access.node import NodeTarget, origin_of, said
from probes.access.ports import PortPlace
from probes.errors import ProbeRefused, ProbeTimeout, ProfileError
from probes.facts import Fact, Quality
from probes.profiles.decode import Raw, plain_text, raw_text
from probes.profiles.ports import CableTest, Pair, SwitchProfile
from probes.profiles.reading import Origin
from probes.snmp.agent import integer
from probes.snmp.client import WriteAccess

_OPER = "1.3.6.1.2.1.2.2.1.8"
_UP = 1
#: of several pairs the worst speaks for the cable
_WORST = ("open-short", "short", "open", "impedance", "crosstalk", "no-cable", "ok")
_FAULTY = frozenset({"open-short", "short", "open", "impedance", "crosstalk"})


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a person or a ticket has allowed: the test at all, and also where it drops a live link."""

    test: bool = False
    link_drop: bool = False


@dataclass(frozen=True, slots=True)
class _Told:
    """One pair as it was read: a result or the code that no table knows, and a length in metres."""

    pair: int
    result: str | None
    raw: str
    length_m: float | None
    untested: bool = False


async def cable_test(
    reader: AccessReader,
    target: NodeTarget,
    profile: SwitchProfile,
    place: PortPlace,
    write: WriteAccess | None,
    now: datetime,
    *,
    allowed: Allowed,
) -> list[Fact]:
    """Facts of the cable behind a port: each pair's result and length, the worst of them, and its distance.

    Raises:
        ProbeRefused: not allowed; writing is switched off, or it is a quiet hour; the port has a link, the test would
            drop it, and that is not allowed; the switch refuses the SET, or says that the test failed.
        ProbeTimeout: the switch fell silent, or the test did not end in its time.
        ProfileError: the profile has no cable test, or the switch no such port.
    """
    test = profile.cable_test
    if test is None:
        raise ProfileError(f"{target.name}: profile {profile.id} has no cable test; {_why(profile)}")
    if not allowed.test:
        raise ProbeRefused(f"{target.name} port {place}: a cable test is intrusive; allow it for this port")
    reader.gentle.check_write(target.snmp, write, now=now, intrusive=True)
    at = await reader.ports.if_index(target, profile, place)
    if at is None:
        raise ProfileError(f"{target.name} has no port {place}")
    link = (await reader.nodes.get(target, [f"{_OPER}.{at}"])).get(f"{_OPER}.{at}")
    if link == _UP and test.drops_link and not allowed.link_drop:
        raise ProbeRefused(
            f"{target.name} port {place} has a link, which the test would drop; allow that, or unplug it"
        )
    values = {_start_oid(test, at): integer(_start_value(test, at))}
    await reader.gentle.set(target.snmp, write, values, now=now, intrusive=True)
    await _wait(reader, target, test, at)
    told = await _read(reader, target, test, at)
    return _facts(test, told, origin_of(target, now))


def _why(profile: SwitchProfile) -> str:
    return profile.left_out.get("tdr.result", "no source names one")


def _start_oid(test: CableTest, at: int) -> str:
    if test.start.row == "port-value":
        return test.start.oid
    return f"{test.start.oid}.{at}{'.' + test.start.tail if test.start.tail else ''}"


def _start_value(test: CableTest, at: int) -> int:
    return at if test.start.row == "port-value" else test.start.value


async def _wait(reader: AccessReader, target: NodeTarget, test: CableTest, at: int) -> None:
    """Until the switch says that the test is over; a switch that says nothing of it is given its time."""
    poll = test.poll
    if poll is None:
        await asyncio.sleep(test.wait_s)
        return
    oid = f"{poll.oid}.{at}{'.' + poll.tail if poll.tail else ''}"
    state: Raw | None = None
    for _ in range(test.tries):
        await asyncio.sleep(test.wait_s)
        state = (await reader.nodes.get(target, [oid])).get(oid)
        # a switch without that column answers with nothing: its test is short
        if state is None or state in poll.done:
            return
        if state not in poll.running:
            raise ProbeRefused(f"{target.name} ifIndex {at}: the cable test failed, state {raw_text(state)}")
    raise ProbeTimeout(f"{target.name} ifIndex {at}: the cable test did not end, state {raw_text(state or '')}")


async def _read(reader: AccessReader, target: NodeTarget, test: CableTest, at: int) -> list[_Told]:
    if test.text is not None:
        oid = f"{test.text}.{at}"
        return _of_text(test, (await reader.nodes.get(target, [oid])).get(oid, b""))
    wanted = [oid for pair in test.pairs for oid in _oids(pair, at)]
    wanted += [f"{test.ports_oid}.{at}"] if test.ports_oid else []
    values = await reader.nodes.get(target, dict.fromkeys(wanted))
    kind = values.get(f"{test.ports_oid}.{at}")
    count = test.ports_pairs.get(str(kind), len(test.pairs)) if test.ports_oid else len(test.pairs)
    return [_of_pair(test, n, pair, at, values) for n, pair in enumerate(test.pairs[:count], start=1)]


def _oids(pair: Pair, at: int) -> list[str]:
    found = (
        [_at(pair.status, at, tail) for tail in pair.flags.values()]
        if pair.flags
        else [_at(pair.status, at, pair.tail)]
    )
    found += [_at(pair.length, at, pair.length_tail)] if pair.length else []
    return found + ([_at(pair.fault, at, pair.fault_tail)] if pair.fault else [])


def _at(oid: str | None, at: int, tail: str) -> str:
    return f"{oid}.{at}{'.' + tail if tail else ''}"


def _of_pair(test: CableTest, number: int, pair: Pair, at: int, values: Mapping[str, Raw]) -> _Told:
    if pair.flags:
        cells = {name: values.get(_at(pair.status, at, tail)) for name, tail in pair.flags.items()}
        known = any(value is not None for value in cells.values())
        result = next((name for name, value in cells.items() if value == 1), "ok" if known else None)
        raw = ", ".join(name for name, value in cells.items() if value == 1)
    else:
        code = values.get(_at(pair.status, at, pair.tail))
        result = test.results.get(str(code))
        raw = raw_text(code) if code is not None else ""
        if code in test.untested:
            return _Told(number, None, raw, None, untested=True)
    length = values.get(_at(pair.length, at, pair.length_tail)) if pair.length else None
    fault = values.get(_at(pair.fault, at, pair.fault_tail)) if pair.fault else None
    return _Told(number, result, raw, _metres(test, fault if result in _FAULTY and fault is not None else length))


def _of_text(test: CableTest, raw: Raw) -> list[_Told]:
    """A line per pair: `(1, 2)  open  12`; the pattern's groups are the two wires, the status and the length."""
    told = []
    for number, found in enumerate(re.finditer(test.text_pattern, plain_text(raw)), start=1):
        *_, status, length = found.groups()
        told.append(_Told(number, test.results.get(status.lower()), status, _metres(test, int(length))))
    return told


def _metres(test: CableTest, raw: Raw | None) -> float | None:
    if not isinstance(raw, int) or raw in test.no_length or raw < 0:
        return None
    return round(raw * test.metres, 2)


def _facts(test: CableTest, told: Sequence[_Told], origin: Origin) -> list[Fact]:
    facts: list[Fact] = []
    for one in told if not test.whole else []:
        facts.append(_result(f"tdr.pair{one.pair}_result", one, origin))
        # no cable has no length, and a whole pair whose length is 0 was not measured
        if one.length_m is not None and one.result != "no-cable" and not (one.result == "ok" and not one.length_m):
            facts.append(said(f"tdr.pair{one.pair}_length_m", one.length_m, origin))
    if not told:
        return [Fact("tdr.result", None, origin.at, origin.source, "snmp", Quality.MISSING, "no pair was told of")]
    worst = min(told, key=lambda one: _WORST.index(one.result) if one.result is not None else len(_WORST))
    unread = next((one for one in told if one.result is None and not one.untested), None)
    if worst.result in (None, "ok", "no-cable") and unread is not None:
        # a pair that nobody understood may be the broken one
        return [*facts, _result("tdr.result", unread, origin)]
    facts.append(_result("tdr.result", worst, origin))
    lengths = [one.length_m for one in told if one.result == worst.result and one.length_m]
    if lengths and worst.result != "no-cable":
        facts.append(said("tdr.length_m", min(lengths), origin))
    elif worst.result in _FAULTY and worst.length_m is not None:
        facts.append(said("tdr.length_m", worst.length_m, origin))
    return facts


def _result(name: str, one: _Told, origin: Origin) -> Fact:
    quality = Quality.OK if one.result is not None else Quality.MISSING if one.untested else Quality.UNREADABLE
    return Fact(name, one.result, origin.at, origin.source, "snmp, cable test", quality, one.raw)
