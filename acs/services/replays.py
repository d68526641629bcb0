"""A stored line test judged again: by the pack that judged it (the same bits), or by another one (what would change).

    stored snapshot ─→ facts as they were read ─→ Judged ─→ judge ─→ verdict, compared key by key

The rule of this file: all that a judgement took stands in the snapshot; what was stored without it is said so. Pure.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from acs.errors import Conflict
from acs.store.records import Json, LineTestRecord
from probes.facts import FACTS, Fact, Quality
from probes.linetest.explanation import Judged
from probes.linetest.model import Verdict
from probes.linetest.pack import Pack

#: why a person looks first: the pack that should have judged could not
PACK_FAILED = "pack_failed"


def told_verdict(verdict: Verdict, line: str, *, doubted: bool, stands_in: str = "") -> dict[str, Any]:
    """Return a verdict as it is stored and told.

    `doubted`: facts may be another line's; `stands_in`: why the pack that should have judged could not. In both cases a
    person looks first.
    """
    told: dict[str, Any] = {**verdict.to_json(), "line": line, "partial": False}
    reasons = [*(["inventory_doubt"] if doubted else []), *([PACK_FAILED] if stands_in else [])]
    if reasons:
        told["needs_human"] = True
        told["human_reasons"] = [*told["human_reasons"], *reasons]
    if stands_in:
        told["trace"] = [*told["trace"], stands_in]
    return told


def kept(judged: Judged, *, doubted: bool, stands_in: str = "") -> dict[str, Json]:
    """Return what a judgement took besides its facts, as it is stored in the snapshot."""
    return {
        "technology": judged.technology,
        "at": judged.now.isoformat(),
        "strict_gates": judged.strict_gates,
        "obtainable": None if judged.obtainable is None else [*sorted(judged.obtainable)],
        "depth": judged.depth,
        "doubted": doubted,
        "stands_in": stands_in,
    }


def judged_of(test: LineTestRecord) -> tuple[Judged, bool]:
    """Return what the judgement of a stored test took, and whether its verdict was doubted.

    Raises:
        Conflict: it has no verdict yet, or was stored by a release that did not keep what it takes.
    """
    stored = test.facts if isinstance(test.facts, dict) else {}
    asked = stored.get("judged")
    if not isinstance(test.verdict, dict):
        raise Conflict(
            f"line test {test.id} is {test.state.value} and has no verdict; only a finished test is judged again"
        )
    if not isinstance(asked, dict):
        raise Conflict(f"line test {test.id} was stored without what judging it again takes; test the line anew")
    facts = {name: fact for fact in map(_fact, _listed(stored.get("facts"))) if (name := fact.name) in FACTS}
    obtainable = asked.get("obtainable")
    judged = Judged(
        str(asked["technology"]),
        facts,
        datetime.fromisoformat(str(asked["at"])),
        bool(asked["strict_gates"]),
        frozenset(map(str, obtainable)) if isinstance(obtainable, list) else None,
        str(asked.get("depth", "full")),
    )
    return judged, bool(asked.get("doubted"))


def again(test: LineTestRecord, pack: Pack) -> dict[str, Any]:
    """Return the verdict that a pack gives for the facts of a stored test, in the form in which it would be stored.

    Raises:
        Conflict: see `judged_of`.
    """
    judged, doubted = judged_of(test)
    return told_verdict(verdict_of(judged, pack), test.line, doubted=doubted, stands_in=_stood_in(test, pack))


def verdict_of(judged: Judged, pack: Pack) -> Verdict:
    """Return what a pack says of what was judged.

    Raises:
        Conflict: the pack fails on these facts.
    """
    try:
        return judged.verdict(pack)
    except Exception as error:  # a pack is a person's work: what it breaks on is told, not a defect of the server
        raise Conflict(f"pack {pack.ref.hash} cannot judge this test: {type(error).__name__}: {error}") from error


def _stood_in(test: LineTestRecord, pack: Pack) -> str:
    """Why the pack of a stored verdict judged in another one's place; "" for any other pack."""
    asked = test.facts.get("judged") if isinstance(test.facts, dict) else None
    ours = pack_hash(test) == pack.ref.hash
    return str(asked.get("stands_in") or "") if ours and isinstance(asked, dict) else ""


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ, sorted."""
    return sorted(key for key in {*one, *other} if one.get(key) != other.get(key))


def pack_hash(test: LineTestRecord) -> str:
    """Return the hash of the pack that judged a stored test.

    Raises:
        Conflict: it has no verdict.
    """
    verdict = test.verdict if isinstance(test.verdict, dict) else {}
    pack = verdict.get("pack")
    if not isinstance(pack, dict) or not pack.get("hash"):
        raise Conflict(f"line test {test.id} is {test.state.value} and has no verdict; wait until it is done")
    return str(pack["hash"])


def _listed(value: Json) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _fact(item: Mapping[str, Any]) -> Fact:
    quality = Quality(str(item.get("read", item["quality"])))
    at = datetime.fromisoformat(str(item["at"]))
    return Fact(str(item["name"]), item["value"], at, str(item["source"]), str(item["method"]), quality, item["raw"])
