"""What a ticket is told of a line test, of a repair and of an outage: the words, and the status that follows. Pure.

| event | note | status |
|---|---|---|
| verdict of a ticket's test | the verdict | by `status` of the ticket system |
| verdict of the test after somebody resolved it | the verdict | well: `when_checked`, broken: `when_broken` |
| what a registry says at the beginning of a test | the verdict, and that the test goes on | as the verdict |
| a test without a verdict | why | stays |
| test after our own action | what it showed | fixed: `when_fixed`, broken: `when_broken` |
| the line belongs to an outage | the outage | `ATTACH_OUTAGE` of `status` |

The rule of this file: one event gives one story with one marker; a verdict of a usual test never opens or closes a
ticket that somebody resolved; what a person must confirm ends no ticket. Whether a line is well enough to end one,
`may_close` says; which other verdicts end tickets, the operator's `status` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from acs.services.tmf.note_words import SENTENCES, fact, of_outage, reason
from acs.services.tmf.ticket_patches import ENDED, STATUSES, Outage, Story
from acs.services.translation import translated
from acs.store.records import LineTestRecord
from probes.linetest.after_fix import BROKEN, FIXED, Said, may_close, outcome

#: statuses in which a ticket waits for somebody: the verdict of a usual test may move it
_OPEN = ("", *(one for one in STATUSES if one not in ENDED and one != "resolved"))
#: statuses of a ticket that is not ended
_LIVE = (*_OPEN, "resolved")


@dataclass(frozen=True, slots=True)
class Manner:
    """How a ticket system is told things. `status`: verdict → status; the others as in its configuration."""

    system: str
    language: str
    status: Mapping[str, str]
    when_fixed: str
    when_checked: str
    when_broken: str


def verdict_story(
    manner: Manner,
    test: LineTestRecord,
    at: datetime,
    before: Said | None = None,
    queue: str = "",
    *,
    corrects: bool = False,
) -> Story:
    """What a ticket is told of its test. `before`: somebody resolved the ticket, and this is what was said before.

    `queue`: where the ticket belongs by the rules; empty: as the verdict says. The end of a test whose
    verdict was told at its beginning has the same marker, so that the ticket has it once; `corrects`: it is another.
    """
    verdict: dict[str, Any] = dict(test.verdict) if isinstance(test.verdict, dict) else {}
    verdict |= {"queue": queue} if queue else {}
    verdict |= {"not_measured": []} if verdict.get("partial") else {}  # nothing was asked yet
    kind, words = str(verdict.get("verdict", "")), SENTENCES[manner.language]
    lines = [f"{words['verdict' if before is None else 'again']}: {_headline(verdict, manner.language)}"]
    lines += [_text(verdict, "text", manner.language), *_rest(verdict, manner.language)]
    lines += [words["goes_on"]] if verdict.get("partial") else []
    status, status_from = manner.status.get(kind, ""), _OPEN
    if status in ENDED and verdict.get("needs_human"):
        status = ""
    if before is not None:
        status, status_from = _checked(manner, before, verdict), ("resolved",)
    return Story(
        marker=f"{manner.system}:{test.id}{':end' if corrects else ''}",
        at=at,
        text="\n".join(filter(None, lines)),
        status=status,
        status_from=status_from,
        reason=f"line test {test.id}: {_short(verdict)}",
        test=test.id,
    )


def failure_story(manner: Manner, test: LineTestRecord, at: datetime) -> Story:
    """What a ticket is told of a test that ended without a verdict."""
    text = SENTENCES[manner.language]["failed"].format(why=translated(test.detail, manner.language) or "?")
    return Story(marker=f"{manner.system}:{test.id}", at=at, text=text, test=test.id)


def repair_story(manner: Manner, event: str, body: Mapping[str, Any], at: datetime) -> Story:
    """What a ticket is told of the test after an action of ours: fixed, not_fixed or fell_back."""
    action, test = str(body.get("action", "")), body.get("line_test")
    verdict: Mapping[str, Any] = told if isinstance(told := body.get("verdict"), dict) else {}
    words = SENTENCES[manner.language]
    # the sign of the fault is gone; only a verdict that may end a ticket knows that nothing else is there
    heading = "gone" if event == FIXED and not may_close(verdict) else event
    lines = [words[heading].format(action=action)]
    lines += [_headline(verdict, manner.language), *_human(verdict, manner.language)] if verdict else []
    return Story(
        marker=f"{manner.system}:{body.get('checkup')}:{event}",
        at=at,
        text="\n".join(filter(None, lines)),
        status=_mended(manner, verdict) if event == FIXED else manner.when_broken,
        status_from=_OPEN if event == FIXED else _LIVE,
        reason=f"{action}: {event}",
        test=str(test) if test else None,
    )


def outage_story(manner: Manner, body: Mapping[str, Any], parent: Outage, at: datetime) -> Story:
    """What a ticket is told of the outage that its line belongs to."""
    text = SENTENCES[manner.language]["outage"].format(what=outage_text(body, manner.language))
    status = manner.status.get("ATTACH_OUTAGE", "")
    reason = f"outage {body.get('outage')}"
    story = Story(f"{manner.system}:{body.get('outage')}", at, text, status=status, status_from=_OPEN, reason=reason)
    return replace(story, outage=parent)


def outage_creation(manner: Manner, body: Mapping[str, Any]) -> tuple[str, str]:
    """Name and description of the ticket that stands for an outage."""
    words, kind = SENTENCES[manner.language], of_outage(body.get("kind"), manner.language)
    name = words["name"].format(kind=kind, where=_where(body, manner.language))
    return name, words["opened"].format(what=outage_text(body, manner.language))


def outage_end_story(manner: Manner, body: Mapping[str, Any], at: datetime) -> Story:
    """What the ticket of an outage is told at its end."""
    state = str(body.get("state"))
    told = translated(str(body.get("detail") or ""), manner.language)
    what = told or str(body.get("note") or "") or outage_text(body, manner.language)
    return Story(
        marker=f"{manner.system}:{body.get('outage')}:{state}",
        at=at,
        text=SENTENCES[manner.language]["ended"].format(what=what),
        status={"restored": "resolved", "closed": "closed", "dismissed": "cancelled"}.get(state, ""),
        status_from=_LIVE,
        reason=f"outage {body.get('outage')} is {state}",
    )


def outage_text(body: Mapping[str, Any], language: str) -> str:
    """An outage in one line."""
    kind, where = of_outage(body.get("kind"), language), _where(body, language)
    return f"{kind}, {where}, {body.get('hit')} / {body.get('members')}, {body.get('since')}"


def _where(body: Mapping[str, Any], language: str) -> str:
    return f"{of_outage(body.get('level'), language)} {body.get('scope')}"


def _mended(manner: Manner, verdict: Mapping[str, Any]) -> str:
    return "resolved" if manner.when_fixed in ENDED and not may_close(verdict) else manner.when_fixed


def _checked(manner: Manner, before: Said, verdict: Mapping[str, Any]) -> str:
    said = outcome(before, Said(str(verdict.get("verdict", "")), str(verdict.get("cause", ""))), None)
    if said == FIXED:
        return manner.when_checked if may_close(verdict) else ""
    return manner.when_broken if said in BROKEN else ""


def _headline(verdict: Mapping[str, Any], language: str) -> str:
    title = verdict.get("title")
    shown = str(title.get(language, "")) if isinstance(title, dict) else ""
    return f"{shown}. {_short(verdict)}" if shown else _short(verdict)


def _short(verdict: Mapping[str, Any]) -> str:
    share = verdict.get("posterior")
    sure = f" {share:.2f}" if isinstance(share, int | float) else ""
    action = f" ({verdict['action']})" if verdict.get("action") else ""
    return f"{verdict.get('cause')}{sure} -> {verdict.get('verdict')}{action}"


def _text(verdict: Mapping[str, Any], name: str, language: str) -> str:
    text = verdict.get(name)
    return str(text.get(language, "")) if isinstance(text, dict) else ""


def _rest(verdict: Mapping[str, Any], language: str) -> list[str]:
    found, words = [], SENTENCES[language]
    if script := _text(verdict, "script", language):
        found.append(words["next"].format(what=script))
    if verdict.get("queue") not in (None, "none"):
        found.append(words["queue"].format(queue=verdict["queue"], due=verdict.get("due_at", "?")))
    found += _human(verdict, language)
    missing = verdict.get("not_measured")
    if isinstance(missing, list) and missing:
        found.append(words["missing"].format(what=", ".join(fact(str(one), language) for one in missing[:10])))
    return found


def _human(verdict: Mapping[str, Any], language: str) -> list[str]:
    reasons = verdict.get("human_reasons")
    if not verdict.get("needs_human") or not isinstance(reasons, list):
        return []
    return [SENTENCES[language]["human"].format(why="; ".join(reason(str(one), language) for one in reasons))]
