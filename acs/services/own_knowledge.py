"""Facts that follow from what the store knows anyway: drifting light, missed Informs, an upgrade, a short cable. Pure.

The rule of this file: it says what its data bear and nothing else; what another system says of the same counts first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from acs.services.cases import Case, KnownDevice, instant_of
from acs.services.kinds.transfers import FIRMWARE, download_type
from acs.services.optics import Level, trend
from probes.facts import Fact, Quality

#: an Inform may be late by this share of its interval before it counts as missed
_LATE_SHARE = 0.2
#: days of points behind a drift at least
_DRIFT_DAYS = 14.0
_FLAPS = "ont.flaps_24h"
_FELL = "ont.last_down_at"
_DAY = timedelta(days=1)
#: results of a cable test that say where the pair ends
_ENDS = frozenset({"open", "short", "open-short"})


def own_knowledge(case: Case) -> list[Fact]:
    """The facts of a line that follow from its devices and its history."""
    facts = drift_facts(case.own_light_30d, case.now)
    for device in case.devices:
        facts += _missed(device, case) if device.is_stb else []
        facts += _upgrading(device, case.now)
    return facts


def drift_facts(levels: Sequence[Level], now: datetime) -> list[Fact]:
    """`ont.rx_slope_db_day` and `ont.rx_slope_days`: how the light falls, where both halves of the time say so.

    A step is no drift: of the whole and its halves the smallest slope counts, none where they disagree.
    """
    whole = trend(levels, now)
    if whole is None or whole.days < _DRIFT_DAYS:
        return []
    middle = levels[-1][0] - timedelta(days=whole.days / 2)
    halves = [[one for one in levels if one[0] <= middle], [one for one in levels if one[0] > middle]]
    slopes = [whole, *(trend(half, half[-1][0]) for half in halves if half)]
    found = [one.db_per_day for one in slopes if one is not None]
    if len(found) < len(halves) + 1:
        return []
    alike = all(slope > 0 for slope in found) or all(slope < 0 for slope in found)
    slope = min(found, key=abs) if alike else 0.0
    at, method = levels[-1][0], "least of the slopes of the whole and of its halves"
    return [
        Fact("ont.rx_slope_db_day", slope, at, "history", method),
        Fact("ont.rx_slope_days", whole.days, at, "history", method),
    ]


def cable_facts(case: Case, facts: Mapping[str, Fact]) -> list[Fact]:
    """`tdr.gap_to_known_len_m`: by how much the pair ends short of the length on file."""
    result, length, known = facts.get("tdr.result"), facts.get("tdr.length_m"), case.line.cable_length_m
    if result is None or length is None or known is None or result.value not in _ENDS:
        return []
    if not isinstance(length.value, int | float):
        return []
    method = f"{known:g} m on file"
    return [Fact("tdr.gap_to_known_len_m", round(known - length.value, 1), length.at, length.source, method)]


def flaps_since(facts: Mapping[str, Fact], now: datetime) -> list[Fact]:
    """`ont.flaps_24h` with the last fall, where the falls were counted before it: at least one more.

    A round counts, and the next one may be most of an hour away. The fact stays as old as the count.
    """
    counted, fell_at = facts.get(_FLAPS), instant_of(facts.get(_FELL))
    if counted is None or fell_at is None or counted.quality is not Quality.OK:
        return []
    if isinstance(counted.value, bool) or not isinstance(counted.value, int):
        return []
    if not max(counted.at, now - _DAY) < fell_at <= now:
        return []
    told = f"at least: {counted.value} counted before, and the last fall since"
    return [replace(counted, value=counted.value + 1, method=told)]


def _missed(device: KnownDevice, case: Case) -> list[Fact]:
    """How many periodic Informs of a set-top box did not come.

    None is said to be missed only where one came since the complaint: before it the box may have been well.
    """
    interval_s, informed_at = device.interval_s, device.record.last_inform_at
    if not interval_s:
        return []
    missed = max(0, int((case.now - informed_at).total_seconds() / interval_s - _LATE_SHARE))
    if not missed and informed_at < (case.complained_at or case.test.created_at):
        return []
    return [Fact("stb.informs_missed", missed, case.now, "cwmp", f"every {interval_s:g} s")]


def _upgrading(device: KnownDevice, now: datetime) -> list[Fact]:
    """That we write a firmware just now; that nobody else does is not known."""
    if device.is_stb or not any(
        operation.kind == "download" and download_type(operation) == FIRMWARE for operation in device.under_way
    ):
        return []
    return [Fact("fw.upgrade_running", True, now, "operations", "a download is under way")]
