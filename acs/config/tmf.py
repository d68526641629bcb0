"""`[tmf]`: the TM Forum interfaces: ticket systems that are told of verdicts, and who may listen to us."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from acs.config.base import Count, FilePath, Network, Seconds, Section

Status = Literal["acknowledged", "rejected", "pending", "held", "inProgress", "cancelled", "closed", "resolved"]
Kind = Annotated[str, Field(pattern="^[A-Z][A-Z0-9_]{1,31}$")]

#: verdict → status of its ticket: somebody works on it, waits for the subscriber or the day after, or for the outage
STATUSES: Mapping[str, Status] = {
    "REMOTE_FIX": "inProgress",
    "GUIDE_CUSTOMER": "pending",
    "DISPATCH_HOME": "inProgress",
    "DISPATCH_LINE": "inProgress",
    "ATTACH_OUTAGE": "held",
    "OPEN_OUTAGE": "held",
    "ESCALATE_CORE": "inProgress",
    "INCONCLUSIVE": "inProgress",
    "MONITOR_24H": "pending",
    "NFF": "pending",
}


class TicketSystemSection(Section):
    """`[[tmf.ticket_systems]]`: a ticket system with TMF621 that gets the verdicts of its tickets."""

    #: What it is called in logs and lists of deliveries.
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,55}$")]
    #: Where its TMF621 begins, such as `https://tickets.example/tmf-api/troubleTicket/v4`; https, or http in one of
    #: `tmf.plain_networks`.
    url: Annotated[str, Field(pattern="^https?://", max_length=1_000)]
    #: The version that it speaks; what comes in is read in both.
    version: Literal["v4", "v5"] = "v4"
    #: File with the bearer token that is sent to it; or `username` with `password_file`; none sends neither.
    token_file: FilePath | None = None
    #: Name for HTTP Basic.
    username: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    #: File with the password for HTTP Basic.
    password_file: FilePath | None = None
    #: File with the certificates that its TLS certificate is checked against; none = those of the system.
    ca_file: FilePath | None = None
    #: Names of the tokens that its events come with: their tickets and events share one set of numbers. Empty = every
    #: ticket that came is its own; each token then has numbers of its own.
    sources: tuple[str, ...] = ()
    #: Language of notes.
    language: Literal["en", "ru"] = "en"
    #: How a verdict is attached: `content` puts it into the ticket, `link` its address (needs `tmf.public_url`).
    attachment: Literal["content", "link"] = "content"
    #: What its PATCH does with a list: `whole` replaces it, as TMF630 says, so what is there is sent along;
    #: `added` adds to it.
    lists: Literal["whole", "added"] = "whole"
    #: Verdict → status that its ticket gets; a verdict that is not named leaves the status.
    status: Mapping[Kind, Status] = Field(default_factory=lambda: dict(STATUSES))
    #: Status of a ticket when the test after our own action shows the line mended; none leaves it. One that ends
    #: tickets is given only for a verdict of NFF that no person has to confirm; else the ticket becomes resolved.
    when_fixed: Status | None = "resolved"
    #: Status of a ticket that somebody resolved, when the test after it shows the line well and no person has to
    #: confirm that; none leaves it.
    when_checked: Status | None = "closed"
    #: Status of a ticket when the test after a repair shows the line broken; none leaves it.
    when_broken: Status | None = "inProgress"
    #: Open a ticket of its own for each mass outage, which those of its lines are children of.
    outage_tickets: bool = False
    #: Address of our listener, such as `https://acs.example/tmf-api/troubleTicket/v4/listener`, which is subscribed at
    #: its hub; none = it is set up there.
    callback: Annotated[str, Field(pattern="^https?://", max_length=1_000)] | None = None
    #: Seconds that it has to answer.
    timeout_s: Seconds = 15.0

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError(f"{self.name}: username and password_file belong together; write both or neither")
        if self.token_file is not None and self.username is not None:
            raise ValueError(f"{self.name}: write token_file, or username with password_file, not both")
        return self


class TmfSection(Section):
    """`[tmf]`: TMF621 as a client and listener, TMF653, TMF656 and TMF642 as a server."""

    #: Scheme and host under which others reach this API, such as `https://acs.example`: addresses in payloads begin
    #: with it; none = the address that a caller used, and no addresses in what is sent to others.
    public_url: Annotated[str, Field(pattern="^https?://[^/?#]+$", max_length=300)] | None = None
    #: What we are called in payloads: author of notes, originator of problems, source of alarms.
    system: Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = "secondline"
    #: The ticket systems that are told of verdicts.
    ticket_systems: tuple[TicketSystemSection, ...] = ()
    #: Networks that may be called without TLS; our own machine is called only where its network is listed.
    plain_networks: tuple[Network, ...] = ()
    #: Networks besides the public ones in which listeners of our hubs may be: a callback is whatever a caller says, so
    #: private addresses and our own are refused.
    callback_networks: tuple[Network, ...] = ()
    #: Listeners of all hubs together.
    subscriptions: Count = 100
    #: Seconds that a listener has to take an event.
    event_timeout_s: Seconds = 5.0
    #: Days that events of tickets are kept; a repetition that comes later is taken as a new one.
    event_days: Count = 90

    @model_validator(mode="after")
    def _names_and_links(self) -> Self:
        names = [one.name for one in self.ticket_systems]
        if len(set(names)) != len(names):
            raise ValueError("two ticket systems have the same name; give each its own")
        for one in self.ticket_systems:
            if one.attachment == "link" and self.public_url is None:
                raise ValueError(f'{one.name}: attachment = "link" needs tmf.public_url; write it, or use content')
        return self
