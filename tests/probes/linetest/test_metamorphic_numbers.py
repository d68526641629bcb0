"""Numbers moved across thresholds, vendors swapped, facts lost by the share: what may change, and what may not."""

from collections.abc import Iterator
from itertools import pairwise
from random import Random

import pytest

from probes.facts import FACTS, Fact
from probes.linetest import Verdict, VerdictKind, judge, load_pack
from probes.linetest.worlds import base_domains, domains
from tests.probes.linetest.cases import Trial, own_trials, row_trials, shared_rows, verdict_of

TRIALS = [*own_trials(), *(row_trials(row)[0] for row in shared_rows())]
#: with what each row becomes when something is missing or other than it was
ALL_TRIALS = [*own_trials(), *(trial for row in shared_rows() for trial in row_trials(row))]
QUIET = (VerdictKind.INCONCLUSIVE, VerdictKind.MONITOR_24H)
VISITS = (VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE)
#: every fact that is a level or a difference in decibels
DECIBELS = tuple(name for name, spec in FACTS.items() if spec.unit in ("dB", "dBm"))
LIMITS = {
    name: sorted({round(value, 2) for value in values if isinstance(value, int | float)})
    for name, values in base_domains(load_pack()).items()
}
THRESHOLDS = {name: LIMITS.get(name, []) for name in DECIBELS}
#: light that is held against the median of the siblings: that median, and how far below it the pack draws lines
AGAINST = {
    "ont.rx_dbm": ("sib.rx_median_dbm", "@light_against_siblings_db"),
    "ont.olt_rx_dbm": ("sib.olt_rx_median_dbm", "@olt_light_against_siblings_db"),
}


def told(trial: Trial, name: str, value: float) -> Verdict:
    before = trial.case.facts[name]
    fact = Fact(name, round(value, 3), before.at, "moved")
    return verdict_of(trial.case, {**trial.case.facts, name: fact})


def moved(trial: Trial, name: str, value: float) -> VerdictKind:
    return told(trial, name, value).verdict


def numbers(trial: Trial) -> Iterator[tuple[str, float]]:
    for name in DECIBELS:
        fact = trial.case.facts.get(name)
        if fact is not None and isinstance(fact.value, int | float) and fact.value != -40.0:  # a sentinel
            yield name, float(fact.value)


def thresholds(trial: Trial, name: str) -> Iterator[float]:
    """Where the pack draws a line for this fact of this trial: its own limits, and those against the siblings."""
    yield from THRESHOLDS[name]
    for level, (median, derived) in AGAINST.items():
        other = trial.case.facts.get({level: median, median: level}.get(name, ""))
        if other is not None and isinstance(other.value, int | float):
            side = 1.0 if name == level else -1.0
            yield from (round(other.value + side * limit, 2) for limit in RELATIVE[derived])


RELATIVE = {
    derived: sorted({round(value, 2) for value in domains(load_pack())[derived] if isinstance(value, int | float)})
    for _, derived in AGAINST.values()
}


def test_all_levels_are_looked_at() -> None:
    assert len(DECIBELS) == 24
    assert {name for name in DECIBELS if THRESHOLDS[name]} == {
        *("ont.rx_dbm", "ont.tx_dbm", "ont.rx_delta_db", "sib.rx_step_median_db", "olt.port_tx_dbm"),
        *("wifi.worst_rssi", "wifi.snr_db", "dsl.snr_margin_db", "stb.wifi_rssi"),
    }
    assert all(RELATIVE.values())


@pytest.mark.parametrize("name", DECIBELS)
def test_between_two_verdicts_lies_an_open_one(name: str) -> None:
    """Two faults at once meet in INCONCLUSIVE: no tenth of a decibel turns one act into another."""
    wrong = []
    for trial in ALL_TRIALS:
        for threshold in thresholds(trial, name) if name in trial.case.facts else ():
            below, above = told(trial, name, threshold - 0.1), told(trial, name, threshold + 0.1)
            if below.verdict is not above.verdict and below.verdict not in QUIET and above.verdict not in QUIET:
                wrong.append((trial.name, threshold, below.cause, above.cause))
    assert wrong == []


def test_between_a_drift_and_a_sound_line_lies_an_open_one() -> None:
    """A slope is no level: a tenth of a decibel a day is all of it, so it is walked in hundredths."""
    name, seen = "ont.rx_slope_db_day", set()
    for trial in ALL_TRIALS:
        if name not in trial.case.facts:
            continue
        walk = [moved(trial, name, -0.2 + step / 100) for step in range(21)]
        seen.update(walk)
        jumps = [(a, b) for a, b in pairwise(walk) if a is not b and a not in QUIET and b not in QUIET]
        assert jumps == [], trial.name
    assert {VerdictKind.DISPATCH_LINE, VerdictKind.NFF} <= seen


@pytest.mark.parametrize("step", [-2.0, -0.1, 0.1, 2.0])
def test_a_verdict_changes_only_where_a_threshold_is_crossed(step: float) -> None:
    wrong = []
    for trial in TRIALS:
        whole = verdict_of(trial.case).verdict
        for name, value in numbers(trial):
            low, high = sorted((value, value + step))
            crossed = any(low - 1e-6 <= threshold <= high + 1e-6 for threshold in thresholds(trial, name))
            if not crossed and not _of_another_class(trial, name) and moved(trial, name, value + step) is not whole:
                wrong.append((trial.name, name, value))
    assert wrong == []


def _of_another_class(trial: Trial, name: str) -> bool:
    """The limits of `base_domains` are of the usual class of optics: light of another class has its own."""
    optical = trial.case.facts.get("ont.optical_class")
    return name == "ont.rx_dbm" and optical is not None and optical.value != "gpon_b+"


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_words_of_another_vendor_say_the_same(trial: Trial) -> None:
    """Some families tell a cut fibre as LOS, others as LOSi; light is rounded to 0.01, 0.002 or 0.1 dB."""
    whole = verdict_of(trial.case)
    swapped = dict(trial.case.facts)
    fall = swapped.get("ont.last_down_cause")
    if fall is not None and fall.value in ("los", "losi"):
        other = "losi" if fall.value == "los" else "los"
        swapped["ont.last_down_cause"] = Fact(fall.name, other, fall.at, fall.source)
    for name in ("ont.rx_dbm", "ont.olt_rx_dbm", "ont.tx_dbm"):
        fact = swapped.get(name)
        if fact is not None and isinstance(fact.value, float):
            swapped[name] = Fact(name, round(round(fact.value / 0.002) * 0.002, 3), fact.at, fact.source)
    found = verdict_of(trial.case, swapped)
    assert (found.verdict, found.cause, found.location) == (whole.verdict, whole.cause, whole.location)


@pytest.mark.parametrize("share", [0.25, 0.50, 0.75])
def test_the_more_is_lost_the_quieter_it_gets(share: float) -> None:
    """Of all rows, hardly any gets another verdict than with all facts, and next to none another visit."""
    other, sent, random = 0, [], Random(11)
    for trial in TRIALS:
        kept = {
            name: fact
            for name, fact in trial.case.facts.items()
            if name not in FACTS or FACTS[name].gate or random.random() >= share
        }
        whole, less = verdict_of(trial.case).verdict, verdict_of(trial.case, kept).verdict
        if less not in (whole, *QUIET):
            other += 1
            sent += [trial.name] if less in VISITS else []
    assert other <= len(TRIALS) / 20
    assert len(sent) <= len(TRIALS) / 50


#: what the first five seconds know: registries, the stored context, the access node
QUICK = (
    "incident.", "planned.", "account.", "contacts_", "visits_", "ticket.", "cluster.", "actions.",
    "ont.", "olt.", "sib.", "agg.", "bras.", "radius.", "sw.", "dsl.", "dslam.",
)  # fmt: skip


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_quick_never_contradicts_full(trial: Trial) -> None:
    case = trial.case
    known = {name: fact for name, fact in case.facts.items() if name.startswith(QUICK)}
    quick = judge(case.technology, known, pack=load_pack(), now=case.now, strict_gates=case.strict_gates, depth="quick")
    full = verdict_of(case)
    assert quick.verdict in (full.verdict, *QUIET)


def test_quick_answers_where_the_access_node_tells_all() -> None:
    found = set()
    for trial in TRIALS:
        known = {name: fact for name, fact in trial.case.facts.items() if name.startswith(QUICK)}
        case = trial.case
        found.add(
            judge(case.technology, known, pack=load_pack(), now=case.now, strict_gates=False, depth="quick").verdict
        )
    assert {VerdictKind.ATTACH_OUTAGE, VerdictKind.OPEN_OUTAGE, VerdictKind.DISPATCH_HOME} <= found


def test_self_service_asks_for_nothing_that_interrupts_the_service() -> None:
    pack = load_pack()
    for trial in TRIALS:
        case = trial.case
        found = judge(case.technology, case.facts, pack=pack, now=case.now, strict_gates=False, depth="self-service")
        assert found.next_probe not in pack.intrusive
