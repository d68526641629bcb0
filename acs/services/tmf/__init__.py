"""The TM Forum interfaces, one file each: TMF621 in and out, TMF653, TMF656, TMF642. Mappings only, without I/O."""

from acs.services.tmf.incoming import (
    FINDERS,
    SERVICES,
    TicketEvent,
    TroubleTicket,
    opened_at,
    parse_event,
    service_of,
    ticket_facts,
)

__all__ = [
    "FINDERS",
    "SERVICES",
    "TicketEvent",
    "TroubleTicket",
    "opened_at",
    "parse_event",
    "service_of",
    "ticket_facts",
]
