"""A verdict for the subscriber's own eyes: what to do and until when, and nothing of the network, of us or of others.

The rule of this file: what is not named here is not told. Texts come from the pack, but those of lines that may not
be called healthy by themselves; none of them quotes a fact.
"""

from collections.abc import Mapping
from typing import Any

from probes.linetest.after_fix import all_seen
from probes.linetest.model import VerdictKind
from probes.linetest.pack import Pack

#: verdict → what a page or an app may build on
STATES: Mapping[VerdictKind, str] = {
    VerdictKind.NFF: "good",
    VerdictKind.MONITOR_24H: "watched",
    VerdictKind.REMOTE_FIX: "we_repair",
    VerdictKind.GUIDE_CUSTOMER: "you_can_repair",
    VerdictKind.DISPATCH_HOME: "visit",
    VerdictKind.DISPATCH_LINE: "we_repair",
    VerdictKind.ATTACH_OUTAGE: "outage",
    VerdictKind.OPEN_OUTAGE: "outage",
    VerdictKind.ESCALATE_CORE: "outage",
    VerdictKind.INCONCLUSIVE: "call_us",
}

#: what is said of a line at which nothing was found, where a person must confirm that nothing is there
NO_FAULT_SEEN = "no_fault_seen"
_NO_FAULT_SEEN = {
    "ru": "По тому, что удалось измерить, неисправностей не видно. Если проблема осталась, позвоните нам.",
    "en": "We see no fault in what we could measure. If the trouble remains, call us.",
}
#: and of one that is watched: packs before 2026.11.7, which stay where they judged, call every such line well
_WATCHED = {
    "ru": "По тому, что удалось измерить, неисправностей не видно. Мы понаблюдаем за линией сутки.",
    "en": "We see no fault in what we could measure. We will watch the line for a day.",
}


def for_subscriber(pack: Pack, verdict: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a subscriber is told of a stored verdict: state, text in both languages, until when."""
    kind = VerdictKind(str(verdict["verdict"]))
    if kind is VerdictKind.NFF and verdict.get("needs_human"):
        return {"state": NO_FAULT_SEEN, "text": dict(_NO_FAULT_SEEN), "until": verdict.get("due_at")}
    cause = pack.file.cause.get(str(verdict.get("cause")))
    own = cause.subscriber if cause is not None and cause.verdict is kind else None
    text = own or pack.file.subscriber.get(kind)
    said = {} if text is None else text.both()
    if kind is VerdictKind.MONITOR_24H and own is None and not all_seen(verdict):
        said = dict(_WATCHED)
    return {"state": STATES[kind], "text": said, "until": verdict.get("due_at")}
