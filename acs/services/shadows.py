"""What silent packs say of a line test, beside what was decided. Pure.

The rule of this file: a silent pack changes nothing: its verdict is a short document beside the test.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from acs.store.packs import ShadowVerdict
from acs.store.records import Json, LineTestRecord
from probes.linetest.explanation import Judged
from probes.linetest.pack import Pack

#: of two verdicts, what makes another decision
COMPARED = ("verdict", "cause", "location", "queue", "action")


def shadow_verdicts(
    test: LineTestRecord, judged: Judged, verdict: Mapping[str, Any], silent: Sequence[Pack]
) -> list[ShadowVerdict]:
    """Return what each silent pack says of the facts of a test."""
    live = short(verdict)
    out = []
    for pack in silent:
        said = short(judged.verdict(pack).to_json())
        differs = changed(live, said)
        digest = str(verdict["pack"]["hash"])
        out.append(ShadowVerdict(pack.ref.hash, test.id, judged.now, digest, live, said, differs))
    return out


def short(verdict: Mapping[str, Any]) -> dict[str, Json]:
    """Return what is kept of a verdict for comparing."""
    return {key: verdict.get(key) for key in (*COMPARED, "posterior", "needs_human")}


def changed(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two verdicts decide differently."""
    return any(one.get(key) != other.get(key) for key in COMPARED)
