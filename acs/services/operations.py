"""Operations: what is wanted on one device, from the request to its end.

    queued ─→ sent ─→ succeeded | failed
      │        └─→ unknown ─→ succeeded | failed | sent (again, on proof only)
      └─→ expired | cancelled

The one rule: this file never sends; it writes what is wanted, hands it to the device's open session or calls the
device, and tells how it goes. `kinds` says what can be wanted, `reboot_evidence` what may be sent again.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from acs.config import Config
from acs.errors import Conflict, InvalidInput, NotFound, TooMany, no_device
from acs.services import audit, review, secret_arguments
from acs.services.abilities import Abilities, model_of
from acs.services.actor import Actor, Scope
from acs.services.bus import Bus, Subscription
from acs.services.clock import Clock
from acs.services.connection_requests import Attempt, ConnectionRequests
from acs.services.freeze import Freeze
from acs.services.guarding import Guard
from acs.services.identifiers import new_id
from acs.services.kinds import KINDS, Kind
from acs.services.sessions import Sessions
from acs.store import abilities, devices, files, identity, operations
from acs.store.abilities import seal_arguments
from acs.store.backups import put_gate
from acs.store.records import (
    DUE_STATES,
    Json,
    OperationRecord,
    OperationState,
    OperationStep,
    OperationTransition,
    StepName,
)
from acs.store.store import Store
from acs.store.transaction import Transaction

#: Seconds between looks at the store while somebody follows an operation: another process may serve its session.
LOOK_S = 1.0
#: Longest deadline: a month.
DEADLINE_S = 31 * 86_400.0
#: Steps after which nothing follows.
LAST_STEPS = frozenset({StepName.SUCCEEDED, StepName.FAILED, StepName.EXPIRED, StepName.CANCELLED})

BeforeAction = Callable[[Transaction, OperationRecord], Awaitable[None]]


class Operations:
    """Request, read, cancel and follow operations."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        config: Config,
        sessions: Sessions,
        connection_requests: ConnectionRequests,
        clock: Clock,
        kinds: Mapping[str, Kind] = KINDS,
    ) -> None:
        self._store = store
        self._bus = bus
        self._config = config.operations
        self._sessions = sessions
        self.connection_requests = connection_requests
        self._clock = clock
        self._kinds = kinds
        #: what keeps a line's state before an operation may leave, in the transaction that queues it
        self.before_action: BeforeAction | None = None
        #: refuses what must not happen now, or not by one person, in the transaction that would queue it
        self.guard: Guard | None = None
        #: the switch that stops every write, asked in the transaction that would queue one
        self.freeze: Freeze | None = None

    async def request(
        self,
        actor: Actor,
        device_key: str,
        kind: str,
        arguments: Mapping[str, Any],
        *,
        deadline_s: float | None = None,
        reason: str = "",
        ticket: str | None = None,
        idempotency_key: str | None = None,
        after: str | None = None,
        approved: bool = False,
        call: bool = True,
    ) -> OperationRecord:
        """Queue an operation and call the device; the same idempotency key of the same actor gives the first one.

        `after` is another operation: this one leaves only when that one has succeeded. `approved`: a second person has
        approved it. `call`: without it the device is called by the worker in its own time, if it does not come before.

        Raises:
            Forbidden, NotFound, InvalidInput, Conflict, TooMany: see the message.
        """
        actor.require(Scope.OPERATE)
        row = self._kinds.get(kind)
        if row is None or row.internal:
            known = ", ".join(sorted(name for name, each in self._kinds.items() if not each.internal))
            raise InvalidInput(f"kind: {kind!r} is not a kind of operation; known are {known}")
        checked = row.check(arguments)
        if self.guard is not None and not approved:
            await self.guard.need_two(actor, device_key, row, checked, reason, ticket)
        arguments, secrets = secret_arguments.split(row, checked)
        if deadline_s is None:
            extra_s = row.lasts_s(arguments) if row.lasts_s is not None else 0.0
            deadline_s = min(self._config.deadline_s + extra_s, DEADLINE_S)
        if not 1 <= deadline_s <= DEADLINE_S:
            raise InvalidInput(f"deadline_s: must be 1 to {DEADLINE_S:.0f} seconds, but it is {deadline_s:g}")
        now = self._clock()
        wanted = _record(device_key, kind, arguments, now, now + timedelta(seconds=deadline_s))
        wanted = _asked_by(wanted, actor, reason, ticket, idempotency_key)
        stored = await self._add(actor, wanted, secrets, after)
        _require_same(stored, wanted)
        if stored.id == wanted.id and not self._sessions.offer(stored, call=call) and call:
            self.connection_requests.wake(device_key, (stored.id,))
        return stored

    async def get(self, actor: Actor, operation_id: str) -> OperationRecord:
        """The operation as it stands.

        Raises:
            NotFound: there is no such operation.
        """
        actor.require(Scope.READ)
        return await self._get(operation_id)

    async def list(
        self,
        actor: Actor,
        device: str | None = None,
        state: OperationState | None = None,
        limit: int = 100,
        after: str = "",
    ) -> Sequence[OperationRecord]:
        """Operations, newest first; `after` is the last id of the page before."""
        actor.require(Scope.READ)
        states = None if state is None else (state,)
        async with self._store.reading() as tx:
            before = after or None
            return await operations.list_operations(tx, device=device, states=states, limit=limit, before=before)

    async def steps(self, actor: Actor, operation_id: str) -> tuple[OperationStep, ...]:
        """The operation's steps so far, in order."""
        actor.require(Scope.READ)
        await self._get(operation_id)
        return tuple(await self._steps(operation_id))

    async def cancel(self, actor: Actor, operation_id: str) -> OperationRecord:
        """Cancel a queued operation; a test that the device runs is asked to be broken off, and comes back as it is.

        Raises:
            Conflict: it left already and cannot be broken off, or is over.
        """
        steps = await self.cancel_queued(actor, (operation_id,))
        step = steps[0] if steps else None
        operation = await self._get(operation_id)
        if step is None and operation.state in review.LEFT:
            kind = self._kinds.get(operation.kind)
            if kind is not None and kind.stop is not None:
                return await self._break_off(actor, operation, kind)
        if step is None:
            raise Conflict(f"operation {operation_id} is {operation.state}; only a queued operation can be cancelled")
        return operation

    async def cancel_queued(self, actor: Actor, wanted: Sequence[str]) -> Sequence[OperationStep]:
        """Cancel those of some operations that are still queued, in one transaction; returns a step for each."""
        actor.require(Scope.OPERATE)
        why, now = f"cancelled by {actor.name}", self._clock()
        done = []
        async with self._store.transaction() as tx:
            for id in wanted:
                change = OperationTransition(
                    id, (OperationState.QUEUED,), OperationState.CANCELLED, now, StepName.CANCELLED, why, detail=why
                )
                step = await operations.transition(tx, change)
                if step is not None:
                    done.append(step)
                    await audit.note(tx, actor, "operation.cancelled", f"operation:{id}", now)
        for step in done:
            self._bus.publish(f"operation:{step.operation_id}", step)
        return done

    async def _break_off(self, actor: Actor, operation: OperationRecord, kind: Kind) -> OperationRecord:
        """Note that a running test is not wanted any more, and call the device for it."""
        if review.stopping(operation):
            return operation
        now = self._clock()
        async with self._store.transaction() as tx:
            device = await devices.get(tx, operation.device)
            assert device is not None  # its operations go with it
            known = Abilities.from_json(await abilities.get(tx, model_of(device)))
            why = kind.why_not_stop(operation, device.root, known.lacking) if kind.why_not_stop is not None else None
            if why is not None:
                until = f"{operation.deadline_at:%Y-%m-%d %H:%M:%S} UTC"
                raise Conflict(
                    f"operation {operation.id} runs on the device, and {why}; it is left to end by itself, "
                    f"until {until} at the latest"
                )
            step = await operations.transition(tx, review.stop_wanted(operation, actor.name, now))
            if step is not None:
                await audit.note(tx, actor, "operation.cancel_wanted", f"operation:{operation.id}", now)
        wanted = await self._get(operation.id)
        if step is None:
            raise Conflict(f"operation {operation.id} is {wanted.state}: it ended meanwhile")
        self._bus.publish(f"operation:{operation.id}", step)
        if not self._sessions.offer(wanted):
            self.connection_requests.wake(operation.device, (operation.id,))
        return wanted

    async def frozen(self) -> bool:
        """Whether every write is stopped now."""
        return self.freeze is not None and await self.freeze.engaged()

    def last_call(self, device_key: str) -> Attempt | None:
        """How the last connection request of this process to the device went; None when it is not remembered."""
        return self.connection_requests.last(device_key)

    async def wait(self, operation_id: str, timeout_s: float) -> OperationRecord:
        """The operation once it has ended, or as it stands after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                async for _ in self.watch(operation_id):
                    pass
        except TimeoutError:
            pass
        return await self._get(operation_id)

    async def watch(self, operation_id: str) -> AsyncGenerator[OperationStep, None]:
        """Its steps so far, then each new one; ends after a final state.

        Raises:
            NotFound: there is no such operation.
        """
        seen = 0
        async with self._bus.subscribe(f"operation:{operation_id}") as news:
            found = await self._steps(operation_id)
            if not found:
                await self._get(operation_id)
            while True:
                for step in found:
                    seen = step.n
                    yield step
                    if step.name in LAST_STEPS:
                        return
                told = await _news_or_pause(news)
                if told is None or told.n > seen + 1:
                    found = await self._steps(operation_id, after=seen)
                else:
                    found = [told] if told.n > seen else ()

    async def _add(
        self, actor: Actor, wanted: OperationRecord, secrets: Mapping[str, Json], gate: str | None = None
    ) -> OperationRecord:
        async with self._store.transaction() as tx:
            if self.freeze is not None:
                await self.freeze.refuse(tx, wanted.kind)
            # held for a restart: two that are asked for at once must see one another
            look = devices.hold if self._kinds[wanted.kind].guarded else devices.get
            if await look(tx, wanted.device) is None:
                raise no_device(wanted.device)
            if await identity.quarantined(tx, wanted.device) is not None:
                raise Conflict(
                    f"device {wanted.device} is in quarantine; admit it first: secondline device admit {wanted.device}"
                )
            await _require_file(tx, wanted)
            limit = self._config.queued_per_device
            due = await operations.list_operations(tx, device=wanted.device, states=DUE_STATES, limit=limit)
            if len(due) >= limit:
                raise TooMany(f"device {wanted.device} has {limit} unfinished operations; wait for them or cancel some")
            if self.guard is not None and not await _asked_before(tx, wanted):
                await self.guard.admit(tx, actor, wanted, self._kinds[wanted.kind])
            stored = await operations.add(tx, wanted)
            if gate is not None and stored.id == wanted.id:
                await put_gate(tx, wanted.id, gate)
            if secrets and stored.id == wanted.id:
                await seal_arguments(tx, wanted.id, dict(secrets))
            if stored.id == wanted.id and actor.kind != "system":
                after: dict[str, Json] = {"operation": wanted.id, "kind": wanted.kind, "reason": wanted.reason}
                target = f"device:{wanted.device}"
                await audit.note(tx, actor, "operation.requested", target, wanted.created_at, after=after)
            if stored.id == wanted.id and self.before_action is not None:
                await self.before_action(tx, stored)
            return stored

    async def _get(self, operation_id: str) -> OperationRecord:
        async with self._store.reading() as tx:
            operation = await operations.get(tx, operation_id)
        if operation is None:
            raise NotFound(f"there is no operation {operation_id[:80]!r}; `secondline operation list` shows their ids")
        return operation

    async def _steps(self, operation_id: str, after: int = 0) -> Sequence[OperationStep]:
        async with self._store.reading() as tx:
            return [step for step in await operations.steps(tx, operation_id) if step.n > after]


async def _require_file(tx: Transaction, wanted: OperationRecord) -> None:
    """A file that is not there is said at once: the CPE need not be woken for it."""
    file = wanted.arguments.get("file")
    if isinstance(file, str) and await files.get(tx, file) is None:
        raise InvalidInput(f"arguments.file: there is no file {file!r}; secondline file list shows those that are")


async def _asked_before(tx: Transaction, wanted: OperationRecord) -> bool:
    """Whether the same caller asked for it with the same key: then the first one comes back, whatever holds now."""
    key = wanted.idempotency_key
    return key is not None and await operations.by_idempotency_key(tx, wanted.actor, key) is not None


async def _news_or_pause(news: Subscription) -> OperationStep | None:
    """The next step that is published here; None after LOOK_S: another process may have written one."""
    try:
        async with asyncio.timeout(LOOK_S):
            told = await anext(news)
    except TimeoutError:
        return None
    return told if isinstance(told, OperationStep) else None


def _record(device: str, kind: str, arguments: dict[str, Any], now: datetime, deadline_at: datetime) -> OperationRecord:
    id = new_id()
    return OperationRecord(
        id=id,
        device=device,
        kind=kind,
        arguments=arguments,
        state=OperationState.QUEUED,
        command_key=id,
        created_at=now,
        deadline_at=deadline_at,
        actor="",
    )


def _require_same(stored: OperationRecord, wanted: OperationRecord) -> None:
    """Refuse an idempotency key that stands for something else: the caller would wait for what nobody queued."""
    same = (stored.device, stored.kind, stored.arguments) == (wanted.device, wanted.kind, wanted.arguments)
    if not same:
        raise Conflict(
            f"Idempotency-Key: it was used for operation {stored.id} ({stored.kind} of {stored.device}); "
            "a new operation needs a key of its own"
        )


def _asked_by(
    wanted: OperationRecord, actor: Actor, reason: str, ticket: str | None, idempotency_key: str | None
) -> OperationRecord:
    return replace(wanted, actor=actor.name, reason=reason, ticket=ticket, idempotency_key=idempotency_key)
