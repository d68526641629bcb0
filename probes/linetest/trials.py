"""Cases with what they expect: a pack is held against them before it may decide.

    one case a file      technology, now, facts, [expect]
    rows of a table      the same keys, min_confidence, and missing = variants

A variant removes facts, makes them stale or sets others, and has an expectation of its own. `one_of` passes any verdict
of its list; what stands beside it is compared as the head of `docs/linetest.md` says. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from probes.errors import PackError
from probes.facts import FACTS
from probes.linetest.cases import Case, read_case
from probes.linetest.engine import judge
from probes.linetest.model import Verdict
from probes.linetest.pack import Pack

_EXPECTED = ("verdict", "cause", "location", "queue", "needs_human", "one_of")
_VARIANT = ("name", "note", "remove", "stale", "set", "strict_gates", "expect")
_CASE = ("technology", "facts", "now", "strict_gates")


@dataclass(frozen=True, slots=True)
class Trial:
    """A case and what it expects; `least` is the smallest posterior that passes."""

    name: str
    case: Case
    expect: Mapping[str, Any]
    least: float = 0.0
    tree: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cause(self) -> str:
        """The cause that it is a case of; empty where it names none."""
        return str(self.expect.get("cause", ""))


def trials_of(documents: Mapping[str, object]) -> list[Trial]:
    """Return the trials of decoded documents (name → one case, or a list of rows), in order of name.

    Raises:
        PackError: a case is wrong; the message names it and the key.
    """
    out: list[Trial] = []
    for name, document in sorted(documents.items()):
        if isinstance(document, list):
            rows = [row for row in document if isinstance(row, Mapping)]
            out += [trial for n, row in enumerate(rows) for trial in _row(str(row.get("id", f"{name}.{n}")), row)]
        elif isinstance(document, Mapping):
            out += _row(name, document)
        else:
            raise PackError(f"{name}: a case is a table with technology, facts and expect, or a list of such")
    return out


def run(pack: Pack, trials: Iterable[Trial]) -> Iterator[tuple[Trial, Verdict, list[str]]]:
    """Yield every trial with the verdict of this pack and what differs from the expectation.

    Raises:
        PackError: the pack cannot judge a case; the message names it.
    """
    for trial in trials:
        case = trial.case
        try:
            verdict = judge(case.technology, case.facts, pack=pack, now=case.now, strict_gates=case.strict_gates)
        except Exception as error:  # rules are a person's work: what they break on is told as a fault of them
            raise PackError(f"case {trial.name}: the pack cannot judge it: {type(error).__name__}: {error}") from error
        yield trial, verdict, differences(verdict, trial)


def differences(verdict: Verdict, trial: Trial) -> list[str]:
    """Return what differs from the expectation of a trial, one line each."""
    expect, kind = trial.expect, verdict.verdict.value
    wrong = []
    if "one_of" in expect:
        if kind not in expect["one_of"]:
            wrong.append(f"verdict is {kind} ({verdict.cause}), none of {', '.join(expect['one_of'])}")
        keys = _beside_one_of(expect, kind)
    else:
        keys = [key for key in _EXPECTED if key in expect]
    for key in keys:
        got = kind if key == "verdict" else getattr(verdict, key)
        if key in expect and got != expect[key]:
            wrong.append(f"{key} is {got}, and {expect[key]} was expected")
    if verdict.posterior < trial.least:
        wrong.append(f"posterior is {verdict.posterior}, below {trial.least}")
    return wrong


def _beside_one_of(expect: Mapping[str, Any], kind: str) -> Sequence[str]:
    if "verdict" in expect:
        return ("cause", "location", "queue", "needs_human") if kind == expect["verdict"] else ()
    return ("needs_human",) if kind == "INCONCLUSIVE" else ("needs_human", "cause")


def _row(name: str, row: Mapping[str, Any]) -> list[Trial]:
    expect = row.get("expect")
    if not isinstance(expect, Mapping) or not expect:
        raise PackError(f"{name}: expect is missing; write the verdict, cause and location that are right")
    least = row.get("min_confidence", 0.0)
    whole = _trial(name, row, row.get("facts"), expect, bool(row.get("strict_gates")), float(least))
    variants = row.get("missing", [])
    return [whole, *(_variant(f"{name}: {item.get('name', n)}", row, item) for n, item in enumerate(variants))]


def _variant(name: str, row: Mapping[str, Any], item: Mapping[str, Any]) -> Trial:
    unknown = sorted(set(item) - set(_VARIANT))
    if unknown:
        raise PackError(f"{name}: unknown key {unknown[0]!r}; a variant has {', '.join(_VARIANT)}")
    facts = {key: value for key, value in row["facts"].items() if key not in item.get("remove", ())}
    facts |= item.get("set", {})
    for fact in item.get("stale", ()):
        if fact in facts:
            value = facts[fact]["value"] if isinstance(facts[fact], Mapping) else facts[fact]
            spec = FACTS.get(fact)
            facts[fact] = {"value": value, "age_s": ((spec.max_age_s if spec else None) or 0) + 1}
    return _trial(name, row, facts, item.get("expect", {}), bool(item.get("strict_gates")), 0.0)


def _trial(
    name: str, row: Mapping[str, Any], facts: object, expect: Mapping[str, Any], strict: bool, least: float
) -> Trial:
    for key in expect:
        if key not in _EXPECTED:
            raise PackError(f"{name}: expect.{key} is unknown; one of {', '.join(_EXPECTED)}")
    tree = {key: row[key] for key in _CASE if key in row} | {"facts": facts, "strict_gates": strict}
    try:
        case = read_case(tree, now=datetime(2026, 1, 1, tzinfo=UTC), source="case")
    except PackError as error:
        raise PackError(f"{name}: {error}") from error
    return Trial(name, case, expect, least, tree)
