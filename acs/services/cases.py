"""What the store knows of a line before anything is asked: one snapshot for a line test.

The rule of this file: one reading transaction, and no probe.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from acs.profiles.schema import Profile
from acs.services.context import BASELINE_DAYS, scope_facts, with_no_contacts
from acs.services.inform_interval import inform_interval_s
from acs.services.lines import known_line
from acs.services.optics import TREND_DAYS
from acs.services.own_names import names_of_model
from acs.services.profiles import profile_of
from acs.services.reboot_history import BOOT_CODES
from acs.services.tmf import parse_event, ticket_facts
from acs.services.usual_levels import UsualLevels
from acs.store import after_fix as fix_store
from acs.store import devices as device_store
from acs.store import facts as fact_store
from acs.store import history
from acs.store import lines as line_store
from acs.store import nodes as node_store
from acs.store import operations as operation_store
from acs.store import tickets as ticket_store
from acs.store import trees as tree_store
from acs.store.records import (
    AccessNode,
    ContextFact,
    DeviceRecord,
    LineRecord,
    LineTestRecord,
    OperationRecord,
    OperationState,
    TicketRecord,
)
from acs.store.transaction import Transaction
from probes.facts import FACTS, Fact
from probes.readings import PortReading

#: the number of which a line's history is kept
LIGHT = "ont.rx_dbm"
_FLAPS = "ont.flaps_24h"
_OPENED = "ticket.opened_at"
_GASPS = "ont.gasp_supported"
#: codes of an Inform that tell of a start
_BOOT = "1 BOOT"
#: events looked at for a count of starts
_EVENTS = 200
#: operations looked at for what was tried already, and for what is under way: those that change a device
_OPERATIONS = 40
_KINDS = ("reboot", "factory_reset", "set", "change", "provision", "restore", "download", "add_object", "delete_object")
#: those of them that send a device away
_RESTARTS = ("reboot", "factory_reset", "download")
_UNDER_WAY = (OperationState.SENT, OperationState.UNKNOWN)
#: tickets looked at for a count of contacts
_TICKETS = 500
#: counts of the last days → how many: told longer ago, they are about other days
_CONTACTS = "contacts_14d"
_COUNTED_DAYS = {_CONTACTS: 14, "visits_30d": 30}


#: who begins the tests after something was done
AFTER_FIX = "after-fix"
#: tickets of our own that prove a repeated contact; fewer prove nothing
REPEATED = 2


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device on the line as the store knows it. `values` is path → text, `times` when each was read.

    `done` are its last restarts, settings and downloads that succeeded, newest first; `under_way` those that were sent
    and have not ended; `started_at` is its last start that it told of, or what was done by hand and is looked at now.
    """

    record: DeviceRecord
    profile: Profile | None
    values: Mapping[str, str]
    times: Mapping[str, datetime]
    boots_24h: int
    done: tuple[OperationRecord, ...] = ()
    under_way: tuple[OperationRecord, ...] = ()
    started_at: datetime | None = None

    @property
    def began_at(self) -> datetime | None:
        """Since when it is as it is: its last start, or the last thing that was sent to change it, with or without an
        end. What was read of it before is history."""
        changed = [_sent_at(operation) for operation in (*self.done, *self.under_way)]
        return max((at for at in (self.started_at, *changed) if at is not None), default=None)

    def no_history(self, read: Sequence[Fact]) -> list[Fact]:
        """What was read of it since it is as it is."""
        return [fact for fact in read if self.began_at is None or fact.at >= self.began_at]

    @property
    def sent_away_at(self) -> datetime | None:
        """When it was last sent into a restart: an Inform of before does not say that it came back."""
        sent = (_sent_at(one) for one in (*self.done, *self.under_way) if one.kind in _RESTARTS)
        return max(sent, default=None)

    @property
    def is_stb(self) -> bool:
        """A set-top box, by its profile."""
        return self.profile is not None and self.profile.kind == "stb"

    @property
    def model_names(self) -> tuple[str, ...]:
        """What it calls its model: the product class of its Informs, and the name in its tree where that was read."""
        return names_of_model(self.record.product_class, self.values)

    @property
    def interval_s(self) -> float | None:
        """Seconds between its periodic Informs, where its tree says so; None of one whose periodic Informs are off."""
        return inform_interval_s(self.values.get)


@dataclass(frozen=True, slots=True)
class Case:
    """A line and everything that is known of it without asking anybody.

    `medians`, `gasps` (whether the ONT tells of a power failure, where that is known) and `flaps` (falls of the last
    day, where a round counted them lately) are of the lines of the same port; `own_light` is this line's history of
    seven days, `own_light_30d` of thirty, oldest first; `tickets_14d` are its tickets of 14 days that we were handed.
    `by_tickets` are those of `told` that its tickets say. `told` lacks counts of the last days that are older than
    those, or less than our own.
    """

    test: LineTestRecord
    line: LineRecord
    now: datetime
    told: tuple[Fact, ...]
    node: AccessNode | None
    devices: tuple[KnownDevice, ...]
    neighbours: tuple[LineRecord, ...]
    medians: Mapping[str, float]
    gasps: Mapping[str, bool]
    own_light: tuple[tuple[datetime, float], ...]
    own_light_30d: tuple[tuple[datetime, float], ...] = ()
    flaps: Mapping[str, int] = field(default_factory=dict)
    tickets_14d: int = 0
    by_tickets: tuple[Fact, ...] = ()
    #: what the test reads of the line's port, kept for who follows more lines than this one
    port_read: list[PortReading] = field(default_factory=list, compare=False)

    @property
    def told_by_name(self) -> dict[str, Fact]:
        """name → what another system says."""
        return {fact.name: fact for fact in self.told}

    @property
    def complained_at(self) -> datetime | None:
        """When the ticket was opened, where there is one."""
        return instant_of(self.told_by_name.get(_OPENED))


def _sent_at(operation: OperationRecord) -> datetime:
    return operation.sent_at or operation.created_at


def instant_of(fact: Fact | None) -> datetime | None:
    """The instant that a fact tells; None where it tells none."""
    if fact is None or not isinstance(fact.value, str):
        return None
    try:
        at = datetime.fromisoformat(fact.value)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


async def load_case(
    tx: Transaction, test: LineTestRecord, profiles: Sequence[Profile], now: datetime, usual: UsualLevels
) -> Case:
    """Everything that the store knows for this line test.

    Raises:
        NotFound: the line is gone.
    """
    line = await known_line(tx, test.line)
    told = [
        Fact(fact.name, fact.value, fact.at, fact.source, "handed in")
        for fact in (await fact_store.latest(tx, line.id)).values()
    ]
    told = await with_no_contacts(tx, line, told)
    told += await scope_facts(tx, line.scopes(), now)
    tickets = await ticket_store.list_tickets(tx, line=line.id, limit=_TICKETS)
    tickets_14d = sum(ticket.received_at >= now - timedelta(days=_COUNTED_DAYS[_CONTACTS]) for ticket in tickets)
    said = await _ticket_facts(tx, test, tickets)
    told += said
    by_hand_at = await _done_by_hand_at(tx, test)
    on_line = await line_store.devices_on(tx, line.id)
    devices = [await _known_device(tx, record, profiles, now, by_hand_at) for record in on_line]
    neighbours: list[LineRecord] = []
    if line.node and line.port is not None:
        neighbours = await line_store.siblings(tx, line.node, line.slot, line.port, frame=line.frame)
    month = await history.readings(tx, line.id, LIGHT, now - timedelta(days=TREND_DAYS), now)
    light = tuple((point.at, point.value) for point in month)
    since = now - timedelta(days=BASELINE_DAYS)
    ids = [neighbour.id for neighbour in neighbours]
    kept = await fact_store.named(tx, ids, (_GASPS, _FLAPS))
    return Case(
        test=test,
        line=line,
        now=now,
        told=tuple(fact for fact in told if _counts(fact, tickets_14d, now)),
        node=await node_store.get(tx, line.node) if line.node else None,
        devices=tuple(devices),
        neighbours=tuple(neighbours),
        medians=await usual.of(tx, ids, now),
        gasps={line: fact.value for line, fact in kept[_GASPS].items() if isinstance(fact.value, bool)},
        own_light=tuple(level for level in light if level[0] >= since),
        own_light_30d=light,
        flaps=_flaps(kept[_FLAPS], now),
        tickets_14d=tickets_14d,
        by_tickets=tuple(said),
    )


def _counts(fact: Fact, own_tickets: int, now: datetime) -> bool:
    """Whether a told count is one of the last days, and not outdone by our own, which is a lower bound."""
    days = _COUNTED_DAYS.get(fact.name)
    if days is not None and now - fact.at > timedelta(days=days):
        return False
    known = fact.value if isinstance(fact.value, int | float) else 0
    return fact.name != _CONTACTS or own_tickets < REPEATED or known >= own_tickets


def _flaps(counted: Mapping[str, ContextFact], now: datetime) -> dict[str, int]:
    """Falls of the last day by line, as far as they were counted within their greatest age."""
    oldest = now - timedelta(seconds=FACTS[_FLAPS].max_age_s or 0)
    return {line: int(fact.value) for line, fact in counted.items() if fact.at >= oldest and fact.value is not None}


async def with_tickets(tx: Transaction, case: Case) -> Case:
    """The case with what is said in tickets that came to wait for its test since it was loaded."""
    tickets = await ticket_store.list_tickets(tx, line=case.line.id, limit=_TICKETS)
    said = await _ticket_facts(tx, case.test, tickets)
    before = set(case.by_tickets)
    told = tuple(fact for fact in case.told if fact not in before)
    return replace(case, told=(*told, *said), by_tickets=tuple(said))


async def _ticket_facts(tx: Transaction, test: LineTestRecord, of_line: Sequence[TicketRecord]) -> list[Fact]:
    """What its own ticket and those that joined it say: of each fact the last word, and when the first was opened."""
    waiting = [ticket for ticket in of_line if test.id == ticket.line_test or test.ticket == ticket.id]
    if test.ticket is not None and all(ticket.id != test.ticket for ticket in waiting):
        waiting += [own] if (own := await ticket_store.get(tx, test.ticket)) is not None else []
    said: dict[str, Fact] = {}
    for ticket in sorted(waiting, key=lambda each: each.received_at):
        if not isinstance(ticket.body, dict):
            continue
        facts = {fact.name: fact for fact in ticket_facts(parse_event(ticket.body), ticket.received_at)}
        first = said.get(_OPENED)
        said |= facts
        if first is not None:
            said[_OPENED] = min(first, said[_OPENED], key=lambda fact: fact.at)
    return list(said.values())


async def read_values(tx: Transaction, key: str) -> tuple[dict[str, str], Mapping[str, datetime]]:
    """The device's tree as path → text, and when each value was read."""
    tree = await tree_store.read(tx, key)
    if tree is None:
        return {}, {}
    return {name: value for name, (value, _) in tree.values.items()}, tree.times


async def _done_by_hand_at(tx: Transaction, test: LineTestRecord) -> datetime | None:
    """When that was done after which this test looks, where it was no operation of ours: a visit, a bend made good."""
    if test.actor != AFTER_FIX:
        return None
    looked_at = await fix_store.find(tx, states=("watching", "not_fixed"), line=test.line, limit=1)
    return looked_at[0].at if looked_at and looked_at[0].operation is None else None


async def _known_device(
    tx: Transaction, record: DeviceRecord, profiles: Sequence[Profile], now: datetime, by_hand_at: datetime | None
) -> KnownDevice:
    values, times = await read_values(tx, record.key)
    known = {name: value for name, (value, _) in record.known_values().items()} | dict(values)
    events = await device_store.list_events(tx, record.key, limit=_EVENTS)
    boots = sum(event.code == _BOOT and event.at > now - timedelta(days=1) for event in events)
    starts = [event.at for event in events if event.code in BOOT_CODES]
    started_at = max([*starts, by_hand_at] if by_hand_at is not None else starts, default=None)
    operations = await operation_store.list_operations(
        tx, device=record.key, states=(OperationState.SUCCEEDED, *_UNDER_WAY), kinds=_KINDS, limit=_OPERATIONS
    )
    done = tuple(operation for operation in operations if operation.state is OperationState.SUCCEEDED)
    under_way = tuple(operation for operation in operations if operation.state in _UNDER_WAY)
    profile = profile_of(profiles, record, known)
    return KnownDevice(record, profile, values, times, boots, done, under_way, started_at)
