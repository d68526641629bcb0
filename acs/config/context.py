"""`[radius]`, `[[pulls]]`, `[context]`: what other systems know, told by them or fetched from them."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from acs.config.base import Count, FilePath, Network, Port, Seconds, Section

SourceName = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_.-]{0,63}$")]


def _expression(text: str) -> str:
    try:
        groups = set(re.compile(text).groupindex)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    if not groups & {"line", "login", "port"}:
        raise ValueError(f"{text!r} names neither line, login nor port; write a group such as (?P<port>\\d+)")
    return text


#: a regular expression with named groups: line, login, or node, frame, slot, port, ont
PortPattern = Annotated[str, Field(max_length=500), AfterValidator(_expression)]
#: where a value stands in an item, parts joined by dots
Place = Annotated[str, Field(min_length=1, max_length=200)]


class RadiusClient(Section):
    """`[[radius.clients]]`: a BRAS, or a RADIUS server that passes accounting on."""

    #: What it is called in the sources of facts and in logs.
    name: SourceName
    #: Addresses from which it sends.
    networks: Annotated[tuple[Network, ...], Field(min_length=1)]
    #: File with the shared secret.
    secret_file: FilePath


class RadiusSection(Section):
    """`[radius]`: sessions of subscribers by RADIUS accounting (RFC 2866)."""

    #: Who may send; none = no listener.
    clients: tuple[RadiusClient, ...] = ()
    #: Address to listen at.
    host: str = "0.0.0.0"
    #: UDP port; 1813 is that of RADIUS accounting.
    port: Port = 1813
    #: Refuse packets without Message-Authenticator: old BRASes send none in accounting.
    require_message_authenticator: bool = False
    #: What names the line of a session, tried in this order.
    line_from: tuple[Literal["login", "circuit", "port", "calling"], ...] = ("login", "circuit", "port")
    #: How Agent-Circuit-Id (option 82) names a line; the first that matches counts. The default is TR-101 §3.9.3.
    circuit_patterns: tuple[PortPattern, ...] = (
        r"^(?P<node>\S+) (?:eth|atm|pon|xpon|gpon|epon) "
        r"(?:(?P<frame>\d+)/)?(?P<slot>\d+)/(?P<port>\d+)(?:[/.:](?P<ont>\d+))?",
    )
    #: How NAS-Port-Id names a line.
    port_patterns: tuple[PortPattern, ...] = ()
    #: How Calling-Station-Id names a line.
    calling_patterns: tuple[PortPattern, ...] = ()
    #: Seconds without an Interim after which a session counts as stale; three of the BRAS's intervals.
    stale_s: Seconds = 900.0
    #: Seconds without any packet of a client after which the client counts as down.
    quiet_s: Seconds = 1_800.0
    #: Datagrams that wait for the store; beyond it the BRAS sends again.
    waiting: Count = 20_000
    #: Days that ended sessions are kept.
    keep_days: Count = 14


class PullFact(Section):
    """`[pulls.facts."account.state"]`: where a fact's value stands in an item."""

    #: Where the value stands.
    path: Place
    #: The other system's words → ours; a word that is not there is left out. None = as it is.
    values: Mapping[str, str] = Field(default_factory=dict)
    #: Where the time of the value stands; none = the item's.
    at: Place | None = None


class PullSection(Section):
    """`[[pulls]]`: a system that is asked over HTTP, and what its answer means."""

    #: The source of what it says.
    name: SourceName
    #: What is fetched.
    url: Annotated[str, Field(pattern="^https?://", max_length=2_000)]
    #: What its items are: facts of lines, incidents, planned works, contacts (each one counted), or the lines.
    kind: Literal["facts", "incidents", "works", "contacts", "lines"] = "facts"
    #: Seconds between two questions; account states live for an hour.
    interval_s: Seconds = 300.0
    #: Seconds that an answer may take.
    timeout_s: Seconds = 30.0
    #: Bytes that an answer may have.
    max_bytes: Count = 33_554_432
    #: Items that are taken of one answer.
    max_items: Count = 100_000
    #: File with a token, or with user:password, depending on `auth`; none = nothing is sent.
    credentials_file: FilePath | None = None
    #: How the credentials are sent.
    auth: Literal["bearer", "basic"] = "bearer"
    #: Where the list of items stands in the answer; none = the answer is the list.
    items: Place | None = None
    #: Where an item names its line.
    line: Place = "line"
    #: What that is: the line's id, the account, or the PPPoE login.
    line_by: Literal["id", "account", "login"] = "id"
    #: Where the time of an item stands; none = the time of the answer.
    at: Place | None = None
    #: Of `contacts`: an answer names every contact of the last 14 days of every line, so one that it does not name had
    #: none. An answer of one page, or of one region, is not complete.
    complete: bool = False
    #: Name of a fact → where its value stands.
    facts: Mapping[str, PullFact] = Field(default_factory=dict)
    #: Our field → where it stands: of incidents id, scope, kind, since; of works id, scope, from, to; of lines the
    #: columns of `line import`.
    fields: Mapping[str, Place] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> "PullSection":
        needed = {"incidents": {"id", "scope", "since"}, "works": {"id", "scope", "from", "to"}, "lines": {"id"}}
        missing = needed.get(self.kind, set()) - set(self.fields)
        if missing:
            raise ValueError(f"pull {self.name}: fields lacks {', '.join(sorted(missing))}; write where they stand")
        if self.complete and self.kind != "contacts":
            raise ValueError(f"pull {self.name}: complete is said of contacts only; leave it out")
        if self.kind == "facts" and not self.facts:
            raise ValueError(f"pull {self.name}: no facts; write [pulls.facts.NAME] with path")
        return self


class ContextSection(Section):
    """`[context]`: what is expected of other systems."""

    #: Source → seconds within which it pushes at least once; one that does not is said to be down.
    expected: Mapping[SourceName, Seconds] = Field(default_factory=dict)
    #: Networks that may be asked without TLS.
    plain_networks: tuple[Network, ...] = ()
    #: Seconds between two looks at what is due.
    tick_s: Seconds = 5.0
