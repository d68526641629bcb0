"""Their ticket → ours (an event of TMF621), and what we tell → their calls. Pure.

The rule of this file: a message is the ticket as it is now; what happened is seen by comparing with what was before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import quote

from acs.errors import InvalidInput
from acs.services.adapters import paths
from acs.services.adapters.schema import Adapter

_RFC = "%Y-%m-%dT%H:%M:%SZ"
#: characters of a description that are kept
_TEXT = 20_000
#: characters of a subject that are kept
_SUBJECT = 2_000
#: characters that are kept of what names one thing: a line, a category
_NAME = 256


@dataclass(frozen=True, slots=True)
class TheirTicket:
    """A ticket of theirs in our words. `status` is one of TMF621, or "" where nothing says what theirs means."""

    id: str
    line: str
    account: str
    phone: str
    subject: str
    description: str
    category: str
    priority: str
    status: str
    their_status: str
    service: str
    closing_code: str
    created_at: datetime | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Call:
    """One call to their API; the path begins behind the configured url."""

    method: str
    path: str
    body: bytes
    done: tuple[int, ...] = ()


def ticket_of(adapter: Adapter, message: Mapping[str, Any], variables: Mapping[str, str]) -> TheirTicket:
    """The ticket in a message of theirs.

    Raises:
        InvalidInput: no ticket number stands where the adapter looks.
    """
    words = {**adapter.variables, **variables}
    form = adapter.ticket
    ticket = next((one for root in form.root for one in paths.values(message, root) if one), message)

    def read(where: Sequence[str], most: int = _NAME) -> str:
        known = [path for path in where if all(words.get(hole) for hole in paths.holes(path))]
        return paths.text_at(ticket, [paths.fill(path, words) for path in known])[:most]

    number = read(form.id)
    if not number:
        raise InvalidInput(
            f"no ticket number at {' or '.join(form.id)}; is this a message of {adapter.title}? "
            "`secondline adapter try` shows what is read"
        )
    status, category, priority = read(form.status), read(form.category), read(form.priority)
    return TheirTicket(
        id=number,
        line=read(form.line),
        account=read(form.account),
        phone=read(form.phone),
        subject=read(form.subject, _SUBJECT),
        description=read(form.description, _TEXT),
        category=_word(adapter.categories, category),
        priority=_word(adapter.priorities, priority),
        status=_known(adapter.statuses, status),
        their_status=status,
        service=read(form.service).lower(),
        closing_code=read(form.closing_code),
        created_at=instant(read(form.created_at)),
        changed_at=instant(read(form.changed_at)),
    )


def ticket_key(system: str, number: str) -> str:
    """The id of a ticket of theirs with us: numbers of two systems are two tickets. It can stand in an address."""
    return f"{system}:{number.replace('%', '%25').replace('/', '%2F')}"


def number_of(system: str, ticket: str) -> str | None:
    """Their number of a ticket of ours; None where it is not of this system."""
    if not ticket.startswith(f"{system}:"):
        return None
    return ticket.removeprefix(f"{system}:").replace("%2F", "/").replace("%25", "%")


def creation_event(system: str, ticket: TheirTicket) -> dict[str, Any]:
    """A TroubleTicketCreateEvent of their ticket; what it lacks is left out."""
    return _event(system, ticket, "TroubleTicketCreateEvent", "created")


def status_event(system: str, ticket: TheirTicket, was: str, since: datetime) -> dict[str, Any]:
    """A TroubleTicketStatusChangeEvent of their ticket, which was `was` since an instant.

    That, and when it changed, make it another event than the same change before; where its system does not say when,
    since when it was otherwise does.
    """
    at = ticket.changed_at.strftime(_RFC) if ticket.changed_at is not None else f"since-{since.isoformat()}"
    return _event(system, ticket, "TroubleTicketStatusChangeEvent", f"{was}-{ticket.status}-{at}")


def own_status_event(system: str, ticket: TheirTicket, word: str, at: datetime, ours: str) -> dict[str, Any]:
    """A TroubleTicketStatusChangeEvent of a status that we, who are called `ours`, gave: it starts nothing."""
    event = _event(system, replace(ticket, status=word), "TroubleTicketStatusChangeEvent", f"ours-{at.isoformat()}")
    event["event"]["troubleTicket"]["statusChangeReason"] = f"[{ours}:adapter]"
    return event


def calls(adapter: Adapter, words: Mapping[str, str]) -> list[Call]:
    """The calls that tell a ticket something; one whose word is empty is left out."""
    made = []
    for write in adapter.write:
        if write.when and not words.get(write.when):
            continue
        body = paths.filled(write.body, words)
        if body is not None:
            made.append(Call(write.method, path_of(write.path, words), encoded(body), write.done))
    return made


def path_of(template: str, words: Mapping[str, str]) -> str:
    """A path with its holes filled, each escaped."""
    return paths.fill(template, {name: quote(value, safe="") for name, value in words.items()})


def encoded(body: Any) -> bytes:
    """A body as JSON; nothing for none."""
    return b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def verdict_words(adapter: Adapter, verdict: Mapping[str, Any], language: str, queue: str = "") -> dict[str, str]:
    """What templates may say of a verdict, with the queue and the assignee that the rules name.

    `queue` is ours; `queue_out` is theirs, and empty where no rule and no `[[tickets.queues]]` names one: the ticket
    stays where it is.
    """
    title, share = verdict.get("title"), verdict.get("posterior")
    words = {
        name: _text(verdict.get(name))
        for name in ("verdict", "cause", "action", "location", "technology", "priority", "needs_human")
    }
    words["title"] = _text(title.get(language)) if isinstance(title, Mapping) else ""
    words["confidence"] = f"{share:.2f}" if isinstance(share, int | float) else ""
    words["queue"] = queue or _text(verdict.get("queue"))
    for rule in adapter.rules:
        fits = (
            _fits(rule.verdicts, words["verdict"])
            and _fits(rule.causes, words["cause"])
            and _fits(rule.queues, words["queue"])
            and (rule.needs_human is None or rule.needs_human is bool(verdict.get("needs_human")))
        )
        if fits:
            return {**words, "queue_out": rule.queue or queue, "assignee": rule.assignee}
    return {**words, "queue_out": queue, "assignee": ""}


def instant(text: str) -> datetime | None:
    """An instant as systems write them: RFC 3339, with a space, or seconds or milliseconds since 1970; else None."""
    if text.isascii() and text.isdecimal() and len(text) < 20:
        number = int(text)
        seconds = number / 1000 if number > 10**11 else float(number)
        return datetime.fromtimestamp(seconds, UTC) if seconds < 4 * 10**9 else None
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # some write "no date" with a zone: 0001-01-01T00:00:00+03:00
        return None


def _event(system: str, ticket: TheirTicket, kind: str, what: str) -> dict[str, Any]:
    said = {"phone": ticket.phone, "service": ticket.service, "priority": ticket.priority}
    entities = [{"id": ticket.line, "role": "line", "@referredType": "Line"}] if ticket.line else []
    parties = [{"id": ticket.account, "role": "customer", "@referredType": "Customer"}] if ticket.account else []
    told: dict[str, Any] = {
        "id": ticket_key(system, ticket.id),
        "externalId": ticket.line,
        "name": ticket.subject,
        "description": ticket.description,
        "ticketType": ticket.category,
        "status": ticket.status,
        "creationDate": ticket.created_at.strftime(_RFC) if ticket.created_at is not None else "",
        "relatedEntity": entities,
        "relatedParty": parties,
        "troubleTicketCharacteristic": [{"name": name, "value": value} for name, value in said.items() if value],
    }
    return {
        "eventId": f"{ticket_key(system, ticket.id)}:{what}"[:200],
        "eventType": kind,
        "event": {"troubleTicket": {name: value for name, value in told.items() if value}},
    }


def _word(words: Mapping[str, str], theirs: str) -> str:
    return _known(words, theirs) or theirs


def _known(words: Mapping[str, str], theirs: str) -> str:
    return next((ours for name, ours in words.items() if name.lower() == theirs.lower()), "")


def _fits(patterns: Sequence[str], text: str) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value) if isinstance(value, str | int | float) else ""
