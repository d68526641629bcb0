"""Hooks: what a ticket system asks for in one call: reboot, line test, resync, "is it fixed?".

    call with a key ─► stored, counted, begun ─► waited for a while ─► done (200) or still running (202, come back)
        └─ the same key again ─► the same call, whatever became of it; another body under it is refused

The rule of this file: a call is on disk before anything is begun for it, and what it began is found again by the call's
own id; whoever repeats a call, or loses its answer, never makes a second reboot.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic

import structlog

from acs.config import HooksSection
from acs.errors import AcsError, Conflict, InvalidInput, NotFound, StoreError
from acs.profiles.schema import Profile
from acs.services import audit
from acs.services.action_limits import IS_IT_FIXED, OPERATION_KEY, REBOOT, RESYNC, TEST, ActionLimits
from acs.services.actor import Actor, Scope, system_actor
from acs.services.after_fix import AfterFix, Comparison
from acs.services.clock import Clock
from acs.services.freeze import Freeze
from acs.services.identifiers import new_id
from acs.services.line_tests import LineTests
from acs.services.lines import known_line
from acs.services.operations import Operations
from acs.services.profiles import profile_of
from acs.services.session_restart import session_restart
from acs.services.slots import Priority
from acs.services.tested_service import tested_service
from acs.store import hooks as hook_store
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import operations as operation_store
from acs.store import tickets as ticket_store
from acs.store import trees as tree_store
from acs.store.hooks import HookCall
from acs.store.records import (
    FINAL_STATES,
    DeviceRecord,
    Json,
    LineRecord,
    LineTestRecord,
    LineTestState,
    OperationRecord,
    OperationState,
)
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: greatest length of a key, in characters
KEY_CHARS = 200
#: seconds between two looks at keys that are too old
_TIDY_S = 600.0
#: hook → the kind of operation that it is to the freeze
_WRITES = {REBOOT: "reboot", RESYNC: "provision"}
#: hook → what who calls it may do
_NEEDS = {TEST: Scope.TEST, IS_IT_FIXED: Scope.TEST, REBOOT: Scope.OPERATE, RESYNC: Scope.OPERATE}


@dataclass(frozen=True, slots=True)
class HookRequest:
    """What is asked for. The line is named, or the ticket's is meant; the device is named, or the line's only CPE."""

    line: str | None = None
    ticket: str | None = None
    device: str | None = None
    depth: str = "normal"
    service: str | None = None
    what: str = "settings"
    reason: str = ""
    deadline_s: float | None = None

    def to_json(self) -> dict[str, Json]:
        """As it is stored; what was not said is left out."""
        said: dict[str, Json] = {
            "line": self.line, "ticket": self.ticket, "device": self.device, "depth": self.depth,
            "service": self.service, "what": self.what, "reason": self.reason, "deadline_s": self.deadline_s,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None and value != ""}


@dataclass(frozen=True, slots=True)
class HookView:
    """A call with what became of it. `state`: running, done or failed; `comparison` only for "is it fixed?"."""

    call: HookCall
    state: str
    detail: str
    operations: tuple[OperationRecord, ...]
    line_test: LineTestRecord | None
    comparison: Comparison | None


class Hooks:
    """Use cases of the hooks."""

    def __init__(
        self,
        store: Store,
        config: HooksSection,
        operations: Operations,
        line_tests: LineTests,
        after_fix: AfterFix,
        freeze: Freeze,
        profiles: Sequence[Profile],
        clock: Clock,
    ) -> None:
        self._store = store
        self._config = config
        self._operations = operations
        self._tests = line_tests
        self._after_fix = after_fix
        self._freeze = freeze
        self._profiles = profiles
        self._clock = clock
        self.limits = ActionLimits(config)

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"hook calls": (_TIDY_S, self.tidy)}

    async def tidy(self) -> None:
        """Forget keys that are too old."""
        before = self._clock() - timedelta(days=self._config.keep_days)
        async with self._store.transaction() as tx:
            await hook_store.prune(tx, before)

    async def call(
        self, actor: Actor, hook: str, wanted: HookRequest, key: str, *, wait_s: float | None = None
    ) -> HookView:
        """Do what the hook says, once per key of the actor, and wait for its end for a while.

        Raises:
            Frozen: writes are stopped, and the hook writes; nothing was begun.
            TooMany: a limit of the line or of the ticket is reached, or too many tests wait.
            Conflict: the key was used for another body, or the device cannot be told.
            NotFound, InvalidInput: see the message.
        """
        actor.require(_NEEDS[hook])
        if not 1 <= len(key) <= KEY_CHARS or not key.isprintable():
            raise InvalidInput(f"Idempotency-Key: send 1 to {KEY_CHARS} printable characters, such as your event's id")
        wait_s = self._config.wait_s if wait_s is None else wait_s
        if not 0 <= wait_s <= self._config.wait_max_s:
            raise InvalidInput(f"wait_s: write 0 to {self._config.wait_max_s:g} seconds")
        until = monotonic() + wait_s
        call = await self._call(actor, hook, wanted, key)
        call = await self._begun(actor, call, wanted)
        await self._wait(call, until)
        return await self._view(call)

    async def get(self, actor: Actor, id_: str) -> HookView:
        """What became of a call; who may call hooks and not read follows his own.

        Raises:
            NotFound: there is no such call, or it is somebody else's and the actor may not read.
        """
        own = _whose(actor)
        async with self._store.reading() as tx:
            call = await hook_store.get(tx, id_)
            if call is None or own not in (None, call.actor):
                raise NotFound(f"there is no call {id_[:80]!r} of a hook; its answer's Location names it")
            await known_line(tx, call.line)
        return await self._view(call)

    async def find(
        self, actor: Actor, *, line: str | None = None, ticket: str | None = None, limit: int = 100
    ) -> list[HookView]:
        """Calls for a line or a ticket, newest first; who may call hooks and not read is shown his own.

        Raises:
            InvalidInput: neither was named.
            NotFound: no such line.
        """
        own = _whose(actor)
        if line is None and ticket is None:
            raise InvalidInput("name a line or a ticket")
        async with self._store.reading() as tx:
            found = await hook_store.find(tx, line=line, ticket=ticket, actor=own, limit=limit)
            known = await line_store.get_many(tx, sorted({call.line for call in found}))
        return [await self._view(call) for call in found if call.line in known]

    async def began(self, actor: Actor, key: str) -> bool:
        """Whether something was begun under this key of the actor, though the answer may have been lost."""
        async with self._store.reading() as tx:
            call = await hook_store.by_key(tx, actor.name, key)
            return call is not None and await _began(tx, call)

    # --- the call, once ----------------------------------------------------------------------------------------------

    async def _call(self, actor: Actor, hook: str, wanted: HookRequest, key: str) -> HookCall:
        """The stored call of this key, new or known."""
        digest = _digest(hook, wanted)
        async with self._store.transaction() as tx:
            known = await hook_store.by_key(tx, actor.name, key)
            if known is not None:
                return _same(known, digest)
            if hook in _WRITES:
                await self._freeze.refuse(tx, _WRITES[hook])
            line, device = await self._target(tx, hook, wanted)
            now = self._clock()
            devices = [device.key] if device is not None else []
            await self.limits.check(tx, hook, line.id, wanted.ticket, devices, now)
            deadline_s = wanted.deadline_s or self._config.deadline_s
            call = HookCall(
                new_id(), actor.name, key, hook, digest, wanted.to_json(), line.id,
                device.key if device is not None else None, wanted.ticket, now, now + timedelta(seconds=deadline_s),
            )  # fmt: skip
            if not await hook_store.add(tx, call):
                known = await hook_store.by_key(tx, actor.name, key)
                if known is None:  # a namesake's for lines out of reach: a token that was revoked, a line that moved
                    raise Conflict(
                        "Idempotency-Key: it was used for a call that you may not see; "
                        "a new question needs a key of its own"
                    )
                return _same(known, digest)
            after: dict[str, Json] = {
                "call": call.id,
                "idempotency_key": key,
                "ticket": wanted.ticket,
                "reason": wanted.reason,
            }
            await audit.note(tx, actor, f"hook.{hook.replace('-', '_')}", f"line:{line.id}", now, after=after)
        log.info("hook.called", hook=hook, line=line.id, call=call.id)
        return call

    async def _target(self, tx: Transaction, hook: str, wanted: HookRequest) -> tuple[LineRecord, DeviceRecord | None]:
        line = await known_line(tx, await self._line_named(tx, wanted))
        if hook in (TEST, IS_IT_FIXED):
            return line, None
        devices = await line_store.devices_on(tx, line.id)
        if wanted.device is not None:
            found = next((each for each in devices if each.key == wanted.device), None)
            if found is None:
                raise NotFound(f"device {wanted.device[:120]!r} is not on line {line.id}; leave it out, or mend it")
            return line, found
        if not devices:
            raise Conflict(f"line {line.id} has no CPE yet; name its serial or login there, and wait for its Inform")
        gateways = [each for each in devices if not self._is_stb(each)]
        if len(gateways) != 1:
            shown = ", ".join(each.key for each in devices[:5]) or "none"
            raise Conflict(f"line {line.id} has {len(gateways)} CPEs that could be meant ({shown}); name the device")
        return line, gateways[0]

    async def _line_named(self, tx: Transaction, wanted: HookRequest) -> str:
        if wanted.line is not None:
            return wanted.line
        if wanted.ticket is None:
            raise InvalidInput("name the line, or a ticket that was handed in")
        ticket = await ticket_store.get(tx, wanted.ticket)
        if ticket is None or ticket.line is None:
            raise NotFound(f"ticket {wanted.ticket[:80]!r} is not known with a line; name the line")
        return ticket.line

    def _is_stb(self, device: DeviceRecord) -> bool:
        profile = profile_of(self._profiles, device, sorted(device.known_values()))
        return profile is not None and profile.kind == "stb"

    # --- what is begun for it ----------------------------------------------------------------------------------------

    async def _begun(self, actor: Actor, call: HookCall, wanted: HookRequest) -> HookCall:
        """The call with what it began; a call that could begin nothing is forgotten, so that its key is free.

        Where the store failed nobody knows what began: the call keeps its key, and its repetition takes it up.
        """
        if call.line_test is not None or call.operations:
            return call
        try:
            if call.hook in (TEST, IS_IT_FIXED):
                return await self._test(actor, call, wanted)
            return await self._operate(actor, call, wanted)
        except StoreError:
            raise
        except AcsError:
            async with self._store.transaction() as tx:
                stored = await hook_store.get(tx, call.id)
                if stored is not None and not await _began(tx, stored):
                    await hook_store.forget(tx, call.id)
            raise

    async def _test(self, actor: Actor, call: HookCall, wanted: HookRequest) -> HookCall:
        priority = Priority.OPERATOR if actor.person or actor.kind == "local" else Priority.TICKET
        self._tests.refuse_when_full(priority)
        service = wanted.service or await self._service(call)
        plan = self._tests.plan(
            actor, call.line, depth=wanted.depth, ticket=call.ticket, service=service,
            deadline_s=wanted.deadline_s,
        )  # fmt: skip
        try:
            async with self._tests.door(actor, priority) as door, self._store.transaction(first=True) as tx:
                stored = await hook_store.get(tx, call.id)
                if stored is not None and stored.line_test is not None:
                    raise _BegunMeanwhile(stored)
                # a test that began before the question was asked does not say whether it is fixed now
                test = await door.test_for(tx, plan, join=call.hook != IS_IT_FIXED)
                begun = await hook_store.begin_test(tx, call, test.id)
                if begun is None:
                    raise _BegunMeanwhile(await hook_store.get(tx, call.id) or call)
                return begun
        except _BegunMeanwhile as meanwhile:
            return meanwhile.call

    async def _service(self, call: HookCall) -> str | None:
        """The service that the ticket is about; for "is it fixed?" otherwise that of the test before."""
        async with self._store.reading() as tx:
            before = await self._before(tx, call) if call.hook == IS_IT_FIXED else None
            return await tested_service(tx, call.ticket, before.id if before is not None else None)

    async def _operate(self, actor: Actor, call: HookCall, wanted: HookRequest) -> HookCall:
        assert call.device is not None
        left_s = max(1.0, (call.deadline_at - self._clock()).total_seconds())
        asked = [
            await self._operations.request(
                actor,
                call.device,
                kind,
                arguments,
                deadline_s=left_s,
                reason=wanted.reason or f"hook {call.hook}",
                ticket=call.ticket,
                idempotency_key=_operation_key(call, n),
            )
            for n, (kind, arguments) in enumerate(await self._steps(call, wanted))
        ]
        async with self._store.transaction() as tx:
            return await hook_store.set_operations(tx, call, [each.id for each in asked])

    async def _steps(self, call: HookCall, wanted: HookRequest) -> list[tuple[str, dict[str, Json]]]:
        if call.hook == REBOOT:
            return [("reboot", {})]
        steps: list[tuple[str, dict[str, Json]]] = []
        if wanted.what in ("settings", "all"):
            steps += [("refresh", {}), ("provision", {})]
        if wanted.what in ("session", "all"):
            async with self._store.reading() as tx:
                tree = await tree_store.read(tx, call.device or "")
                line = await known_line(tx, call.line)
            known = {name: value for name, (value, _) in tree.values.items()} if tree is not None else {}
            steps.append(("set", {"values": dict(session_restart(known, line.pppoe_login))}))
        return steps

    # --- what became of it -------------------------------------------------------------------------------------------

    async def _wait(self, call: HookCall, until: float) -> None:
        for operation in call.operations:
            await self._operations.wait(operation, max(0.0, until - monotonic()))
        if call.line_test is None or monotonic() >= until:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(until - monotonic()):
                async for _ in self._tests.watch(system_actor("hooks"), call.line_test):
                    pass

    async def _view(self, call: HookCall) -> HookView:
        async with self._store.reading() as tx:
            found = [await operation_store.get(tx, each) for each in call.operations]
            test = await test_store.get(tx, call.line_test) if call.line_test is not None else None
            comparison = None
            if call.hook == IS_IT_FIXED and test is not None and test.state is LineTestState.DONE:
                before = await self._before(tx, call, test.id)
                comparison = await self._after_fix.compare(tx, call.line, before, test)
        operations = tuple(each for each in found if each is not None)
        state, detail = _standing(operations, test)
        return HookView(call, state, detail, operations, test, comparison)

    async def _before(self, tx: Transaction, call: HookCall, test: str | None = None) -> LineTestRecord | None:
        """The test that the ticket was opened with, or the last one that ended before this one began."""
        ticket = await ticket_store.get(tx, call.ticket) if call.ticket is not None else None
        if ticket is not None and ticket.line_test is not None and ticket.line_test != test:
            return await test_store.get(tx, ticket.line_test)
        states = (LineTestState.DONE,)
        found = await test_store.list_line_tests(tx, line=call.line, states=states, before=test, limit=1)
        return found[0] if found else None


class _BegunMeanwhile(Exception):
    """Another request with the same key began the test; the transaction is undone."""

    def __init__(self, call: HookCall) -> None:
        super().__init__(call.id)
        self.call = call


def _whose(actor: Actor) -> str | None:
    """Whose calls the actor may see: everybody's (None), or his own where he may call hooks and not read.

    Raises:
        Forbidden: none.
    """
    if not any(actor.may(needed) for needed in _NEEDS.values()):
        actor.require(Scope.READ)
    return None if actor.may(Scope.READ) else actor.name


def _operation_key(call: HookCall, n: int) -> str:
    return f"{OPERATION_KEY}{call.id}:{n}"


async def _began(tx: Transaction, call: HookCall) -> bool:
    """Whether something was begun for a call, noted on it or not."""
    if call.operations or call.line_test is not None:
        return True
    return await operation_store.by_idempotency_key(tx, call.actor, _operation_key(call, 0)) is not None


def _digest(hook: str, wanted: HookRequest) -> str:
    text = json.dumps([hook, wanted.to_json()], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _same(known: HookCall, digest: str) -> HookCall:
    if known.body_hash != digest:
        raise Conflict(
            f"Idempotency-Key: it was used for another body (call {known.id}, hook {known.hook}); "
            "a new question needs a key of its own"
        )
    return known


def _standing(operations: Sequence[OperationRecord], test: LineTestRecord | None) -> tuple[str, str]:
    """running, done or failed, and why it failed."""
    failed = [each for each in operations if each.state in FINAL_STATES and each.state is not OperationState.SUCCEEDED]
    if failed:
        return "failed", f"{failed[0].kind}: {failed[0].state.value}: {failed[0].detail}".rstrip(": ")
    if test is not None and test.state is LineTestState.FAILED:
        return "failed", test.detail
    over = all(each.state in FINAL_STATES for each in operations)
    if test is not None:
        over = over and test.state is LineTestState.DONE
    return ("done" if over and (operations or test is not None) else "running"), ""
