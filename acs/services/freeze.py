"""The freeze: one switch that stops every write to devices and to the network, until it is taken off.

    off ─ freeze(why) ─► on: what reads goes on; what writes is refused, and what is queued waits
                          └─ thaw(why) ─► off

The rule of this file: whoever is about to write asks here, whatever asked for the write: a person, a ticket system, a
campaign, a provisioning rule or an automatic fix. What has left already is let end; nothing new begins.
"""

from time import monotonic

import structlog

from acs.errors import Frozen, InvalidInput
from acs.metrics import Metrics
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.kinds import KINDS, Kind
from acs.store import switches
from acs.store.records import Json
from acs.store.store import Store
from acs.store.switches import SwitchRecord
from acs.store.transaction import Transaction

log = structlog.get_logger()

NAME = "freeze"
#: seconds for which this process believes what it read of the switch last; another process may have thrown it
BELIEVED_S = 0.25
#: the one kind that changes something and is let through: it takes back what was going to change more
_TAKES_BACK = "cancel_transfer"


def writes(kind: Kind) -> bool:
    """Whether a kind of operation changes anything on the device or in the network."""
    return not kind.rpc.startswith("Get") and kind.name != _TAKES_BACK


class Freeze:
    """The switch."""

    def __init__(self, store: Store, metrics: Metrics, clock: Clock) -> None:
        self._store = store
        self._metrics = metrics
        self._clock = clock
        self._engaged = False
        self._read_at = float("-inf")

    async def engaged(self) -> bool:
        """Whether writes are stopped now, as read from the store within the last quarter of a second."""
        if monotonic() - self._read_at > BELIEVED_S:
            async with self._store.reading() as tx:
                record = await switches.get(tx, NAME)
            self._remember(record is not None and record.engaged)
        return self._engaged

    async def holds(self, kind: str) -> bool:
        """Whether an operation of this kind must wait."""
        known = KINDS.get(kind)
        return (known is None or writes(known)) and await self.engaged()

    async def refuse(self, tx: Transaction, kind: str) -> None:
        """Refuse a kind that writes while the switch is on, in the transaction that would queue it.

        Raises:
            Frozen: the message says who threw the switch, when and why.
        """
        known = KINDS.get(kind)
        if known is not None and not writes(known):
            return
        await self.refuse_writes(tx, kind)

    async def refuse_writes(self, tx: Transaction, what: str) -> None:
        """Refuse anything that writes, such as SNMP SET or a bulk operation, while the switch is on.

        Raises:
            Frozen: the message says who threw the switch, when and why.
        """
        record = await switches.get(tx, NAME)
        self._remember(record is not None and record.engaged)
        if record is None or not record.engaged:
            return
        since = record.at.isoformat(timespec="seconds")
        raise Frozen(
            f"{what}: writes are frozen since {since} by {record.actor} ({record.reason}); nothing was queued; "
            "ask who threw the switch, it is taken off with: secondline freeze off"
        )

    async def show(self, actor: Actor) -> SwitchRecord | None:
        """How the switch stands; None where it was never thrown."""
        actor.require(Scope.READ)
        return await self.standing()

    async def standing(self) -> SwitchRecord | None:
        """How the switch stands, for our own use."""
        async with self._store.reading() as tx:
            record = await switches.get(tx, NAME)
        self._remember(record is not None and record.engaged)
        return record

    async def throw(self, actor: Actor, *, on: bool, reason: str) -> SwitchRecord:
        """Throw the switch.

        Raises:
            InvalidInput: no reason: the next shift will ask.
        """
        actor.require(Scope.FREEZE)
        if not reason.strip():
            raise InvalidInput("reason: say why in a few words; the next shift will ask")
        now = self._clock()
        record = SwitchRecord(NAME, on, actor.name, now, reason.strip())
        async with self._store.transaction() as tx:
            before = await switches.get(tx, NAME)
            await switches.put(tx, record)
            was: dict[str, Json] = {"engaged": before is not None and before.engaged}
            action = "freeze.engaged" if on else "freeze.lifted"
            await audit.note(tx, actor, action, "system:freeze", now, before=was,
                             after={"engaged": on, "reason": record.reason})  # fmt: skip
        self._remember(on)
        log.warning("freeze.thrown", engaged=on, actor=actor.name, reason=record.reason)
        return record

    def _remember(self, engaged: bool) -> None:
        self._engaged, self._read_at = engaged, monotonic()
        self._metrics.frozen.set(int(engaged))
