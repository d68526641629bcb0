"""From what others store to lines in trouble: traps, rounds, Informs that stop, boots, sessions, tickets.

    alarms, rounds ─► fall      Informs that stop ─► silent      1 BOOT that nobody asked for ─► boot
    BRAS sessions  ─► session   tickets           ─► ticket

The rule of this file: each look brings the state of each line up to what was told last; what cannot be dated is not a
fall but an old one, so that a start of the server finds no outage that is none. What a look took in counts as told once
it is stored (`keep`): one whose transaction fails is made again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

from acs.config import OutagesSection
from acs.services.hearing import heard_since
from acs.services.inform_interval import inform_interval_s
from acs.services.outage_inventory import Inventory, areas_of
from acs.services.outage_reports import SOURCE, UPS
from acs.services.surveys import FALL
from acs.store import access as access_store
from acs.store import facts as fact_store
from acs.store import history
from acs.store import outage_evidence as evidence_store
from acs.store import outages as outage_store
from acs.store import trees as tree_store
from acs.store.instants import instant, micros
from acs.store.outages import LineTrouble
from acs.store.transaction import Transaction
from probes.linetest.model import VerdictKind

#: what a trap tells of a line, and whether the line told of a loss of power
_FALLS: dict[str, bool | None] = {
    "ont_los": False,
    "ont_dying_gasp": True,
    "ont_down": None,
    "pon_los": None,
    "link_down": None,
    "peer_dying_gasp": True,
}
#: what a node tells of the last fall (`ont.last_down_cause`): a dying gasp, or a loss of light or of signal without one
_GASP, _DARK = "dgi", ("los", "losi", "lofi", "lobi")
_RISES = ("ont_up", "pon_up", "link_up")
#: seconds by which an alarm may be stored after it came
_LATE = timedelta(seconds=30)
#: for so long a test may be asked for before a ticket counts without one
_TESTED_IN = timedelta(seconds=60)
#: verdicts that leave a complaint unexplained; a ticket whose line has a cause of its own tells nothing of others
_NO_CAUSE = (VerdictKind.NFF, VerdictKind.INCONCLUSIVE, VerdictKind.OPEN_OUTAGE)
#: seconds between two looks at Informs and sessions
_SLOW = timedelta(seconds=30)
#: so late a session may be told, and the time between two looks at all that the horizon holds
_LATE_SESSIONS, _WHOLE = timedelta(seconds=120), timedelta(seconds=600)
#: intervals of Informs that are read in one look, and the longest that says anything in time
_INTERVALS, _LONGEST_S = 500, 7_200.0
#: after so long the interval of a device that tells of nothing in time is looked up again
_AGAIN = timedelta(hours=6)
#: lines of which the troubles are asked one by one; of more, all troubles are read
_FEW = 500
#: for so long a boot, as evidence, lasts
_BOOT = timedelta(minutes=20)


@dataclass(slots=True)
class Look:
    """What one look brought: which witnesses told something new, and what fell, by (witness, node, line).

    The rest is what `keep` remembers of it: how far each line was told, which rounds were read, whose sessions are up
    and no longer up, which falls line tests told, when they ended some, and whether Informs were looked at.
    """

    at: datetime
    witnesses: set[str] = field(default_factory=set)
    falls: list[tuple[str, str, str]] = field(default_factory=list)
    applied: dict[str, datetime] = field(default_factory=dict)
    polled: dict[str, datetime] = field(default_factory=dict)
    up: set[str] = field(default_factory=set)
    not_up: set[str] = field(default_factory=set)
    of_tests: set[tuple[str, datetime]] = field(default_factory=set)
    ups: int | None = None
    slow: bool = False


class Evidence:
    """Reads on from where it was. Belongs to one process; its cursors are stored."""

    def __init__(self, inventory: Inventory, config: OutagesSection) -> None:
        self._inventory = inventory
        self._config = config
        self._applied: dict[str, datetime] = {}
        self._polled: dict[str, datetime] = {}
        self._sessions_up: set[str] = set()
        #: line → when, of which node and what its session was told to be, of those whose state changed
        self._sessions_told: dict[str, tuple[datetime, str, str]] = {}
        #: whether all of the horizon was read for that, and when that was last so
        self._whole = False
        self._sessions_whole_at: datetime | None = None
        #: device → its interval, and when that was read
        self._intervals: dict[str, tuple[float, datetime]] = {}
        self._slow_at: datetime | None = None
        self._tests_at: datetime | None = None
        self._of_tests: set[tuple[str, datetime]] = set()
        self._ups: int | None = None
        self._heard: Sequence[evidence_store.Heard] = ()

    async def prepare(self, tx: Transaction, now: datetime) -> None:
        """Read what is long to read before the transaction in which others wait: who was heard, how often; sessions."""
        if not self._slow_is_due(now):
            return
        since = now - timedelta(seconds=self._config.horizon_s + 1.25 * _LONGEST_S)
        self._heard = await evidence_store.heard(tx, since, now)
        await self._read_sessions(tx, now)
        await self._read_intervals(tx, self._heard, now)

    def _slow_is_due(self, now: datetime) -> bool:
        return self._slow_at is None or now - self._slow_at >= _SLOW

    async def take(self, tx: Transaction, now: datetime) -> Look:
        """Bring every line up to date, in the caller's transaction; once that is stored, `keep` is to be called."""
        look = Look(now)
        await self._traps(tx, now, look)
        await self._rounds(tx, now, look)
        await self._boots(tx, now, look)
        await self._tickets(tx, now, look)
        await self._line_tests(tx, now, look)
        if self._slow_is_due(now):
            look.slow = True
            await self._sessions(tx, now, look)
            await self._silence(tx, now, look)
            await self._heard_again(tx, now, look)
        return look

    def keep(self, look: Look) -> None:
        """Remember what a look took in, now that it is stored."""
        self._applied |= look.applied
        self._forget_applied(look.at)
        self._polled |= look.polled
        self._sessions_up = (self._sessions_up | look.up) - look.not_up
        self._of_tests, self._tests_at, self._ups = look.of_tests, look.at, look.ups
        if look.slow:
            self._slow_at = look.at
            if self._whole:
                self._sessions_whole_at = look.at

    def _applied_at(self, look: Look, key: str) -> datetime:
        """Up to when a witness told of a line, this look included."""
        return look.applied.get(key) or self._applied.get(key, _BEGINNING)

    def _dead(self, now: datetime) -> datetime:
        """An instant for what was down already when we first looked."""
        return now - timedelta(days=self._config.dead_after_days + 1)

    async def _traps(self, tx: Transaction, now: datetime, look: Look) -> None:
        since = await outage_store.cursor(tx, "alarms")
        first = now - timedelta(seconds=self._config.horizon_s) if since is None else instant(since) - _LATE
        told = await evidence_store.alarms_since(tx, first)
        changes: list[tuple[datetime, str, str, bool | None, bool]] = []
        for alarm in told:
            if alarm.kind not in _FALLS and alarm.kind not in _RISES:
                continue
            for line in await self._lines_of(tx, alarm, now):
                changes.append((alarm.at, line, alarm.node, _FALLS.get(alarm.kind), alarm.kind in _RISES))
        await self._change(tx, "fall", changes, now, look, "trap")
        if told:
            await outage_store.put_cursor(tx, "alarms", micros(told[-1].at))

    async def _lines_of(self, tx: Transaction, alarm: evidence_store.Told, now: datetime) -> Sequence[str]:
        if alarm.line is not None:
            return (alarm.line,)
        if alarm.kind in ("pon_los", "pon_up") and alarm.port is not None and alarm.ont is None:
            return await self._inventory.on_port(tx, alarm.node, (alarm.frame, alarm.slot, alarm.port), now)
        return ()

    async def _change(
        self,
        tx: Transaction,
        witness: str,
        changes: Sequence[tuple[datetime, str, str, bool | None, bool]],
        now: datetime,
        look: Look,
        source: str,
    ) -> None:
        """Apply (at, line, node, gasp, well) in order; what was applied before is passed over."""
        fresh = [one for one in changes if one[0] > self._applied_at(look, f"{witness} {one[1]}")]
        if not fresh:
            return
        known = {one.line: one for one in await self._known(tx, witness, {one[1] for one in fresh})}
        before = dict(known)
        silent = await self._gaspless(tx, [line for _, line, _, gasp, _ in fresh if gasp is False])
        for at, line, node, told_gasp, well in sorted(fresh, key=lambda one: one[0]):
            look.applied[f"{witness} {line}"] = at
            gasp = None if told_gasp is False and line in silent else told_gasp
            if well:
                known.pop(line, None)
            elif line in known:
                known[line] = _told_more(known[line], gasp)
            else:
                known[line] = LineTrouble(line, witness, node, at, now, gasp, source)
                look.falls.append((witness, node, line))
        await self._store(tx, witness, before, known, look)

    async def _known(self, tx: Transaction, witness: str, ids: Iterable[str]) -> list[LineTrouble]:
        wanted = set(ids)
        if len(wanted) <= _FEW:
            return await outage_store.troubles(tx, ids=sorted(wanted), witness=witness)
        return [one for one in await outage_store.troubles(tx, witness=witness) if one.line in wanted]

    async def _gaspless(self, tx: Transaction, ids: Sequence[str]) -> set[str]:
        """Lines whose ONT is known not to tell of a loss of power: that it did not says nothing."""
        told = await fact_store.of_lines(tx, sorted(set(ids)), "ont.gasp_supported")
        return {line for line, fact in told.items() if fact.value is False}

    async def _store(
        self,
        tx: Transaction,
        witness: str,
        before: dict[str, LineTrouble],
        after: dict[str, LineTrouble],
        look: Look,
    ) -> None:
        put = [one for line, one in after.items() if before.get(line) != one]
        gone = [line for line in before if line not in after]
        if put or gone:
            look.witnesses.add(witness)
            await outage_store.put_troubles(tx, put)
            await outage_store.clear_troubles(tx, witness, gone)

    def _forget_applied(self, now: datetime) -> None:
        if len(self._applied) > 200_000:
            self._applied = {key: at for key, at in self._applied.items() if now - at < timedelta(minutes=5)}

    async def _rounds(self, tx: Transaction, now: datetime, look: Look) -> None:
        for name, poll in (await access_store.polls(tx)).items():
            last = self._polled.get(name)
            if last == poll.polled_at:
                continue
            look.polled[name] = poll.polled_at
            seen = await evidence_store.onts_seen_since(tx, poll.polled_at - timedelta(seconds=1))
            ours = [one for one in seen if one.node == name and one.seen_at == poll.polled_at]
            await self._round(tx, ours, now, look)

    async def _round(self, tx: Transaction, seen: Sequence[evidence_store.SeenOnt], now: datetime, look: Look) -> None:
        """One look at a node. An ONT that is down since nobody knows when was not seen to fall."""
        undated = [one.line for one in seen if one.state == "offline" and one.last_down_at is None]
        horizon = now - timedelta(seconds=self._config.horizon_s)
        noticed: dict[str, datetime] = {}
        for start in range(0, len(undated), _FEW):
            falls = await history.points(tx, undated[start : start + _FEW], FALL, horizon)
            noticed |= {line: points[-1][0] for line, points in falls.items()}
        before = {one.line: one for one in await self._known(tx, "fall", {one.line for one in seen})}
        known = dict(before)
        silent = await self._gaspless(tx, [one.line for one in seen if one.down_cause in _DARK])
        for one in seen:
            if self._applied_at(look, f"fall {one.line}") > one.seen_at:
                continue
            if one.state == "online":
                known.pop(one.line, None)
            elif one.state == "offline" and one.line not in known:
                at = one.last_down_at or noticed.get(one.line) or self._dead(now)
                gasp = True if one.down_cause == _GASP else False if _tells_dark(one, silent) else None
                known[one.line] = LineTrouble(one.line, "fall", one.node, min(at, now), now, gasp, "round")
                if at > horizon:
                    look.falls.append(("fall", one.node, one.line))
        await self._store(tx, "fall", before, known, look)

    async def _boots(self, tx: Transaction, now: datetime, look: Look) -> None:
        after = await outage_store.cursor(tx, "events")
        if after is None:
            await outage_store.put_cursor(tx, "events", await evidence_store.newest_event(tx))
            return
        booted, newest = await evidence_store.boots_since(tx, after)
        if newest > after:
            await outage_store.put_cursor(tx, "events", newest)
        changes = [(one.last_inform_at, one.line, one.node, None, False) for one in booted]
        await self._change(tx, "boot", changes, now, look, "Inform")
        if await outage_store.expire_troubles(tx, "boot", now - _BOOT):
            look.witnesses.add("boot")

    async def _tickets(self, tx: Transaction, now: datetime, look: Look) -> None:
        since = await outage_store.cursor(tx, "tickets")
        first = now if since is None else instant(since) - _LATE - _TESTED_IN
        oldest = now - timedelta(seconds=self._config.horizon_s)
        came = await evidence_store.complaints_since(tx, oldest, first, now - _TESTED_IN)
        changes = [(at, line, node, None, False) for line, node, at, said in came if said is None or said in _NO_CAUSE]
        await self._change(tx, "ticket", changes, now, look, "ticket")
        await outage_store.put_cursor(tx, "tickets", micros(now))
        if await outage_store.expire_troubles(tx, "ticket", now - timedelta(hours=self._config.ticket_hours)):
            look.witnesses.add("ticket")

    async def _line_tests(self, tx: Transaction, now: datetime, look: Look) -> None:
        """Falls that a line test saw and stored itself, and those that it ended."""
        since = (
            now - timedelta(seconds=self._config.horizon_s)
            if self._tests_at is None
            else self._tests_at - _TESTED_IN - _LATE
        )
        told = await outage_store.told_by(tx, SOURCE, since)
        fresh = [one for one in told if (one.line, one.told_at) not in self._of_tests]
        look.of_tests = {(one.line, one.told_at) for one in told}
        ups = await outage_store.cursor(tx, UPS)
        if ups is not None and ups != self._ups:
            look.witnesses.add("fall")
        look.ups = ups
        if fresh:
            look.witnesses.add("fall")
            look.falls += [("fall", one.node, one.line) for one in fresh]

    async def _read_sessions(self, tx: Transaction, now: datetime) -> None:
        """What sessions told since they were read last; all of the horizon now and then, for some are told late.

        Kept is only what changes something: a loss counts where the session was seen up before.
        """
        since = now - timedelta(seconds=self._config.horizon_s)
        whole = self._sessions_whole_at is None or now - self._sessions_whole_at >= _WHOLE
        if not whole and self._slow_at is not None:
            since = max(since, self._slow_at - _LATE_SESSIONS)
        down = {one.line for one in await outage_store.troubles(tx, witness="session")}
        told: dict[str, tuple[datetime, str, str]] = {}
        async for page in evidence_store.sessions_since(tx, since):
            for line, node, state, at in page:
                if line in told and told[line][0] > at:
                    continue
                if line in down or line in told or (state == "up") != (line in self._sessions_up):
                    told[line] = (at, node, state)
        self._sessions_told, self._whole = told, whole

    async def _sessions(self, tx: Transaction, now: datetime, look: Look) -> None:
        """Sessions as a BRAS tells them: a loss is one only where the session was seen up before."""
        changes = []
        for line, (at, node, state) in self._sessions_told.items():
            if state == "up":
                look.up.add(line)
            elif line in self._sessions_up:
                look.not_up.add(line)
            else:
                continue
            changes.append((min(at, now), line, node, None, state == "up"))
        await self._change(tx, "session", changes, now, look, "session")

    async def _silence(self, tx: Transaction, now: datetime, look: Look) -> None:
        """Devices whose periodic Inform is overdue, where their interval is short enough to say something.

        One that is late since a time in which it could not be heard is neither silent nor well.
        """
        changes, since = [], await heard_since(tx, now)
        for one in self._heard:
            interval, _ = self._intervals.get(one.key, (0.0, now))
            if not 0 < interval <= _LONGEST_S or self._doubted(one, now):
                continue
            late = evidence_store.overdue_at(max(one.last_inform_at, since), interval)
            if late <= now:
                changes.append((late, one.line, one.node, None, False))
            elif evidence_store.overdue_at(one.last_inform_at, interval) > now:
                changes.append((one.last_inform_at, one.line, one.node, None, True))
        await self._change(tx, "silent", changes, now, look, "Inform")

    async def _read_intervals(self, tx: Transaction, heard: Sequence[evidence_store.Heard], now: datetime) -> None:
        """The intervals that nobody knows, and those that may be others by now; a node's together."""
        wanted = sorted((one for one in heard if self._doubted(one, now)), key=lambda one: (one.node, one.key))
        for one in wanted[:_INTERVALS]:
            tree = await tree_store.read(tx, one.key)
            told = inform_interval_s(partial(_text_of, {} if tree is None else tree.values))
            self._intervals[one.key] = (told or 0.0, now)

    def _doubted(self, one: evidence_store.Heard, now: datetime) -> bool:
        """Whether its interval is to be read: a device that was told another one is not late by the one before."""
        if one.key not in self._intervals:
            return True
        interval, read_at = self._intervals[one.key]
        if not 0 < interval <= _LONGEST_S:
            return now - read_at >= _AGAIN
        return read_at < evidence_store.overdue_at(one.last_inform_at, interval) <= now

    async def _heard_again(self, tx: Transaction, now: datetime, look: Look) -> None:
        """A CPE that was heard after its line fell is proof that the line is up, whatever the access node told."""
        nodes = await outage_store.troubled_nodes(tx, now - timedelta(days=2))
        down = await outage_store.troubles(tx, nodes=nodes, witness="fall")
        heard = await evidence_store.heard_on(tx, [one.line for one in down][:20_000])
        slack = timedelta(seconds=60)
        well = [one.line for one in down if one.line in heard and heard[one.line] > one.at + slack]
        if well:
            look.witnesses.add("fall")
            await outage_store.clear_troubles(tx, "fall", well)


def _text_of(values: Mapping[str, tuple[str, str]], name: str) -> str | None:
    return values[name][0] if name in values else None


_BEGINNING = instant(0)


def _tells_dark(one: evidence_store.SeenOnt, silent: set[str]) -> bool:
    """Whether the node tells that the ONT lost its light and not its power, which only some models can tell of."""
    return one.down_cause in _DARK and one.line not in silent


def _told_more(known: LineTrouble, gasp: bool | None) -> LineTrouble:
    """A dying gasp that comes beside a loss of light is what counts."""
    if gasp is True or (gasp is False and known.gasp is None):
        return replace(known, gasp=gasp)
    return known


def counted(
    falls: Iterable[tuple[str, str, str]], inventory: Inventory, left_out: set[str]
) -> Counter[tuple[str, str]]:
    """(witness, area) → falls that no outage explains."""
    found: Counter[tuple[str, str]] = Counter()
    for witness, node, line in falls:
        record = inventory.line(node, line)
        if record is None or line in left_out:
            continue
        for area in areas_of(record):
            found[witness, area] += 1
    return found
