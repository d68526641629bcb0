"""Verdicts over generated lines: python -m bench.verdicts [--lines 3000] [--seed 1] → the engine beside two baselines.

Lines are drawn from bench/verdict_signatures.toml with noise, losses and vendors' encodings, and judged by the engine,
by the engine with further probes, by the engine without its rules for missing data, and by a plain threshold tree;
once with facts lost one by one (the design's figures), once with the losses of a live test, where sources fall silent.

It measures CONSISTENCY, not accuracy in the field: signatures and cards follow the same scenario table.
"""

import argparse
from collections.abc import Callable, Sequence
from random import Random

from bench.threshold_tree import tree
from bench.verdict_generator import NOW, Damage, Line, lines, live
from bench.verdict_measures import Labelled, confusion, figures, mean, reliability
from bench.verdict_openings import openings
from probes.facts import Fact, Facts, Scalar
from probes.linetest import load_pack
from probes.linetest.costs import money_of
from probes.linetest.engine import judge
from probes.linetest.model import Verdict, VerdictKind
from probes.linetest.pack import Pack
from probes.linetest.postgates import instead
from probes.linetest.scorecard import rank
from probes.linetest.view import look

#: probes after the first look, and how often one of them succeeds
MOST_PROBES = 4
PROBE_WORKS = 4  # of five, in a fixed order
#: what is lost, by the name that the report gives it
LOSSES = {"facts one by one": Damage(), "sources, as in a live test": live()}
#: lines from which facts are lost on purpose
LOSS_LINES = 1500

NOTE = (
    "These figures measure consistency, not accuracy in the field: the lines are drawn from signatures that follow\n"
    "the same scenario table as the rules. What the field says comes from closure codes (secondline report quality)."
)


def main() -> None:
    """Print the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=3000, help="labelled lines (3000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the generator (1)")
    given = parser.parse_args()
    print("\n".join(report(given.lines, given.seed)))


def report(count: int, seed: int) -> list[str]:
    """Return the lines of the report."""
    pack = load_pack()
    money = money_of(pack.file.engine)
    out = [f"{count} lines, seed {seed}, pack {pack.ref.id} {pack.ref.version} ({pack.ref.hash})", NOTE]
    for losses, damage in LOSSES.items():
        drawn = lines(count, seed, damage)
        found = {name: [method(pack, line) for line in drawn] for name, method in METHODS.items()}
        engine, told = found["engine"], {name: figures(each, money) for name, each in found.items()}
        out += ["", f"=== losses: {losses}"]
        for name, each in told.items():
            out += ["", name, *(f"  {key:26} {figure}" for key, figure in each.items())]
        cost = told["engine"]["cost per ticket"].mean / told["threshold tree"]["cost per ticket"].mean
        out += ["", f"cost of the engine against the threshold tree: {cost:.2f}"]
        out += ["", "engine, left open:", *openings(pack, drawn, [one.said for one in engine])]
        out += ["", "engine, truth in rows:", *confusion(engine), "", "engine, reliability:", *reliability(engine)]
        out += ["", "threshold tree, truth in rows:", *confusion(found["threshold tree"])]
    return [*out, "", *_losses(pack, seed)]


def _losses(pack: Pack, seed: int) -> Sequence[str]:
    """The engine with ever more facts lost: the same verdict as with all, an open one, or another one."""
    heads = ("same verdict", "inconclusive", "another verdict", "another dispatch")
    out = ["facts lost" + "".join(f"  {head:28}" for head in heads)]
    whole = lines(LOSS_LINES, seed, Damage(missing=0.0, stale=0.0, sentinel=0.0, wrong_symptom=0.0, registry_down=0.0))
    for share in (0.25, 0.50, 0.75):
        pairs = [_pair(pack, line, share, n) for n, line in enumerate(whole)]
        same = mean(pairs, lambda one: float(one.said is one.truth))
        opened = mean(pairs, lambda one: float(_quiet(one.said) and one.said is not one.truth))
        other = mean(pairs, lambda one: float(one.said is not one.truth and not _quiet(one.said)))
        sent = mean(pairs, lambda one: float(one.said is not one.truth and one.said in _VISITS))
        out.append(f"{share:10.0%}  {same}  {opened}  {other}  {sent}")
    return out


_VISITS = (VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE)


def _quiet(said: VerdictKind) -> bool:
    return said in (VerdictKind.INCONCLUSIVE, VerdictKind.MONITOR_24H)


def _pair(pack: Pack, line: Line, share: float, number: int) -> Labelled:
    """With all facts (as the truth) against with some lost; gate facts stay."""
    random = Random(number)
    whole = _judged(pack, line.signature.technology, line.facts)
    gates = set(pack.file.gate_facts.common) | set(pack.file.gate_facts.pon) | set(pack.file.gate_facts.fttb)
    kept = {name: fact for name, fact in line.facts.items() if name in gates or random.random() >= share}
    less = _judged(pack, line.signature.technology, kept)
    return Labelled(whole.verdict, whole.cause, less.verdict, less.cause)


def _judged(pack: Pack, technology: str, facts: Facts) -> Verdict:
    return judge(technology, facts, pack=pack, now=NOW, strict_gates=False)


def _engine(pack: Pack, line: Line) -> Labelled:
    verdict = _judged(pack, line.signature.technology, line.facts)
    return _labelled(line, verdict.verdict, verdict.cause, verdict.posterior)


def _with_probes(pack: Pack, line: Line) -> Labelled:
    """What was left open is measured on, as the engine asks; one probe in five fails."""
    facts = dict(line.facts)
    for number in range(MOST_PROBES + 1):
        verdict = _judged(pack, line.signature.technology, facts)
        if verdict.verdict is not VerdictKind.INCONCLUSIVE or verdict.next_probe is None or number == MOST_PROBES:
            break
        name = verdict.next_probe
        value = line.world.get(name)
        fails = value is None or sum(map(ord, name)) % 5 >= PROBE_WORKS
        facts[name] = Fact(name, None if fails else _typed(value), NOW, "asked")
        if fails:
            break
    return _labelled(line, verdict.verdict, verdict.cause, verdict.posterior, number)


def _typed(value: Scalar | None) -> Scalar | None:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _without_rules(pack: Pack, line: Line) -> Labelled:
    """The cards with a missing fact counted as "no", old facts as new, and nothing that keeps a verdict back."""
    fresh = {name: Fact(name, fact.value, NOW, fact.source) for name, fact in line.facts.items()}
    view = look(fresh, pack, NOW)
    gated = _judged(pack, line.signature.technology, fresh)
    if gated.trace[0].startswith(("decided by gate", "decided by outage")):
        return _labelled(line, gated.verdict, gated.cause, gated.posterior)
    view.results = [held is True for held in view.results]
    ranked = rank(pack, line.signature.technology, view)
    first, rules = ranked[0], pack.file.engine
    margin = first.score_db - ranked[1].score_db
    if first.card.id == "other" or first.posterior < rules.min_posterior or margin < rules.min_margin_db:
        return _labelled(line, VerdictKind.INCONCLUSIVE, "not_determined", first.posterior)
    change = instead(pack, first.card.cause, view)
    said = (change.verdict if change else None) or first.card.cause.verdict
    cause = (change.cause if change else "") or first.card.id
    if change and change.cause and not change.verdict:
        said = pack.cause(change.cause).verdict
    return _labelled(line, said, cause, min(first.posterior, rules.cap))


def _tree(_: Pack, line: Line) -> Labelled:
    said, cause = tree(line.signature.technology, line.facts)
    return _labelled(line, said, cause, None)


def _labelled(line: Line, said: VerdictKind, cause: str, belief: float | None, probes: int = 0) -> Labelled:
    return Labelled(line.signature.verdict, line.signature.cause, said, cause, belief, probes)


METHODS: dict[str, Callable[[Pack, Line], Labelled]] = {
    "engine": _engine,
    "engine, with further probes": _with_probes,
    "engine without rules for missing data": _without_rules,
    "threshold tree": _tree,
}

if __name__ == "__main__":
    main()
