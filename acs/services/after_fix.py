"""After the fix: what was known before an action, and tests of the line +5 min, +1 h, +24 h and +72 h after it.

    action asked for ─► before (from the store, in the same transaction) ─► waiting ─(done)─► watching ─► held
                                                                        └─(did not happen)─► void  ├─► not_fixed
                                                                                                   └─► fell_back

An action that follows another on the line ends the checkup of the one before: what is seen from then on is its own.

The rule of this file: nothing holds up the action; what was there before it is on disk before it leaves; a line that
falls back is told to the ticket system, which opens the ticket again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import structlog

from acs.config import AfterFixSection
from acs.errors import AcsError, InvalidInput, NotFound, StoreError
from acs.profiles.schema import Profile
from acs.services import audit
from acs.services.actor import Actor, Scope, system_actor
from acs.services.cases import AFTER_FIX, LIGHT, load_case
from acs.services.clock import Clock
from acs.services.deliveries import Deliveries
from acs.services.identifiers import new_id
from acs.services.line_tests import LineTests
from acs.services.lines import known_line
from acs.services.packs import Packs
from acs.services.sources import stored_facts
from acs.services.tested_service import tested_service
from acs.services.usual_levels import UsualLevels
from acs.store import after_fix as fix_store
from acs.store import devices as device_store
from acs.store import line_tests as test_store
from acs.store import operations as operation_store
from acs.store.after_fix import Checkup, CheckupRun
from acs.store.records import FINAL_STATES, Json, LineTestRecord, LineTestState, OperationRecord, OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.facts import Quality, Scalar
from probes.linetest.after_fix import (
    BROKEN,
    FIXED,
    SUPERSEDED,
    UNKNOWN,
    WELL,
    Change,
    Said,
    changes,
    may_close,
    next_state,
    outcome,
    post_check,
    was_well,
)

log = structlog.get_logger()

#: a test that ended so lately is what was known before an action
_FRESH = timedelta(hours=1)
#: and one that ended so lately, where something is known to have been done since
_LATELY = timedelta(days=3)
#: states of what did not happen, and of what nobody looks at afterwards
_NOT_COUNTED = ("void", "kept")
#: what rules do to devices on any day, and what puts the settings right for a ticket
_OF_RULES = "provision"
#: facts of the engine's own book-keeping
_OWN = "probe."


@dataclass(frozen=True, slots=True)
class CheckupView:
    """A checkup with its runs, and what changed at each."""

    checkup: Checkup
    runs: tuple[CheckupRun, ...]
    table: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A test held against one before it. `outcome`: fixed, same, other or unknown."""

    outcome: str
    table: tuple[Change, ...]


class AfterFix:
    """Use cases on what follows an action, and the worker's job for them."""

    def __init__(
        self,
        store: Store,
        config: AfterFixSection,
        line_tests: LineTests,
        packs: Packs,
        deliveries: Deliveries,
        profiles: Sequence[Profile],
        clock: Clock,
    ) -> None:
        self._store = store
        self._config = config
        self._tests = line_tests
        self._packs = packs
        self._deliveries = deliveries
        self._profiles = profiles
        self._clock = clock
        self._usual = UsualLevels(LIGHT)

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"after fix": (self._config.tick_s, self.turn)} if self._config.enabled else {}

    async def before_action(self, tx: Transaction, operation: OperationRecord) -> None:
        """Keep what is known of the line before an operation leaves, in the transaction that queues it.

        Tested afterwards are operations that came with a ticket, and those on a line that was tested within the hour or
        is looked at already, whose ticket they take over; settings that our rules put right only with a ticket.
        """
        if not self._config.enabled or operation.kind not in (_OF_RULES, *self._config.kinds):
            return
        device = await device_store.get(tx, operation.device)
        if device is None or device.line is None:
            return
        line, now = device.line, operation.created_at
        earlier = await _under_way(tx, line)
        tested = await fix_store.last_test(tx, line, now - (_LATELY if earlier else _FRESH))
        ticket = operation.ticket or next((one.ticket for one, _ in earlier if one.ticket), None)
        of_rules = operation.kind == _OF_RULES and operation.kind not in self._config.kinds
        asked = operation.ticket if of_rules else ticket or tested or earlier
        await self._begin(
            tx,
            line,
            operation.kind,
            operation.actor,
            tested,
            operation=operation.id,
            ticket=ticket if asked else operation.ticket,
            state="waiting" if asked else "kept",
        )

    async def begin(self, actor: Actor, line: str, action: str, *, ticket: str | None = None) -> CheckupView:
        """Something was done on a line by hand (a visit, a bend made good): look at it afterwards.

        Raises:
            NotFound: no such line.
            InvalidInput: no action.
        """
        actor.require(Scope.TEST)
        if not action.strip():
            raise InvalidInput("action: say what was done, such as visit or drop replaced")
        now = self._clock()
        async with self._store.transaction() as tx:
            await known_line(tx, line)
            tested = await fix_store.last_test(tx, line, now - _LATELY)
            ticket = ticket or next((one.ticket for one, _ in await _under_way(tx, line) if one.ticket), None)
            checkup = await self._begin(tx, line, action, actor.name, tested, ticket=ticket, state="watching")
            await _supersede(tx, checkup, now)
            await fix_store.put_runs(tx, self._runs(checkup.id, now))
            await audit.note(tx, actor, "checkup.begun", f"line:{line}", now, after={"action": action})
        return await self.get(actor, checkup.id)

    async def _begin(
        self,
        tx: Transaction,
        line: str,
        action: str,
        actor: str,
        tested: str | None,
        *,
        state: str,
        operation: str | None = None,
        ticket: str | None = None,
    ) -> Checkup:
        now = self._clock()
        checkup = Checkup(
            id=new_id(),
            line=line,
            action=action,
            actor=actor,
            at=now,
            state=state,
            changed_at=now,
            operation=operation,
            ticket=ticket,
            before_test=tested,
            before=await self._known(tx, line, tested, now),
        )
        await fix_store.add(tx, checkup)
        return checkup

    async def _known(self, tx: Transaction, line: str, tested: str | None, now: datetime) -> Json:
        """What is known, or nothing where it cannot be read: no action is refused for that."""
        try:
            return await self._known_before(tx, line, tested, now)
        except StoreError:
            raise  # the transaction of the action is gone with it
        except Exception:  # what was stored long ago may be in any form
            log.exception("after_fix.no_snapshot", line=line)
            return {}

    async def _known_before(self, tx: Transaction, line: str, tested: str | None, now: datetime) -> Json:
        """Every fact that is known without a question: of the last test, then what is younger in the store."""
        test = await test_store.get(tx, tested) if tested is not None else None
        facts = facts_of(test)
        blank = LineTestRecord(new_id(), line, LineTestState.RUNNING, now, now, "before-fix")
        case = await load_case(tx, blank, self._profiles, now, self._usual)
        since = test.finished_at if test is not None else None
        for fact in stored_facts(case):
            if fact.value is None or fact.quality is not Quality.OK:
                continue
            if since is None or fact.at > since or fact.name not in facts:
                facts[fact.name] = fact.value
        return dict(facts)

    def _runs(self, checkup: str, done_at: datetime) -> list[CheckupRun]:
        due = (done_at + timedelta(hours=hours) for hours in sorted(self._config.at_hours))
        return [CheckupRun(checkup, n, at) for n, at in enumerate(due, 1)]

    # --- the worker's turn -------------------------------------------------------------------------------------------

    async def turn(self) -> None:
        """Begin what waited for its action, test what is due, judge what was tested."""
        now = self._clock()
        await self._actions_done(now)
        async with self._store.reading() as tx:
            due = await fix_store.due_runs(tx, now)
        for run in due:
            if run.line_test is None:
                if not await self._test(run):
                    return
            else:
                await self._judge(run, now)

    async def _actions_done(self, now: datetime) -> None:
        async with self._store.reading() as tx:
            waiting = await fix_store.find(tx, states=("waiting",))
        for checkup in waiting:
            async with self._store.transaction() as tx:
                operation = await operation_store.get(tx, checkup.operation or "")
                if operation is not None and operation.state not in FINAL_STATES:
                    continue
                done = operation is not None and operation.state is OperationState.SUCCEEDED
                if not done or operation is None:
                    await fix_store.change(tx, checkup.id, "void", now)
                    continue
                at = operation.finished_at or now
                await fix_store.change(tx, checkup.id, "watching", now, at=at)
                await _supersede(tx, checkup, now)
                await fix_store.put_runs(tx, self._runs(checkup.id, at))

    async def _test(self, run: CheckupRun) -> bool:
        """Begin the test of a run; False while there is no room for it."""
        async with self._store.reading() as tx:
            checkup = await fix_store.get(tx, run.checkup)
            service = await tested_service(tx, checkup.ticket, checkup.before_test) if checkup is not None else None
        if checkup is None:
            return True
        try:
            test = await self._tests.start(system_actor(AFTER_FIX), checkup.line, service=service)
        except NotFound:
            return True
        except AcsError as error:
            log.info("after_fix.postponed", line=checkup.line, why=str(error))
            return False
        async with self._store.transaction() as tx:
            await fix_store.put_runs(tx, [replace(run, line_test=test.id)])
        return True

    async def _judge(self, run: CheckupRun, now: datetime) -> None:
        async with self._store.transaction() as tx:
            test = await test_store.get(tx, run.line_test or "")
            checkup = await fix_store.get(tx, run.checkup)
            if checkup is None or (test is not None and test.state is LineTestState.RUNNING):
                return
            runs = (await fix_store.runs_of(tx, [checkup.id]))[checkup.id]
            said = await self._outcome(tx, checkup, test)
            await fix_store.put_runs(tx, [replace(run, done_at=now, outcome=said, after=dict(facts_of(test)))])
            earlier = [one.outcome for one in runs if one.n < run.n]
            state = next_state(earlier, said, last=run.n == len(runs))
            if state != checkup.state:
                await fix_store.change(tx, checkup.id, state, now)
            if state in ("fell_back", "not_fixed") and state != checkup.state:
                await self._tell(tx, checkup, state, run, test, now)
            elif said == FIXED and FIXED not in earlier and checkup.ticket is not None:
                await self._tell(tx, checkup, FIXED, run, test, now)
        self._deliveries.wake()
        if said in BROKEN:
            log.warning(
                "after_fix.failed", state=state, line=checkup.line, action=checkup.action, run=run.n, outcome=said
            )

    async def _outcome(self, tx: Transaction, checkup: Checkup, test: LineTestRecord | None) -> str:
        before = await test_store.get(tx, checkup.before_test) if checkup.before_test else None
        done = await operation_store.get(tx, checkup.operation) if checkup.operation else None
        since = checkup.at if done is None or done.sent_at is None else done.sent_at
        said = (await self.compare(tx, checkup.line, before, test, since)).outcome
        return WELL if said == FIXED and was_well(said_of(before)) else said

    async def compare(
        self,
        tx: Transaction,
        line_id: str,
        before: LineTestRecord | None,
        test: LineTestRecord | None,
        since: datetime | None = None,
    ) -> Comparison:
        """What a test of a line says against one before it: fixed, same, other or unknown, and what changed.

        A post-check is answered by what was measured after `since`, without it by what is younger than the test before.
        A cause of one service alone, such as television, is not called fixed without its post-check.
        """
        if test is None or test.state is LineTestState.FAILED:
            return Comparison(UNKNOWN, ())
        said = said_of(before)
        line = await known_line(tx, line_id)
        pack = await self._packs.deciding(tx, line.scopes())
        cause = pack.file.cause.get(said.cause)
        since = since if since is not None or before is None else before.finished_at
        check = post_check(cause.post_check, facts_of(test, since)) if cause is not None else None
        must = cause is not None and bool(cause.services) and cause.post_check is not None
        table = changes(facts_of(before), facts_of(test)) if before is not None else []
        return Comparison(outcome(said, said_of(test), check, must_check=must), tuple(table))

    async def _tell(
        self, tx: Transaction, checkup: Checkup, state: str, run: CheckupRun, test: LineTestRecord | None, now: datetime
    ) -> None:
        """The ticket system hears whether it helped; `reopen` where not, `close` where that may end the ticket."""
        table = changes(_values(checkup.before), facts_of(test))
        verdict = test.verdict if test is not None and isinstance(test.verdict, dict) else None
        of_ticket, fixed = checkup.ticket is not None, state == FIXED
        body: dict[str, Json] = {
            "ticket": checkup.ticket,
            "line": checkup.line,
            "checkup": checkup.id,
            "action": checkup.action,
            "run": run.n,
            "line_test": run.line_test,
            "reopen": of_ticket and not fixed,
            "close": of_ticket and fixed and may_close(verdict or {}),
            "changes": [asdict(one) for one in table],
            "verdict": verdict,
        }
        await self._deliveries.enqueue(tx, f"after_fix.{state}", body, now)

    # --- looking -----------------------------------------------------------------------------------------------------

    async def get(self, actor: Actor, id_: str) -> CheckupView:
        """A checkup with its runs and the table of before and after.

        Raises:
            NotFound: there is no such checkup.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            checkup = await fix_store.get(tx, id_)
            if checkup is None:
                raise NotFound(f"there is no checkup {id_[:80]!r}; `secondline report after-fix` shows them")
            runs = (await fix_store.runs_of(tx, [id_]))[id_]
        return view_of(checkup, runs)

    async def find(
        self, actor: Actor, *, line: str | None = None, ticket: str | None = None, limit: int = 100, after: str = ""
    ) -> list[CheckupView]:
        """Checkups, the newest first; `after` is the last id of the page before."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            found = await fix_store.find(tx, line=line, ticket=ticket, limit=limit, before=after)
            runs = await fix_store.runs_of(tx, [one.id for one in found])
        return [view_of(one, runs[one.id]) for one in found]

    async def rates(self, actor: Actor, since: datetime) -> dict[str, dict[str, Json]]:
        """Action → how often it helped at each time after it: the rate of what a reboot mends, above all."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            found = await fix_store.find(tx, since=since, limit=100_000)
            runs = await fix_store.runs_of(tx, [one.id for one in found])
        return fix_rates([view_of(one, runs[one.id]) for one in found], sorted(self._config.at_hours))


async def _under_way(tx: Transaction, line: str) -> list[tuple[Checkup, list[CheckupRun]]]:
    """Checkups of a line whose tests are not all done, the newest first, with the tests that are left."""
    found = await fix_store.find(tx, states=fix_store.UNDER_WAY, line=line)
    runs = await fix_store.runs_of(tx, [one.id for one in found])
    left = [(one, [run for run in runs[one.id] if run.done_at is None]) for one in found]
    return [each for each in left if each[1]]


async def _supersede(tx: Transaction, by: Checkup, now: datetime) -> None:
    """End the checkups of earlier actions on the line: what its tests show from now on is not theirs."""
    for one, left in await _under_way(tx, by.line):
        if one.id >= by.id:
            continue
        await fix_store.put_runs(tx, [replace(run, done_at=now, outcome=SUPERSEDED) for run in left])
        if one.state == "watching":
            await fix_store.change(tx, one.id, SUPERSEDED, now)


def view_of(checkup: Checkup, runs: Sequence[CheckupRun]) -> CheckupView:
    """A checkup with what changed until its last finished run."""
    done = [run for run in runs if run.done_at is not None and run.outcome != SUPERSEDED]
    table = changes(_values(checkup.before), _values(done[-1].after)) if done else []
    return CheckupView(checkup, tuple(runs), tuple(table))


def fix_rates(views: Sequence[CheckupView], hours: Sequence[float]) -> dict[str, dict[str, Json]]:
    """Action → done, and for each time after it how many were fixed of those of which it is known.

    A line that was well before is none of them: there was nothing to fix. One that was broken when another action
    followed was not fixed by this one at any later time.
    """
    found: dict[str, dict[str, Json]] = {}
    counted = [view for view in views if view.checkup.state not in _NOT_COUNTED]
    for action in sorted({view.checkup.action for view in counted}):
        ours = [view for view in counted if view.checkup.action == action]
        rows: list[Json] = []
        for n, after in enumerate(hours, 1):
            known = [said for view in ours if (said := _said_at(view.runs, n)) in (FIXED, *BROKEN)]
            rows.append({"after_h": round(after, 3), "fixed": known.count(FIXED), "known": len(known)})
        held = sum(view.checkup.state == "held" for view in ours)
        fell = sum(view.checkup.state == "fell_back" for view in ours)
        found[action] = {"done": len(ours), "held": held, "fell_back": fell, "after": rows}
    return found


def _said_at(runs: Sequence[CheckupRun], n: int) -> str:
    """What the n-th test said, or where another action came before it, that the line was broken until then."""
    done = [run.outcome for run in runs if run.n <= n and run.done_at is not None]
    if len(done) < n:
        return ""
    told = [said for said in done if said != SUPERSEDED]
    left_broken = done[-1] == SUPERSEDED and told and told[-1] in BROKEN
    return told[-1] if left_broken else done[-1]


def facts_of(test: LineTestRecord | None, since: datetime | None = None) -> dict[str, Scalar]:
    """name → value of what a test measured and could read, `since` then; its own book-keeping is left out."""
    stored = test.facts if test is not None and isinstance(test.facts, dict) else {}
    listed = stored.get("facts")
    found: dict[str, Scalar] = {}
    for one in listed if isinstance(listed, list) else []:
        if not isinstance(one, dict) or one.get("quality") != Quality.OK.value:
            continue
        name, value = str(one.get("name")), one.get("value")
        if since is not None and (at := one.get("at")) is not None and datetime.fromisoformat(str(at)) < since:
            continue
        if isinstance(value, bool | int | float | str) and not name.startswith(_OWN):
            found[name] = value
    return found


def said_of(test: LineTestRecord | None) -> Said:
    """What a test said, in short."""
    verdict = test.verdict if test is not None and isinstance(test.verdict, dict) else {}
    return Said(str(verdict.get("verdict", "")), str(verdict.get("cause", "")))


def _values(stored: Json) -> Mapping[str, Scalar]:
    if not isinstance(stored, dict):
        return {}
    return {name: value for name, value in stored.items() if isinstance(value, bool | int | float | str)}
