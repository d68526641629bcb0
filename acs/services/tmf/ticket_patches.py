"""TMF621 Trouble Ticket as we write it, v4 and v5: the verdict, its document, its test and its outage. Pure.

    Story ─► patch(ticket as it is now) ─► what is missing of it, or nothing

The rule of this file: what is in the ticket already is not written again; a marker in the note tells. What others
wrote is kept, and a ticket that its system has ended keeps its status.

Source: TMF621 v4.0.0 and v5.0.1; a PATCH is a merge patch (TMF630), in which a list replaces the list that was there.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from acs.services.tmf.instants import stamp

#: statuses that a ticket system has ended a ticket with
ENDED = frozenset({"closed", "cancelled", "rejected"})
#: every status of TMF621
STATUSES = ("acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed", "resolved")


class TicketVersion(StrEnum):
    """Which TMF621 a ticket system speaks."""

    #: TMF621 v4.0
    V4 = "v4"
    #: TMF621 v5.0
    V5 = "v5"


@dataclass(frozen=True, slots=True)
class Outage:
    """The outage that a ticket belongs to: the ticket that stands for it, and our service problem."""

    ticket: str
    problem: str
    href: str


@dataclass(frozen=True, slots=True)
class Story:
    """What a ticket is told at once. `marker` is the same however often it is told, and of nothing else."""

    marker: str
    at: datetime
    text: str
    #: the status that the ticket gets; empty: it keeps its own
    status: str = ""
    #: only a ticket with one of these statuses gets the new one; empty: any that is not ended
    status_from: Sequence[str] = ()
    reason: str = ""
    test: str | None = None
    test_href: str = ""
    #: what is attached to the ticket, as JSON; with `document_href` only its address is
    document: Mapping[str, Any] | None = None
    document_href: str = ""
    outage: Outage | None = None


def is_told(ticket: Mapping[str, Any], marker: str) -> bool:
    """Whether a ticket holds the note of this marker: as its id, or in its text where the system gave its own id."""
    return any(note.get("id") == marker or f"[{marker}]" in str(note.get("text", "")) for note in _list(ticket, "note"))


def patch(
    ticket: Mapping[str, Any], story: Story, version: TicketVersion, author: str, *, whole: bool
) -> dict[str, Any]:
    """What a ticket lacks of a story as the body of a PATCH; empty: it lacks nothing.

    `whole`: lists are sent with what they hold, because the ticket system replaces them.
    """
    told = is_told(ticket, story.marker)
    added = {
        "note": [] if told else [_note(story, version, author)],
        "attachment": [] if told else _attachments(story, version),
        "relatedEntity": _new_entities(ticket, story, version),
        "troubleTicketRelationship": _new_relationships(ticket, story, version),
    }
    body: dict[str, Any] = {}
    for name, items in added.items():
        if items:
            body[name] = [*(_list(ticket, name) if whole else ()), *items]
    if not told and _takes_status(ticket, story):
        body |= {"status": story.status, "statusChangeReason": _reason(story)}
    if body and version is TicketVersion.V5:
        body["@type"] = "TroubleTicket"
    return body


def creation(key: str, text: str, severity: str, name: str, version: TicketVersion, author: str) -> dict[str, Any]:
    """The body that creates a ticket of ours; `key` finds it again."""
    body: dict[str, Any] = {"name": name, "description": text, "severity": severity, "ticketType": "incident"}
    if version is TicketVersion.V4:
        return {**body, "externalId": key}
    ours = {"@type": "ExternalIdentifier", "owner": author, "externalIdentifierType": "ServiceProblem", "id": key}
    return {"@type": "TroubleTicket", **body, "externalIdentifier": [ours]}


def external_ids(ticket: Mapping[str, Any]) -> list[str]:
    """The identifiers that other systems gave a ticket, of either version."""
    found = [str(one.get("id")) for one in _list(ticket, "externalIdentifier")]
    return [*found, str(ticket["externalId"])] if ticket.get("externalId") else found


@dataclass(frozen=True, slots=True)
class OwnChange:
    """What the reason of a change of status says of one of ours: its mark, and the status that we gave."""

    mark: str
    status: str


def own_change(reason: str, system: str) -> OwnChange | None:
    """The change of status by us that a reason tells of, or None. Systems keep a reason when the status changes again
    without one: what it tells of may be long ago.
    """
    found = re.search(rf"\[({re.escape(system)}:[^\s\]]{{1,160}})(?: (\w{{1,32}}))?\]", reason)
    return None if found is None else OwnChange(found[1], found[2] or "")


def _reason(story: Story) -> str:
    return f"{story.reason} [{story.marker} {story.status}]".strip()


def _takes_status(ticket: Mapping[str, Any], story: Story) -> bool:
    now = str(ticket.get("status", ""))
    if not story.status or now == story.status or now in ENDED:
        return False
    return not story.status_from or now in story.status_from


def _note(story: Story, version: TicketVersion, author: str) -> dict[str, Any]:
    text = f"{story.text}\n[{story.marker}]"
    note = {"id": story.marker, "author": author, "date": stamp(story.at), "text": text}
    return note if version is TicketVersion.V4 else {"@type": "Note", **note}


def _attachments(story: Story, version: TicketVersion) -> list[dict[str, Any]]:
    if story.document is None:
        return []
    made: dict[str, Any] = {
        "name": f"line-test-{story.test}.json",
        "description": "line test with its verdict",
        "attachmentType": "report",
        "mimeType": "application/json",
    }
    if story.document_href:
        made["url"] = story.document_href
    else:
        text = json.dumps(story.document, ensure_ascii=False, separators=(",", ":"))
        made["content"] = base64.b64encode(text.encode()).decode()
    return [made if version is TicketVersion.V4 else {"@type": "Attachment", **made}]


def _new_entities(ticket: Mapping[str, Any], story: Story, version: TicketVersion) -> list[dict[str, Any]]:
    known = {_entity_id(one) for one in _list(ticket, "relatedEntity")}
    wanted = []
    if story.test is not None:
        wanted.append((story.test, "lineTest", "ServiceTest", story.test_href))
    if story.outage is not None:
        wanted.append((story.outage.problem, "serviceProblem", "ServiceProblem", story.outage.href))
    return [_entity(*one, version) for one in wanted if one[0] not in known]


def _entity(id_: str, role: str, kind: str, href: str, version: TicketVersion) -> dict[str, Any]:
    entity = {"id": id_, "@referredType": kind, **({"href": href} if href else {})}
    if version is TicketVersion.V4:
        return {**entity, "role": role}
    return {"@type": "RelatedEntity", "role": role, "entity": {"@type": "EntityRef", **entity}}


def _new_relationships(ticket: Mapping[str, Any], story: Story, version: TicketVersion) -> list[dict[str, Any]]:
    outage = story.outage
    known = {str(one.get("id")) for one in _list(ticket, "troubleTicketRelationship")}
    if outage is None or outage.ticket in known:
        return []
    made = {"id": outage.ticket, "relationshipType": "isChild", "name": "massOutage"}
    return [made if version is TicketVersion.V4 else {"@type": "TroubleTicketRelationship", **made}]


def _entity_id(entity: Mapping[str, Any]) -> str:
    inner = entity.get("entity")
    return str(inner.get("id") if isinstance(inner, dict) else entity.get("id"))


def _list(ticket: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = ticket.get(name)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
