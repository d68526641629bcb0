"""`[line_tests]`, `[tickets]`, `[webhooks]`: the work of the second line."""

from typing import Annotated, Literal

from pydantic import Field

from acs.config.automation import AutomationSection
from acs.config.base import Count, FilePath, Network, Seconds, Section
from acs.config.path_probes import PathSection


class SourcesSection(Section):
    """`[line_tests.sources]`: seconds that each source gets; a late one is left out, never waited for."""

    #: The access node over SNMP; a port of 128 ONTs takes under 2.
    access_s: Seconds = 8.0
    #: A live reading of the CPE: `line check` answers within 3 seconds, so the CPE has 2.5 to open its session.
    cpe_s: Seconds = 2.5
    #: A live reading of a CPE that has opened its session, and of every CPE in a test of depth `full`: slow ones take
    #: several seconds.
    cpe_full_s: Seconds = 8.0
    #: Ping, its echoes and the wait for the last answer.
    ping_s: Seconds = 2.5


class LineTestsSection(Section):
    """`[line_tests]`: gathering facts and judging them."""

    #: How long each source may take.
    sources: SourcesSection = SourcesSection()
    #: Large packets and the operator's resolvers.
    path: PathSection = PathSection()
    #: Seconds until a verdict is given from what is there.
    partial_s: Seconds = 20.0
    #: Seconds that a test of depth `quick` takes at most: the subscriber is on the phone.
    quick_s: Seconds = 5.0
    #: Seconds until a test ends whatever is missing.
    hard_stop_s: Seconds = 60.0
    #: Tests that gather at the same time; more wait, so that a burst does not fill the access nodes.
    at_once: Count = 32
    #: Tests that may wait; beyond it a new one gets 429 with Retry-After.
    waiting: Count = 1_000
    #: Seconds that a reading of a PON port serves other tests on it.
    port_cache_s: Seconds = 45.0
    #: Ping an access node that is silent on SNMP before it is called unreachable; off where a gateway answers pings
    #: in the place of the nodes behind it.
    ping_silent_nodes: bool = True
    #: Questions to one access node at the same time, whoever asks; small ones lose packets beyond a few.
    per_node: Count = 4
    #: Echoes of one ping, within a second. The packaged rules call no line healthy by fewer than 50: one that loses a
    #: fifth of its packets answers all of five every third time.
    ping_count: Annotated[int, Field(ge=1, le=100)] = 50
    #: Seconds after an Inform in which a failed connection request does not make a device unreachable.
    fresh_contact_s: Annotated[float, Field(ge=0, le=86_400)] = 10.0
    #: Optical class of the network where no source tells it; B+ is what most GPON ports have.
    optical_class: Annotated[str, Field(pattern="^(gpon_b\\+|gpon_c\\+|xgs_n1|epon_px20|epon_px20\\+)$")] = "gpon_b+"
    #: Minutes around a fall in which neighbours count as fallen with it.
    outage_window_min: Annotated[float, Field(gt=0, le=1_440)] = 15.0
    #: File with the operator's own rules; none = the packaged pack.
    pack_file: FilePath | None = None
    #: Seconds by which the clock of another system may be ahead of ours.
    future_slack_s: Seconds = 60.0
    #: Days that line tests are kept; readings follow `[history]`.
    keep_days: Count = 90


class TicketsSection(AutomationSection):
    """`[tickets]`: TM Forum trouble tickets."""

    #: Where a ticket names its line, tried in this order: `entity:TYPE` (relatedEntity of that @referredType:
    #: a line id, account or PPPoE login), `characteristic:NAME`, `external_id`,
    #: `party:TYPE` (relatedParty; the line's account).
    line_from: tuple[Annotated[str, Field(pattern="^(entity:.+|characteristic:.+|external_id|party:.+)$")], ...] = (
        "entity:Line",
        "characteristic:line",
        "entity:Service",
        "external_id",
        "party:Customer",
    )
    #: Ticket types that get no line test, such as orders and questions.
    untested_types: tuple[str, ...] = ("request",)


class WebhookTarget(Section):
    """`[[webhooks.targets]]`: who is told of verdicts."""

    #: What it is called in logs and lists of deliveries.
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
    #: Where messages are sent; https, or http in one of `plain_networks`.
    url: Annotated[str, Field(pattern="^https?://", max_length=2_000)]
    #: File with the secret of the HMAC signature.
    secret_file: FilePath
    #: File with the secret that was used before: while both are named, messages carry a signature of each.
    old_secret_file: FilePath | None = None
    #: Which events it gets, by the beginning of their names (`line_test.`, `outage.`); none = all.
    events: tuple[str, ...] = ()
    #: Language of what messages say became of something (`detail`); codes and what a person wrote stay.
    language: Literal["en", "ru"] = "en"


class WebhooksSection(Section):
    """`[webhooks]`: messages to other systems, kept until they are taken."""

    #: The receivers.
    targets: tuple[WebhookTarget, ...] = ()
    #: Seconds that a receiver has to answer.
    timeout_s: Seconds = 10.0
    #: Tries until a message is put aside; with the pauses below they span about a day.
    attempts: Count = 30
    #: Seconds until the second try; each failure doubles the pause.
    retry_s: Seconds = 5.0
    #: Longest pause between tries, in seconds.
    retry_max_s: Seconds = 3_600.0
    #: Longest rest, in seconds, of a receiver that does not answer at all: so long after its return it is noticed.
    rest_max_s: Seconds = 30.0
    #: Seconds until a message is put aside however often it was tried; a week spans a long weekend without staff.
    give_up_s: Seconds = 604_800.0
    #: Networks that may be called without TLS; our own machine is called only where its network is listed.
    plain_networks: tuple[Network, ...] = ()
