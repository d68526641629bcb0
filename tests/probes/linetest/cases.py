"""Reading the suites: the product's own cases, the team's shared rows, and what each expects."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from probes.facts import FACTS, Fact
from probes.linetest import Pack, Verdict, judge, load_pack
from probes.linetest.cases import Case, read_case
from probes.linetest.view import instant

OWN = Path(__file__).parents[3] / "fixtures" / "linetest"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "linetest-cases.yaml"


@dataclass(frozen=True, slots=True)
class Trial:
    """A case and what it expects."""

    name: str
    case: Case
    expect: Mapping[str, Any]
    least: float = 0.0


def own_trials() -> list[Trial]:
    return [_own(path) for path in sorted(OWN.glob("*.toml"))]


def _own(path: Path) -> Trial:
    tree = tomllib.loads(path.read_text(encoding="utf-8"))
    given = {key: tree[key] for key in ("technology", "now", "facts", "strict_gates") if key in tree}
    return Trial(path.stem, read_case(given, now=tree["now"], source="fixture"), tree["expect"])


@cache
def shared_rows() -> list[dict[str, Any]]:
    """The rows of the shared file; empty where the folder is not beside the checkout."""
    if not SHARED.exists():
        return []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    rows = yaml.load(SHARED.read_text(encoding="utf-8"), Loader=loader)
    return rows


def row_trials(row: Mapping[str, Any]) -> list[Trial]:
    """The row itself, then its missing-data variants."""
    whole = _trial(row, row["facts"], row["id"], row["expect"], bool(row.get("strict_gates")), row["min_confidence"])
    variants = [
        _trial(
            row, _varied(row["facts"], item), f"{row['id']}: {item['name']}", item["expect"], "strict_gates" in item, 0
        )
        for item in row.get("missing", [])
    ]
    return [whole, *variants]


def _trial(row: Any, facts: Any, name: str, expect: Any, strict: bool, least: float) -> Trial:
    now = instant(row["now"])
    assert now is not None
    tree = {"technology": row["technology"], "facts": facts, "strict_gates": strict}
    return Trial(name, read_case(tree, now=now, source="row"), expect, least)


def _varied(facts: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: value for name, value in facts.items() if name not in item.get("remove", [])} | item.get("set", {})
    for name in item.get("stale", []):
        if name in out:
            value = out[name]["value"] if isinstance(out[name], dict) else out[name]
            out[name] = {"value": value, "age_s": (FACTS[name].max_age_s or 0) + 1}
    return out


def verdict_of(case: Case, facts: Mapping[str, Fact] | None = None, pack: Pack | None = None) -> Verdict:
    chosen = case.facts if facts is None else facts
    return judge(case.technology, chosen, pack=pack or load_pack(), now=case.now, strict_gates=case.strict_gates)


def aged(fact: Fact, seconds: float) -> Fact:
    return Fact(fact.name, fact.value, fact.at - timedelta(seconds=seconds), fact.source)


def faults(verdict: Verdict, trial: Trial) -> list[str]:
    """What differs from the expectation, read as the head of the shared file says."""
    given = {key: getattr(verdict, key) for key in ("cause", "location", "queue", "needs_human")}
    wrong = differing(given | {"verdict": verdict.verdict.value}, trial.expect)
    if verdict.posterior < trial.least:
        wrong.append(f"posterior {verdict.posterior} is below {trial.least}")
    return [f"{trial.name}: {text}" for text in wrong]


def differing(given: Mapping[str, Any], expect: Mapping[str, Any]) -> list[str]:
    """What of a verdict differs from what a row or a variant expects of it."""
    kind = given["verdict"]
    wrong = []
    if "one_of" in expect:
        if kind not in expect["one_of"]:
            wrong.append(f"verdict {kind} ({given['cause']}) is none of {expect['one_of']}")
        keys = _keys_beside_one_of(expect, kind)
    else:
        keys = ["verdict", "cause", "location", "queue", "needs_human"]
    for key in keys:
        if key in expect and given[key] != expect[key]:
            wrong.append(f"{key} is {given[key]}, not {expect[key]}")
    return wrong


def _keys_beside_one_of(expect: Mapping[str, Any], kind: str) -> list[str]:
    if "verdict" in expect:
        return ["cause", "location", "queue", "needs_human"] if kind == expect["verdict"] else []
    return ["needs_human"] if kind == "INCONCLUSIVE" else ["needs_human", "cause"]
