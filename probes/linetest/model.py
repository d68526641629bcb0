"""What a judgement is made of and what it says. Values only; the rule of this file: nothing here decides."""

from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from probes.facts import FACTS, Scalar

Title = dict[str, str]

#: the arithmetic of the engine: a change that gives other verdicts from the same facts and pack gives it a new number
ENGINE = 3


class VerdictKind(StrEnum):
    """What is to be done about the line."""

    #: nothing found, with every probe of the service done
    NFF = "NFF"
    #: an action from here repairs it
    REMOTE_FIX = "REMOTE_FIX"
    #: the subscriber repairs it with a script
    GUIDE_CUSTOMER = "GUIDE_CUSTOMER"
    #: a technician goes to the flat
    DISPATCH_HOME = "DISPATCH_HOME"
    #: a line crew goes to the cable plant
    DISPATCH_LINE = "DISPATCH_LINE"
    #: a known outage covers the line
    ATTACH_OUTAGE = "ATTACH_OUTAGE"
    #: a mass fault that nobody has reported yet
    OPEN_OUTAGE = "OPEN_OUTAGE"
    #: the fault is above the access network
    ESCALATE_CORE = "ESCALATE_CORE"
    #: nothing stands out: probe more
    INCONCLUSIVE = "INCONCLUSIVE"
    #: nothing to act on now: watch for a day
    MONITOR_24H = "MONITOR_24H"


#: verdicts that send a person or call the line healthy by themselves: they need every gate fact
AUTOMATIC = frozenset({VerdictKind.NFF, VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE})

LOCATIONS = (
    "home-device",
    "home-LAN/Wi-Fi",
    "home-power",
    "drop",
    "splitter/closure",
    "feeder",
    "OLT port",
    "OLT",
    "switch",
    "copper run",
    "cabinet",
    "aggregation",
    "BRAS/AAA",
    "DNS/DHCP",
    "IPTV platform",
    "voice platform",
    "account",
    "unknown",
)

QUEUES = (
    "l1-script",
    "l2-remote",
    "l3-remote",
    "l3-home",
    "l3-line",
    "noc",
    "noc-dns",
    "noc-iptv",
    "noc-voip",
    "billing",
    "none",
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line of the sum: a fact, what it was held against and how many decibans it gave.

    `norm` is what a healthy line shows, by language; `held` tells whether the card's condition was met.
    """

    fact: str
    value: Scalar
    unit: str
    points: float
    age_s: float
    norm: Title
    source: str
    held: bool = True
    group: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A cause with its score in decibans and its share of belief (0…1)."""

    cause: str
    score_db: float
    posterior: float
    title: Title = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something else that is wrong on the line and that the verdict does not explain."""

    cause: str
    title: Title
    location: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """Something that may be done, with its chance, its price, what is expected in all, and why it may not be done."""

    verdict: VerdictKind
    action: str
    chance: float
    cost: float
    expected: float
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PackRef:
    """Which rules decided: stored with every verdict."""

    id: str
    version: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, where, how sure, why, and who acts until when.

    `human_reasons` are stable codes of why a person must confirm; `ignored`, `unreadable` and `stale` are facts that
    were given and not concluded from; `next_probe` is the fact to measure next;
    `scope` is the id of the incident or the level of the outage; texts come in ru and en.
    """

    verdict: VerdictKind
    cause: str
    title: Title
    location: str
    queue: str
    posterior: float
    needs_human: bool
    pack: PackRef
    technology: str
    judged_at: datetime
    due_at: datetime
    action: str = ""
    scope: str = ""
    runner_up: Candidate | None = None
    evidence: tuple[Evidence, ...] = ()
    not_measured: tuple[str, ...] = ()
    next_probe: str | None = None
    human_reasons: tuple[str, ...] = ()
    secondary: tuple[Finding, ...] = ()
    ranking: tuple[Candidate, ...] = ()
    text: Title = field(default_factory=dict)
    script: Title = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    post_check: str = ""
    ignored: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    trace: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    priority: str = "normal"
    depth: str = "full"

    def to_json(self) -> dict[str, object]:
        """Return the verdict as plain JSON values; the keys are a contract with other programs."""
        return {
            "verdict": self.verdict.value,
            "cause": self.cause,
            "location": self.location,
            "posterior": self.posterior,
            "runner_up": _candidate(self.runner_up),
            "evidence": [_line(item) for item in self.evidence],
            "not_measured": list(self.not_measured),
            "next_probe": self.next_probe,
            "needs_human": self.needs_human,
            "queue": self.queue,
            "pack": {"id": self.pack.id, "version": self.pack.version, "hash": self.pack.hash},
            "title": self.title,
            "text": self.text,
            "script": self.script,
            "action": self.action or None,
            "scope": self.scope or None,
            "parts": list(self.parts),
            "post_check": self.post_check or None,
            "human_reasons": list(self.human_reasons),
            "technology": self.technology,
            "judged_at": _stamp(self.judged_at),
            "due_at": _stamp(self.due_at),
            "ranking": [_candidate(item) for item in self.ranking],
            "secondary": [_finding(item) for item in self.secondary],
            "ignored": list(self.ignored),
            "unreadable": list(self.unreadable),
            "stale": list(self.stale),
            "trace": list(self.trace),
            "steps": [_step(item) for item in self.steps],
            "priority": self.priority,
            "depth": self.depth,
            "engine": ENGINE,
        }


def _candidate(item: Candidate | None) -> dict[str, object] | None:
    if item is None:
        return None
    return {"cause": item.cause, "posterior": item.posterior, "score_db": item.score_db, "title": item.title}


def _line(item: Evidence) -> dict[str, object]:
    return {
        "fact": item.fact,
        "title": dict(FACTS[item.fact].title),
        "value": item.value,
        "unit": item.unit,
        "points": item.points,
        "age_s": item.age_s,
        "norm": item.norm.get("en", ""),
        "norms": item.norm,
        "source": item.source,
        "held": item.held,
    }


def _finding(item: Finding) -> dict[str, object]:
    lines = [_line(line) for line in item.evidence]
    return {"cause": item.cause, "title": item.title, "location": item.location, "evidence": lines}


def _step(item: Step) -> dict[str, object]:
    return {**asdict(item), "verdict": item.verdict.value, "action": item.action or None, "refused": list(item.refused)}


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
