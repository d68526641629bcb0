"""Random subsets and random values: judging never fails, is deterministic, and what is missing never acts by itself."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from probes.facts import FACTS, Fact, FactKind, Quality
from probes.linetest import VerdictKind, judge, load_pack
from probes.linetest.form import TECHNOLOGIES
from tests.probes.linetest.cases import own_trials, verdict_of

NOW = datetime(2026, 5, 20, 19, 10, tzinfo=UTC)
PACK = load_pack()
TRIALS = own_trials()
ACTING = {VerdictKind.NFF, VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE}

ANYTHING = st.one_of(
    st.booleans(), st.integers(-(10**12), 10**12), st.floats(), st.text(max_size=8), st.sampled_from(["none", "online"])
)


def value_of(name: str) -> st.SearchStrategy[object]:
    spec = FACTS[name]
    match spec.kind:
        case FactKind.FLAG:
            good: st.SearchStrategy[object] = st.booleans()
        case FactKind.ENUM:
            good = st.sampled_from(spec.values)
        case FactKind.COUNT:
            good = st.integers(0, 200)
        case FactKind.NUMBER:
            good = st.floats(-60, 120)
        case FactKind.INSTANT:
            good = st.sampled_from(["2026-05-20T18:41:00Z", "2026-05-20T19:00:00+03:00", "2020-01-01T00:00:00"])
        case FactKind.TEXT:
            good = st.sampled_from(["none", "dgi", "losi", "ERROR_NONE", "Selecting", "x"])
    return st.one_of(good, good, good, ANYTHING)


@st.composite
def records(draw: st.DrawFn) -> dict[str, Fact]:
    names = draw(st.lists(st.sampled_from(sorted(FACTS)), unique=True, max_size=60))
    out = {}
    for name in names:
        age = draw(st.sampled_from([0, 1, 299, 3600, 90000, -5]))
        quality = draw(st.sampled_from([Quality.OK, Quality.OK, Quality.OK, *Quality]))
        out[name] = Fact(name, draw(value_of(name)), NOW - timedelta(seconds=age), "test", quality=quality)  # type: ignore[arg-type]
    return out


@settings(max_examples=150, deadline=None)
@given(records(), st.sampled_from([*TECHNOLOGIES, "satellite"]), st.booleans())
def test_any_facts_give_one_verdict(facts: dict[str, Fact], technology: str, strict: bool) -> None:
    first = judge(technology, facts, pack=PACK, now=NOW, strict_gates=strict)
    again = judge(technology, dict(reversed(facts.items())), pack=PACK, now=NOW, strict_gates=strict)
    assert first == again
    assert 0 <= first.posterior <= 0.98
    assert first.to_json()["verdict"] == first.verdict.value


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(TRIALS), st.data())
def test_missing_facts_make_a_line_neither_healthy_nor_a_dispatch(trial: object, data: st.DataObject) -> None:
    case = trial.case  # type: ignore[attr-defined]
    kept = data.draw(st.sets(st.sampled_from(sorted(case.facts))))
    found = verdict_of(case, {name: case.facts[name] for name in sorted(kept)})
    if found.verdict is VerdictKind.NFF:
        assert not found.next_probe
        assert {"bras.session", "ping.loss_pct", "cpe.mem_free_pct", "dns.operator_ok"} <= kept
    if found.verdict in ACTING and found.verdict is not VerdictKind.NFF:
        assert any(line.points > 0 for line in found.evidence)


def test_nothing_at_all_is_inconclusive() -> None:
    for technology in TECHNOLOGIES:
        for strict in (False, True):
            found = judge(technology, {}, pack=PACK, now=NOW, strict_gates=strict)
            assert found.verdict is VerdictKind.INCONCLUSIVE
            assert found.needs_human is strict
