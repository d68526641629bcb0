"""`[adapters]`: ticket systems without TM Forum's interfaces, each by an adapter file."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from acs.config.base import FilePath, Seconds, Section
from acs.config.tmf import STATUSES, Kind, Status

Name = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,31}$")]


class AdapterSystem(Section):
    """`[[adapters.systems]]`: a ticket system that is asked for tickets, or sends them, and is told the verdicts."""

    #: What it is called in logs and lists of deliveries; ids of its tickets begin with it (`helpdesk:17`).
    name: Name
    #: An adapter that comes with the product (`secondline adapter list`).
    adapter: Annotated[str, Field(max_length=64)] = ""
    #: File of an adapter of your own, in the place of `adapter`; it may extend one of those.
    adapter_file: FilePath | None = None
    #: Where its API begins; https, or http in one of `webhooks.plain_networks`.
    url: Annotated[str, Field(pattern="^https?://", max_length=1_000)]
    #: File with the key, token or password for its API.
    key_file: FilePath | None = None
    #: Name that goes with the key, where the system wants one.
    user: Annotated[str, Field(max_length=256)] = ""
    #: Words that the adapter leaves to the site, such as names of custom fields.
    variables: Mapping[str, str] = Field(default_factory=dict)
    #: Seconds between two questions for tickets that changed; 0 asks never, for systems that send.
    poll_s: Annotated[float, Field(ge=0, le=86_400)] = 15.0
    #: Hours that the first question looks back.
    first_look_h: Annotated[float, Field(ge=0, le=8_760)] = 1.0
    #: File with the secret by which its messages are signed; none = none are taken.
    secret_file: FilePath | None = None
    #: File with the secret that was used before: both are believed while it is named.
    old_secret_file: FilePath | None = None
    #: Language of notes.
    language: Literal["en", "ru"] = "en"
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
    #: Seconds that one call to it may take.
    timeout_s: Seconds = 15.0


class AdaptersSection(Section):
    """`[adapters]`: ticket systems by adapter."""

    #: The systems.
    systems: tuple[AdapterSystem, ...] = ()
    #: Seconds by which the time of a signed message may be from ours, either way.
    window_s: Annotated[float, Field(ge=10, le=3_600)] = 300.0
