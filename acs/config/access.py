"""`[access]`, `[polling]`, `[traps]`: reading the access network without hurting it, and hearing its alarms."""

from typing import Annotated

from pydantic import AfterValidator, Field

from acs.config.base import Count, FilePath, Port, Seconds, Section
from probes.errors import ProbeError
from probes.quiet import QuietHours


def _quiet(spans: tuple[str, ...]) -> tuple[str, ...]:
    try:
        QuietHours.parse(spans)
    except ProbeError as error:
        raise ValueError(str(error)) from error
    return spans


def _zone(name: str) -> str:
    try:
        QuietHours.parse((), name)
    except ProbeError as error:
        raise ValueError(str(error)) from error
    return name


class AccessSection(Section):
    """`[access]`: what one access node is asked at most, by this process."""

    #: Questions a second to one node; an OLT answers from its control CPU, which has other work.
    requests_per_s: Annotated[float, Field(gt=0, le=10_000)] = 50.0
    #: Questions that may come at once after a pause: a whole port of 32 ONTs is about 50.
    burst: Count = 100
    #: Tries in a row without an answer, after which the node is left alone.
    failures: Count = 5
    #: Seconds of the first rest; each failed try doubles it.
    rest_s: Seconds = 15.0
    #: Longest rest, in seconds: a node that comes back is seen within it.
    rest_max_s: Seconds = 300.0
    #: Whether SET is sent at all (cable tests, port restarts); each node needs credentials of its own for it.
    may_write: bool = False
    #: Spans of the day such as "22:00-07:30" in which nothing is done that a subscriber would feel.
    quiet_hours: Annotated[tuple[str, ...], AfterValidator(_quiet)] = ()
    #: Time zone of the quiet hours.
    quiet_time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"


class PollingSection(Section):
    """`[polling]`: rounds over whole nodes for baselines, flaps and neighbours."""

    #: Off, because it asks every node of the inventory.
    enabled: bool = False
    #: Seconds between two rounds over one node: with jitter and the round itself under the hour for which a count of
    #: falls is believed.
    interval_s: Seconds = 2_700.0
    #: Part of the interval by which a node's turn is moved at random, so that nodes do not come together.
    jitter: Annotated[float, Field(ge=0, le=1)] = 0.2
    #: Nodes polled at the same time.
    at_once: Count = 16
    #: Questions a second that polling may ask of one node, of the whole budget of the node.
    requests_per_s: Annotated[float, Field(gt=0, le=10_000)] = 20.0
    #: Seconds that one round over a node may take; what is not read by then is left out, and said.
    budget_s: Seconds = 300.0
    #: Share of the rows of the last walk below which a walk is dropped: a node that forgets half its ONTs is not well.
    least_share: Annotated[float, Field(gt=0, le=1)] = 0.75
    #: Days of readings that a baseline is made of.
    baseline_days: Count = 7


class TrapsSection(Section):
    """`[traps]`: alarms that access nodes send."""

    #: Off, because it wants a privileged UDP port.
    enabled: bool = False
    #: All addresses, because nodes send from outside.
    host: str = "0.0.0.0"
    #: The registered port of SNMP notifications; nodes are told another one where it is redirected.
    port: Port = 162
    #: Bytes of the socket's buffer: a burst waits there. The kernel may allow less (net.core.rmem_max).
    buffer_bytes: Count = 8_388_608
    #: Seconds in which the same alarm of the same place is one: nodes repeat theirs.
    same_s: Seconds = 60.0
    #: Alarms that may wait to be stored; what comes beyond is counted and dropped.
    waiting: Count = 50_000
    #: Days that alarms are kept.
    keep_days: Count = 30
    #: Folder with trap profiles of your own, beside the packaged ones.
    profiles_directory: FilePath | None = None
