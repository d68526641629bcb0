"""The bench of verdicts: the same seed gives the same lines, and the report says what it measures."""

import re

from bench.threshold_tree import tree
from bench.verdict_generator import Damage, lines, live, signatures
from bench.verdict_measures import confusion, figures, reliability
from bench.verdict_openings import openings
from bench.verdicts import METHODS, NOTE
from probes.linetest import load_pack
from probes.linetest.costs import money_of
from probes.linetest.model import VerdictKind


def test_the_same_seed_gives_the_same_lines() -> None:
    one, other, third = (lines(20, seed, Damage()) for seed in (5, 5, 6))
    assert one == other
    assert one != third


def test_every_signature_is_a_fault_that_some_pack_knows() -> None:
    known = load_pack().file.cause
    assert {each.cause for each in signatures()} <= set(known)
    assert len(signatures()) >= 80


def test_an_undamaged_line_is_judged_right_by_the_engine() -> None:
    pack = load_pack()
    whole = lines(120, 3, Damage(missing=0, stale=0, sentinel=0, wrong_symptom=0, registry_down=0))
    found = [METHODS["engine"](pack, line) for line in whole]
    said = [one for one in found if one.said is not VerdictKind.INCONCLUSIVE]
    assert len(said) > 0.6 * len(found)
    assert sum(one.said is one.truth for one in said) >= 0.95 * len(said)


def test_the_engine_costs_less_than_the_tree_and_misses_no_more_visits() -> None:
    pack = load_pack()
    money = money_of(pack.file.engine)
    drawn = lines(250, 2, Damage())
    engine, plain = (
        figures([METHODS[name](pack, line) for line in drawn], money) for name in ("engine", "threshold tree")
    )
    assert engine["cost per ticket"].high < 0.5 * plain["cost per ticket"].low
    assert engine["missed dispatch"].mean <= plain["missed dispatch"].mean
    assert engine["Brier, of what was said"].mean <= 0.1


def test_the_report_says_that_it_is_no_field_accuracy() -> None:
    assert "not accuracy in the field" in NOTE


def test_tables_have_a_row_for_every_truth() -> None:
    pack = load_pack()
    found = [METHODS["engine"](pack, line) for line in lines(60, 4, Damage())]
    assert len(confusion(found)) == 1 + len({one.truth for one in found})
    assert all(line.startswith("  believed") for line in reliability(found))


def test_the_tree_takes_what_is_missing_for_good() -> None:
    assert tree("pon", {}) == (VerdictKind.NFF, "nff")


def test_what_is_set_has_no_noise() -> None:
    drawn = lines(300, 3, Damage(missing=0.0, stale=0.0, sentinel=0.0))
    mtus = {fact.value for line in drawn for name, fact in line.facts.items() if name == "wan.mtu_expected_bytes"}
    assert mtus == {1492.0, 1500.0}


def test_a_source_that_is_silent_takes_all_of_its_facts_with_it() -> None:
    drawn = lines(100, 3, Damage(missing=0.0, stale=0.0, sources_down={"cpe": 1.0}))
    left = {name for line in drawn for name in line.facts}
    assert not {name for name in left if name.startswith(("wifi.", "wan.", "voip."))}
    assert "cpe.inform_age_s" in left and "ont.run_state" in left


def test_every_open_verdict_has_one_reason() -> None:
    pack, drawn = load_pack(), lines(120, 3, live())
    said = [METHODS["engine"](pack, line).said for line in drawn]
    *reasons, healthy = openings(pack, drawn, said)
    shares = [float(reason.split("%")[0]) for reason in reasons]
    opened = said.count(VerdictKind.INCONCLUSIVE) / len(said)
    assert abs(sum(shares) - 100 * opened) < 0.3
    whole, told = (int(number) for number in re.findall(r"known (\d+), of these called healthy (\d+)", healthy)[0])
    assert whole == told, "a healthy line with all that must be known is called healthy"
