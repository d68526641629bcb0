"""The order in which causes, their rows and siblings stand says nothing: the same verdict and the same sums."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from probes.linetest import load_pack
from probes.linetest.engine import judge
from probes.linetest.outage import SiblingState, sibling_facts
from probes.linetest.pack import Pack, compile_pack
from tests.probes.linetest.cases import Trial, own_trials, row_trials, shared_rows

TRIALS = [*own_trials(), *(row_trials(row)[0] for row in shared_rows())]
NOW = datetime(2026, 5, 20, 19, 10, tzinfo=UTC)


def shuffled(seed: int) -> Pack:
    """The packaged pack with its causes, and the rows of every cause, in another order."""
    whole = load_pack()
    names = sorted(whole.file.cause)
    rng = random.Random(seed)
    rng.shuffle(names)
    causes = {}
    for name in names:
        rows = list(whole.file.cause[name].evidence)
        rng.shuffle(rows)
        causes[name] = whole.file.cause[name].model_copy(update={"evidence": tuple(rows)})
    return compile_pack(whole.file.model_copy(update={"cause": causes}), whole.ref.hash)


PACKS = [shuffled(seed) for seed in range(2)]


@pytest.mark.parametrize("trial", TRIALS, ids=lambda trial: trial.name)
def test_the_order_of_the_causes_does_not_matter(trial: Trial) -> None:
    case = trial.case
    found = [
        judge(case.technology, case.facts, pack=pack, now=case.now, strict_gates=case.strict_gates)
        for pack in (load_pack(), *PACKS)
    ]
    told = [(one.verdict, one.cause, one.location, one.posterior, one.next_probe, one.ranking) for one in found]
    assert told == [told[0]] * len(told)
    assert [[_sum(line) for line in one.trace] for one in found[1:]] == [[_sum(line) for line in found[0].trace]] * 2


def _sum(line: str) -> list[str]:
    return sorted(line.replace(" = ", "; ").split("; "))


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_siblings_does_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    states = [
        SiblingState(
            n,
            up=n % 3 != 0,
            last_down_at=NOW - timedelta(minutes=5) if n % 3 == 0 else None,
            last_down_cause=("losi", "dgi", "los")[n % 9 // 3] if n % 3 == 0 else None,
            rx_dbm=-18.0 - n / 7,
            baseline_rx_dbm=-18.0,
            olt_rx_dbm=-21.0 - n / 5,
            splitter=f"S{n % 4}",
            flaps_24h=n % 5,
        )
        for n in range(32)
    ]
    whole = sibling_facts(states, 3, now=NOW, window_s=900)
    rng.shuffle(states)
    assert sibling_facts(states, 3, now=NOW, window_s=900) == whole
