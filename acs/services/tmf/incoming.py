"""TM Forum trouble tickets (TMF621, v4 and v5) as they come in, as far as a line test needs them. Pure.

    v4  relatedEntity: {id, role, @referredType}           externalId
    v5  relatedEntity: {role, entity: {id, @referredType}}  externalIdentifier: [{id}]   troubleTicketCharacteristic

The rule of this file: what a ticket system adds of its own is not looked at and refuses nothing; what is read here is
checked for shape and length.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from acs.errors import InvalidInput
from acs.services.clock import in_utc
from acs.services.fact_values import typed_value
from acs.services.wrong_input import wrong_input
from probes.facts import Fact

EVENT_TYPE = "TroubleTicketCreateEvent"

#: every event of TMF621 that tells of a ticket, in both versions
EVENT_TYPES = (
    EVENT_TYPE,
    "TroubleTicketAttributeValueChangeEvent",
    "TroubleTicketStatusChangeEvent",
    "TroubleTicketResolvedEvent",
    "TroubleTicketInformationRequiredEvent",
    "TroubleTicketDeleteEvent",
)

#: members of v5 that hold what v4 holds one level up
_HOLDERS = ("entity", "partyOrPartyRole")

#: the services that a line test knows
SERVICES = ("internet", "iptv", "voip")

#: facts that only the subscriber can tell; a ticket carries them as characteristics of the same name
_SAID = ("led.los", "led.power", "home.outlet_ok", "home.adapter_tried", "home.pc_tested")

#: words in the id or name of an affected service, in lower case → which service it is
_SERVICE_WORDS = (("iptv", "iptv"), ("-tv", "iptv"), ("voip", "voip"), ("voice", "voip"), ("inet", "internet"))


class _Tmf(BaseModel):
    """TM Forum objects carry more than we read: what is not named here is kept in the stored body and not looked at."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class RelatedEntity(_Tmf):
    """TMF621 RelatedEntity or RelatedParty: what the ticket is about, or who has to do with it."""

    id: str = Field(max_length=256)
    role: str = Field("", max_length=256)
    name: str = Field("", max_length=256)
    referred_type: str = Field("", alias="@referredType", max_length=256)

    @model_validator(mode="before")
    @classmethod
    def _of_v5(cls, data: Any) -> Any:
        """What v5 keeps in a member of its own, where v4 has it."""
        if not isinstance(data, dict) or "id" in data:
            return data
        inner = next((data[name] for name in _HOLDERS if isinstance(data.get(name), dict)), None)
        return data if inner is None else {**inner, "role": data.get("role", inner.get("role", ""))}


class Characteristic(_Tmf):
    """TMF621 v5 characteristic: a name and a value."""

    name: str = Field(max_length=256)
    value: Any = None


class TroubleTicket(_Tmf):
    """TMF621 TroubleTicket as far as a line test needs it; v4 and v5 names are both read."""

    id: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f/]+$")
    description: str = Field("", max_length=20_000)
    name: str = Field("", max_length=2_000)
    ticket_type: str = Field("", alias="ticketType", max_length=256)
    status: str = Field("", max_length=256)
    status_reason: str = Field("", alias="statusChangeReason", max_length=20_000)
    external_id: str = Field("", alias="externalId", max_length=256)
    creation_date: datetime | None = Field(None, alias="creationDate")
    related_entity: tuple[RelatedEntity, ...] = Field((), alias="relatedEntity", max_length=100)
    related_party: tuple[RelatedEntity, ...] = Field((), alias="relatedParty", max_length=100)
    characteristics: tuple[Characteristic, ...] = Field((), alias="troubleTicketCharacteristic", max_length=100)

    @model_validator(mode="before")
    @classmethod
    def _of_v5(cls, data: Any) -> Any:
        """v5 has a list of identifiers of other systems, the newest first, where v4 has one."""
        listed = data.get("externalIdentifier") if isinstance(data, dict) else None
        first = listed[0] if isinstance(listed, list) and listed else None
        if not isinstance(first, dict) or "externalId" in data or "id" not in first:
            return data
        return {**data, "externalId": first["id"]}


class TicketHolder(_Tmf):
    """The `event` member of the envelope."""

    trouble_ticket: TroubleTicket = Field(alias="troubleTicket")


class TicketEvent(_Tmf):
    """The envelope of a TMF621 event."""

    event_id: str = Field(alias="eventId", min_length=1, max_length=200)
    event_type: str = Field(alias="eventType", max_length=100)
    event_time: datetime | None = Field(None, alias="eventTime")
    event: TicketHolder


def parse_event(body: Mapping[str, Any], event_types: Sequence[str] = (EVENT_TYPE,)) -> TicketEvent:
    """The event in a body; it is one of `event_types`.

    Raises:
        InvalidInput: another kind of event, or a member that is missing or wrong; all of them, one a line.
    """
    try:
        event = TicketEvent.model_validate(body)
    except ValidationError as error:
        wrong = wrong_input(error.errors())
        raise InvalidInput(f"this is no event of a TMF621 trouble ticket\n{wrong}") from None
    if event.event_type not in event_types:
        wanted = " or ".join(event_types)
        raise InvalidInput(f"eventType: {event.event_type!r} is not taken here; send {wanted}")
    return event


def service_of(ticket: TroubleTicket) -> str | None:
    """The service that the ticket is about: its characteristic `service`, or a word in the affected service's id."""
    for characteristic in ticket.characteristics:
        if characteristic.name in ("service", "ticket.service") and characteristic.value in SERVICES:
            return str(characteristic.value)
    for entity in ticket.related_entity:
        text = f"{entity.id} {entity.name}".lower()
        for word, service in _SERVICE_WORDS:
            if entity.referred_type == "Service" and word in text:
                return service
    return None


def _characteristic(ticket: TroubleTicket, name: str) -> list[str]:
    return [one.value for one in ticket.characteristics if one.name == name and isinstance(one.value, str)]


def _entity(ticket: TroubleTicket, name: str) -> list[str]:
    return [one.id for one in ticket.related_entity if one.referred_type == name]


def _party(ticket: TroubleTicket, name: str) -> list[str]:
    return [one.id for one in ticket.related_party if one.referred_type == name]


def _external_id(ticket: TroubleTicket, _: str) -> list[str]:
    return [ticket.external_id] if ticket.external_id else []


#: rule → the values in a ticket that it looks at
FINDERS: Mapping[str, Callable[[TroubleTicket, str], list[str]]] = {
    "entity": _entity,
    "party": _party,
    "characteristic": _characteristic,
    "external_id": _external_id,
}


def opened_at(event: TicketEvent) -> datetime | None:
    """When the ticket was opened, as its system says; None where that is no instant."""
    opened = event.event.trouble_ticket.creation_date or event.event_time
    try:
        return in_utc(opened) if opened is not None else None
    except ValueError:
        return None


def ticket_facts(event: TicketEvent, received_at: datetime) -> list[Fact]:
    """When the ticket was opened, and what the subscriber said: facts of this ticket's own test and of no other.

    A characteristic whose value the fact cannot have is left out: it is one answer of one call.
    """
    ticket = event.event.trouble_ticket
    at = min(opened_at(event) or received_at, received_at)
    source = f"ticket {ticket.id}"
    opened_text = at.isoformat(timespec="seconds").replace("+00:00", "Z")
    facts = [Fact("ticket.opened_at", opened_text, at, source, "as received")]
    for characteristic in ticket.characteristics:
        if characteristic.name not in _SAID or not isinstance(characteristic.value, str | bool):
            continue
        try:
            value = typed_value(characteristic.name, characteristic.value)
        except InvalidInput:
            continue
        facts.append(Fact(characteristic.name, value, at, source, "as the subscriber says"))
    return facts
