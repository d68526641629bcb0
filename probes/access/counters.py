"""Counters become rates: two samples of a port, wrap taken into account. Pure.

The rule: a counter that went back further than a wrap explains was reset, and gives no rate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from probes.access.node import said
from probes.facts import Fact
from probes.profiles.columns import CountColumn
from probes.profiles.decode import Raw
from probes.profiles.ports import PortProfile
from probes.profiles.reading import Origin

#: an earlier sample this old still tells of now; a younger than that is too near
_OLDEST = timedelta(minutes=20)
_NEAREST = timedelta(seconds=2)
#: frames behind a share of errors: fewer say nothing about parts per million [E]
_LEAST_FRAMES = 1000
#: the least time behind a count per 15 minutes [E]
_LEAST_WINDOW_S = 300.0
_QUARTER_S = 900.0
_FRAMES = ("in_ucast", "in_mcast", "in_bcast")


@dataclass(frozen=True, slots=True)
class Sample:
    """The counters of a port at an instant."""

    at: datetime
    cells: Mapping[str, Sequence[Raw]]


def usable(before: Sample, now: datetime) -> bool:
    """Whether an earlier sample is far enough away, and near enough."""
    return _NEAREST <= now - before.at <= _OLDEST


def rates(profile: PortProfile, before: Sample, after: Sample, origin: Origin) -> list[Fact]:
    """Traffic in Mbit/s, CRC errors in ppm, and what fits a quarter of an hour."""
    seconds = (after.at - before.at).total_seconds()
    grown = {name: _growth(profile, name, before, after) for name in profile.reads.counters}
    facts = []
    for name, fact in (("in_octets", "sw.in_mbit"), ("out_octets", "sw.out_mbit")):
        octets = grown.get(name)
        if octets is not None and seconds > 0:
            facts.append(said(fact, round(octets * 8 / seconds / 1e6, 3), origin))
    frames = [grown[name] for name in _FRAMES if grown.get(name) is not None]
    total = sum(number for number in frames if number is not None)
    errors = next((grown[name] for name in ("fcs", "rmon_crc") if grown.get(name) is not None), None)
    if errors is not None and frames and total + errors >= _LEAST_FRAMES:
        facts.append(said("sw.crc_ppm", round(errors / (total + errors) * 1e6, 1), origin))
    late = grown.get("late_collisions")
    if late is not None:
        facts.append(said("sw.late_collisions", late, origin))
    if seconds >= _LEAST_WINDOW_S:
        facts += _quarters(grown, total if frames else None, _QUARTER_S / seconds, origin)
    return facts


def _quarters(grown: Mapping[str, int | None], frames: int | None, share: float, origin: Origin) -> list[Fact]:
    found = []
    if frames is not None:
        found.append(said("sw.frames_15min", round(frames * share), origin))
    runts = grown.get("fragments")
    if runts is not None:
        found.append(said("sw.runts_15min", round(runts * share), origin))
    return found


def _growth(profile: PortProfile, name: str, before: Sample, after: Sample) -> int | None:
    """How much a counter grew; None when it was not read twice, or was reset between."""
    first, last = (next(iter(sample.cells.get(name, ())), None) for sample in (before, after))
    column = profile.columns[name]
    if not (isinstance(first, int) and isinstance(last, int) and isinstance(column, CountColumn)):
        return None
    if last >= first:
        return last - first
    wrapped = last + (1 << column.bits) - first
    # a 32-bit counter of a fast port may wrap; half of its range within one window is a restart of the node
    return wrapped if wrapped < 1 << column.bits - 1 else None
