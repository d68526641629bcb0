"""What silent packs say of a line test, beside what was decided.

The rule of this file: a silent pack changes nothing: its verdict is a short document beside the test, and one that
cannot judge the test leaves its reason there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from acs.store.packs import ShadowVerdict
from acs.store.records import Json, LineTestRecord
from probes.linetest.explanation import Judged
from probes.linetest.pack import Pack

log = structlog.get_logger()

#: of two verdicts, what makes another decision
COMPARED = ("verdict", "cause", "location", "queue", "action")


def shadow_verdicts(
    test: LineTestRecord, judged: Judged, verdict: Mapping[str, Any], silent: Sequence[Pack]
) -> list[ShadowVerdict]:
    """Return what each silent pack says of the facts of a test, or why it could not judge them (`problem`)."""
    live = short(verdict)
    out = []
    for pack in silent:
        said = _said(pack, judged, test)
        differs = changed(live, said)
        digest = str(verdict["pack"]["hash"])
        out.append(ShadowVerdict(pack.ref.hash, test.id, judged.now, digest, live, said, differs))
    return out


def _said(pack: Pack, judged: Judged, test: LineTestRecord) -> dict[str, Json]:
    try:
        return short(judged.verdict(pack).to_json())
    except Exception as error:  # the live verdict stands, whatever a pack on trial does
        log.exception("pack.failed", pack=pack.ref.hash, name=pack.ref.id, test=test.id, silent=True)
        return {**short({}), "problem": problem(error)}


def problem(error: Exception) -> str:
    """Return in one line why a pack could not judge."""
    return f"{type(error).__name__}: {error}"[:500]


def short(verdict: Mapping[str, Any]) -> dict[str, Json]:
    """Return what is kept of a verdict for comparing."""
    return {key: verdict.get(key) for key in (*COMPARED, "posterior", "needs_human")}


def changed(one: Mapping[str, Json], other: Mapping[str, Json]) -> bool:
    """Whether two verdicts decide differently."""
    return any(one.get(key) != other.get(key) for key in COMPARED)
