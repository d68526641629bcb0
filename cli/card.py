"""A verdict as a card for a person. The rule: all that is on it is in the verdict or in its line test.

Both the live check of a line and the demo use it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.connection_request import detail_of
from cli.texts import N_, _, language
from cli.value_words import word, worded
from probes.facts import FACTS

#: lines of evidence on a card: so many at most, and at least so many where so much was measured
EVIDENCE_LINES = 6
EVIDENCE_AT_LEAST = 3
#: names of facts that were not measured, on a card
NOT_MEASURED_NAMES = 8

#: what an engineer looks at first: shown beside the evidence where that is short
FIRST_LOOK = (
    "ont.run_state",
    "sw.port_oper",
    "dsl.link",
    "bras.session",
    "ping.loss_pct",
    "ont.rx_dbm",
    "sib.down_ratio",
    "account.state",
)

#: verdict → what a person reads
VERDICTS = {
    "NFF": N_("no fault found"),
    "REMOTE_FIX": N_("repair from here"),
    "GUIDE_CUSTOMER": N_("guide the subscriber"),
    "DISPATCH_HOME": N_("technician to the flat"),
    "DISPATCH_LINE": N_("line crew"),
    "ATTACH_OUTAGE": N_("attach to a known outage"),
    "OPEN_OUTAGE": N_("open an outage"),
    "ESCALATE_CORE": N_("escalate to the core network"),
    "INCONCLUSIVE": N_("not decided yet"),
    "MONITOR_24H": N_("watch for 24 hours"),
}

#: location → what a person reads
LOCATIONS = {
    "home-device": N_("device at home"),
    "home-LAN/Wi-Fi": N_("LAN or Wi-Fi at home"),
    "home-power": N_("power at home"),
    "drop": N_("drop"),
    "splitter/closure": N_("splitter or closure"),
    "feeder": N_("feeder"),
    "OLT port": N_("OLT port"),
    "switch": N_("switch"),
    "copper run": N_("copper run"),
    "cabinet": N_("cabinet"),
    "aggregation": N_("aggregation"),
    "IPTV platform": N_("IPTV platform"),
    "voice platform": N_("voice platform"),
    "account": N_("account"),
    "unknown": N_("not known"),
}

#: parts that a technician takes along; what a pack of one's own names besides stays as it is
PARTS = (
    N_("ONT"),
    N_("power adapter"),
    N_("RJ45"),
    N_("patch cord"),
    N_("UTP cable"),
    N_("attenuator 5 dB"),
    N_("cable pair"),
    N_("drop cable"),
    N_("SC/APC connector"),
    N_("cleaning kit"),
    N_("splice closure"),
)

#: verdicts that name no place: there is no fault to go to
NO_PLACE = frozenset({"NFF", "MONITOR_24H"})

#: unit → how a person writes it
UNITS = {
    "dBm": N_("dBm"),
    "dB": N_("dB"),
    "dB/day": N_("dB/day"),
    "Mbit/s": N_("Mbit/s"),
    "ms": N_("ms"),
    "m": N_("m"),
    "min": N_("min"),
    "mA": N_("mA"),
    "B": N_("B"),
    "V": N_("V"),
    "W": N_("W"),
    "GHz": N_("GHz"),
    "MHz": N_("MHz"),
    "packets": N_("packets"),
}

#: why a person must confirm → what a person reads
REASONS = {
    "gate_unknown": N_("unknown"),
    "unsafe": N_("not now"),
    "needs": N_("impossible without"),
    "limit_24h": N_("the limit of the day is used up"),
    "action_already_tried": N_("this was already done for the ticket"),
    "visit_is_cheaper": N_("a visit is cheaper than trying"),
    "repeated_contacts": N_("the subscriber has contacted us too often for another try from here"),
    "inventory_doubt": N_("facts may be those of another line"),
    "pack_failed": N_("the pack of this line could not judge, and the server's own one did"),
}

#: why a source gave nothing → what a person reads
SILENT = {"late": N_("no answer in time"), "failed": N_("failed"), "skipped": N_("not asked")}

#: source of a line test → what a person reads; others by their own names
SOURCES = {
    "access": N_("access node"),
    "cpe": N_("CPE"),
    "stb": N_("set-top box"),
    "ping": N_("ping"),
    "path": N_("large packets"),
    "dns": N_("operator's resolvers"),
}

#: colour of the card's frame on a terminal
STYLES = {
    "NFF": "green",
    "MONITOR_24H": "green",
    "INCONCLUSIVE": "yellow",
    "REMOTE_FIX": "cyan",
    "GUIDE_CUSTOMER": "cyan",
    "ATTACH_OUTAGE": "magenta",
    "OPEN_OUTAGE": "magenta",
}


def style(verdict: Mapping[str, Any]) -> str:
    """Return the colour of the frame for a verdict; dispatches are red, green has nothing left to see."""
    found = STYLES.get(str(verdict.get("verdict")), "red")
    if found != "green":
        return found
    from probes.linetest.after_fix import all_seen  # loads the engine, which no other card needs

    return "green" if all_seen(verdict) else "yellow"


def card(verdict: Mapping[str, Any], test: Mapping[str, Any] | None = None) -> list[str]:
    """Return the lines of a card: verdict, cause, place, confidence, evidence, what is missing, what to do next.

    `test` is the stored line test: its facts give the source and age of evidence that the verdict does not have.
    """
    if not verdict:
        return [_("No verdict: {detail}").format(detail=(test or {}).get("detail") or (test or {}).get("state") or "?")]
    facts = facts_of(test)
    kind = str(verdict.get("verdict"))
    lines = [
        f"{kind}: {_(VERDICTS.get(kind, kind))}",
        pair(_("Cause"), cause_name(verdict)),
    ]
    if where := location(verdict):
        lines.append(pair(_("Where"), where))
    lines.append(pair(_("Confidence"), confidence(verdict)))
    if text := in_language(verdict.get("text")):
        lines.append(text)
    if measured_ := evidence(verdict, facts):
        lines += [_("Evidence:"), *(f"  • {line}" for line in measured_)]
    if missing := [str(name) for name in verdict.get("not_measured") or ()]:
        rest = len(missing) - NOT_MEASURED_NAMES
        more = _(" and {count} more").format(count=rest) if rest > 0 else ""
        lines.append(pair(_("Not measured"), ", ".join(map(title, missing[:NOT_MEASURED_NAMES])) + more))
        lines += [f"  • {line}" for line in why_not_measured(missing[:NOT_MEASURED_NAMES], test)]
    lines += next_steps(verdict)
    return lines


def why_not_measured(names: Sequence[str], test: Mapping[str, Any] | None) -> list[str]:
    """Return a line for each source that was silent, and for each system that would have to tell what is missing."""
    found: Any = (test or {}).get("facts")
    told: Any = found.get("unmeasured") if isinstance(found, dict) else None
    grouped: dict[str, list[str]] = {}
    for one in told if isinstance(told, list) else ():
        if one.get("fact") in names and (reason := _why(one)):
            grouped.setdefault(reason, []).append(title(str(one["fact"])))
    return [pair(reason, ", ".join(facts)) for reason, facts in grouped.items()]


def _why(one: Mapping[str, Any]) -> str:
    """Return why a fact is missing, as far as that tells a person what to do."""
    because, source = str(one.get("because")), str(one.get("source"))
    if because == "told":
        return _("only other systems tell it ({by})").format(by=in_language(one.get("by")))
    if because in SILENT:
        name = source.removeprefix("context:")
        problem = detail_of(str(one.get("problem") or "?"))
        return _("{source}: {state} ({problem})").format(
            source=_(SOURCES.get(name.split("-")[0], name)), state=_(SILENT[because]), problem=problem
        )
    return ""


def facts_of(test: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """Return the facts of a stored line test by name."""
    found: Any = (test or {}).get("facts") or []
    if isinstance(found, dict):
        found = found.get("facts", [])
    return {str(fact.get("name")): fact for fact in found if isinstance(fact, dict)}


def confidence(verdict: Mapping[str, Any]) -> str:
    """Return the posterior in percent, and the runner-up's; where nothing is decided, only the nearest cause."""
    runner_up = verdict.get("runner_up")
    if not isinstance(runner_up, dict) or not runner_up.get("cause"):
        return percent(verdict.get("posterior"))
    share = percent(runner_up.get("posterior"))
    if share == percent(0) and verdict.get("verdict") != "INCONCLUSIVE":
        return percent(verdict.get("posterior"))
    rival = cause_name(runner_up)
    if verdict.get("verdict") == "INCONCLUSIVE":
        return _("not enough to say it; nearest: {cause} {share}").format(cause=rival, share=share)
    next_one = _("; next: {cause} {share}").format(cause=rival, share=share)
    return percent(verdict.get("posterior")) + next_one


def cause_name(given: Mapping[str, Any]) -> str:
    """Return what a person calls a cause, with the name that programs use."""
    title_ = in_language(given.get("title"))
    return f"{title_} ({given.get('cause')})" if title_ else str(given.get("cause"))


def evidence(verdict: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return three to six lines of evidence: value, norm, source, age.

    What spoke for the verdict comes first. Where that is short, what an engineer looks at first follows, as measured.
    """
    given = [row for row in verdict.get("evidence") or () if isinstance(row, dict)][:EVIDENCE_LINES]
    named = {str(row.get("fact")) for row in given}
    missing = EVIDENCE_AT_LEAST - len(given)
    beside = [row for row in _first_look(verdict, facts) if row["name"] not in named][: max(0, missing)]
    lines = [evidence_line(row, facts.get(str(row.get("fact")), {})) for row in given]
    return lines + [evidence_line({"fact": row["name"], "value": row.get("value"), **row}, row) for row in beside]


def _first_look(verdict: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for name in FIRST_LOOK:
        fact = facts.get(name, {})
        if fact.get("quality") == "ok" and fact.get("value") is not None:
            yield {**fact, "norms": _norm(verdict, name)}


def _norm(verdict: Mapping[str, Any], name: str) -> Mapping[str, str]:
    """Return the norm that the verdict's pack has for a fact; none where another pack than the packaged one judged."""
    from probes.linetest import load_pack

    pack, judged_by = load_pack(), verdict.get("pack")
    same = isinstance(judged_by, dict) and judged_by.get("hash") == pack.ref.hash
    return pack.norms.get(name, {}) if same else {}


def evidence_line(row: Mapping[str, Any], fact: Mapping[str, Any]) -> str:
    """Return one line of evidence."""
    name = in_language(row.get("title")) or title(str(row.get("fact")))
    parts = [f"{name}: {measured(row.get('value'), str(row.get('unit') or fact.get('unit') or ''))}"]
    if norm := in_language(row.get("norms") or row.get("norm")):
        parts.append(_("norm {norm}").format(norm=word(norm)))
    if source := row.get("source") or fact.get("source"):
        parts.append(str(source))
    age_s = row.get("age_s", fact.get("age_s"))
    if isinstance(age_s, int | float):
        parts.append(_("{age} ago").format(age=duration(age_s)))
    return ", ".join(parts)


def next_steps(verdict: Mapping[str, Any]) -> list[str]:
    """Return the lines that say who acts, how, until when, and what to measure next."""
    action = f"({verdict['action']})" if verdict.get("action") else ""
    steps = [part for part in (in_language(verdict.get("script")), action) if part]
    lines = [pair(_("Next step"), " ".join(steps))] if steps else []
    if verdict.get("parts"):
        lines.append(pair(_("Parts"), ", ".join(_(str(part)) for part in verdict["parts"])))
    if verdict.get("next_probe"):
        name = str(verdict["next_probe"])
        lines.append(pair(_("Measure next"), f"{title(name)} ({name})"))
    if verdict.get("queue"):
        due = str(verdict.get("due_at") or "")[:16].replace("T", " ")
        lines.append(pair(_("Queue"), str(verdict["queue"]) + (_(", due {due} UTC").format(due=due) if due else "")))
    if verdict.get("needs_human"):
        reasons = ", ".join(map(reason, verdict.get("human_reasons") or ()))
        lines.append(pair(_("A person must confirm"), reasons or _("yes")))
    for finding in verdict.get("secondary") or ():
        if isinstance(finding, dict):
            lines.append(pair(_("Also seen"), in_language(finding.get("title")) or finding.get("cause")))
    return lines


def location(verdict: Mapping[str, Any]) -> str:
    """Return where the fault is: what a person calls it, and the name that programs use; empty where there is none."""
    name = str(verdict.get("location"))
    if name == "unknown":
        return "" if verdict.get("verdict") in NO_PLACE else _(LOCATIONS[name])
    return f"{_(LOCATIONS[name])} ({name})" if name in LOCATIONS else name


def title(fact: str) -> str:
    """Return what a person calls a fact."""
    return in_language(FACTS[fact].title) if fact in FACTS else fact


def reason(code: str) -> str:
    """Return why a person must confirm, from its code such as "gate_unknown:incident.match"."""
    kind, _colon, name = str(code).partition(":")
    text = _(REASONS[kind]) if kind in REASONS else kind
    return f"{text}: {title(name)}" if name else text


def in_language(value: object) -> str:
    """Return a text that may come in several languages in the one in use."""
    if isinstance(value, Mapping):
        value = value.get(language()) or value.get("en") or next(iter(value.values()), "")
    return "" if value is None else str(value)


def shown(value: object) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float):
        text = f"{value:.10g}".replace("-", "−")
        return text.replace(".", ",") if language() == "ru" else text
    return str(value)


def measured(value: object, unit: str) -> str:
    """Return a value with its unit; many seconds become minutes, hours or days."""
    if unit == "s" and isinstance(value, int | float) and not isinstance(value, bool):
        return duration(value)
    text = worded(value) if isinstance(value, str) else shown(value)
    return f"{text} {_(UNITS.get(unit, unit)) if unit else ''}".rstrip()


def duration(seconds: float) -> str:
    """Return a duration in its largest useful unit."""
    for size, text in ((86_400, N_("{n} d")), (3_600, N_("{n} h")), (60, N_("{n} min"))):
        if seconds >= size:
            return _(text).format(n=round(seconds / size))
    return _("{n} s").format(n=max(0, round(seconds)))


def percent(share: object) -> str:
    """Return a share of 0…1 in percent."""
    return f"{float(share):.0%}" if isinstance(share, int | float) else "?"


def pair(name: str, value: object) -> str:
    """Return `name: value`."""
    return f"{name}: {value}"
