"""What happens with a ticket by itself: the check that its rule wants, the queue that its verdict names, a fix.

    ticket ─► check rule ─► line test ─► verdict ─► queue rule ─┬─► told to the ticket system with the verdict
                                                                └─► fix rule (off by default) ─► hook ─► re-test

The rule of this file: a decision is stored in the transaction of the verdict; a fix goes through the hooks, so that
every limit and the freeze hold, and it runs once per ticket, whatever breaks off in between; what has started anew
since it was tested is left alone.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from acs.config import CheckRule, TicketsSection
from acs.errors import AcsError, Frozen, StoreError
from acs.services.action_limits import REBOOT, RESYNC
from acs.services.actor import system_actor
from acs.services.clock import Clock
from acs.services.hooks import HookRequest, Hooks
from acs.services.reboot_history import BOOT_CODES
from acs.services.ticket_rules import TicketWords, check_rule, fix_rule, queue_of
from acs.services.tmf import TroubleTicket, service_of
from acs.store import devices as device_store
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import ticket_checks as check_store
from acs.store.records import Json
from acs.store.store import Store
from acs.store.ticket_checks import TicketCheck
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: seconds between two looks at fixes that are due
TICK_S = 2.0
#: a verdict that is older is no ground for an action any more
_FRESH = timedelta(hours=1)
#: who does what runs by itself, in the audit trail
ACTOR = "automatic"
#: advised action → the hook that does it, and what a resync puts right
_HOOKS: Mapping[str, tuple[str, str]] = {
    "reboot_cpe": (REBOOT, "settings"),
    "push_settings": (RESYNC, "settings"),
    "clear_session": (RESYNC, "session"),
}
#: what a ticket gets that no rule fits
USUAL = CheckRule(name="usual")


def words_of(ticket: TroubleTicket, source: str) -> TicketWords:
    """What the rules look at in a ticket."""
    affected = [each for each in ticket.related_entity if each.referred_type in ("Service", "Product")]
    products = [service_of(ticket) or "", *(each.id for each in affected), *(each.name for each in affected)]
    return TicketWords(
        ticket.ticket_type,
        tuple(each for each in products if each) or ("",),
        f"{ticket.name}\n{ticket.description}",
        source,
    )


class Automation:
    """Decides by the configured rules, and runs the fixes that may run by themselves."""

    def __init__(self, store: Store, config: TicketsSection, hooks: Hooks, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._hooks = hooks
        self._clock = clock
        self._zone = ZoneInfo(config.time_zone)

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"automatic fixes": (TICK_S, self.turn)} if self._config.automatic_fixes else {}

    def check_for(self, ticket: TroubleTicket, source: str, now: datetime) -> CheckRule:
        """The rule that decides whether and how a ticket is tested."""
        return check_rule(self._config.checks, words_of(ticket, source), now, self._zone) or USUAL

    async def decided(
        self, tx: Transaction, line_test: str, verdict: Mapping[str, Json] | None, now: datetime
    ) -> dict[str, dict[str, Json]]:
        """Decide about every ticket that waits for a test, in the transaction that ends it.

        Returns ticket → what its system is told besides the verdict. `verdict` None: the test failed.
        """
        told: dict[str, dict[str, Json]] = {}
        for check in await check_store.of_test(tx, line_test):
            decision = self._decision(check, verdict, now)
            await check_store.put(tx, decision)
            told[check.ticket] = {"queue": decision.queue or None, "automatic_fix": decision.fix or None}
        return told

    async def foreseen(self, tx: Transaction, line_test: str, verdict: Mapping[str, Json]) -> dict[str, str]:
        """Ticket → the queue that a verdict would put it into; nothing is decided yet."""
        return {
            check.ticket: queue_of(self._config.queues, verdict, check.ticket_type)[0]
            for check in await check_store.of_test(tx, line_test)
        }

    def _decision(self, check: TicketCheck, verdict: Mapping[str, Json] | None, now: datetime) -> TicketCheck:
        if verdict is None:
            return replace(check, queue=self._config.queue_without_verdict, queue_rule="no verdict", decided_at=now)
        queue, rule = queue_of(self._config.queues, verdict, check.ticket_type)
        fix = None
        if self._config.automatic_fixes:
            fix = fix_rule(self._config.fixes, verdict, now, self._zone)
        return replace(
            check, queue=queue, queue_rule=rule, decided_at=now, fix=f"{fix.name}:{fix.action}" if fix else ""
        )

    async def turn(self) -> int:
        """Run the fixes that are due, and return how many began."""
        async with self._store.reading() as tx:
            due = await check_store.fixes_due(tx)
            ran = await check_store.fixes_since(tx, self._clock() - timedelta(hours=1))
        begun = 0
        for check in due:
            if ran + begun >= self._config.fixes_per_hour:
                log.warning("automatic_fix.held", waiting=len(due) - begun, limit=self._config.fixes_per_hour)
                break
            begun += await self._fix(check)
        return begun

    async def _fix(self, check: TicketCheck) -> int:
        actor, key = system_actor(ACTOR), f"fix:{check.ticket}:{check.line_test}"[:200]
        # one that began is only noted: the start that it brought about says nothing against it
        if not await self._hooks.began(actor, key):
            if check.decided_at is not None and self._clock() - check.decided_at > _FRESH:
                why = "writes were frozen, or the server stood still, until its verdict was old"
                return await self._leave(check, why)
            if await self._started_since(check):
                return await self._leave(check, "a device of the line has started since it was tested: test it again")
        rule, _, action = check.fix.partition(":")
        hook, what = _HOOKS[action]
        reason = f"automatic fix by rule {rule}"
        wanted = HookRequest(line=check.line, ticket=check.ticket, reason=reason, what=what)
        try:
            view = await self._hooks.call(actor, hook, wanted, key, wait_s=0.0)
        except (Frozen, StoreError):
            return 0  # it stays due: the switch is taken off, or the store comes back
        except AcsError as error:
            return await self._leave(check, str(error))
        log.info("automatic_fix.begun", ticket=check.ticket, line=check.line, hook=hook, call=view.call.id)
        async with self._store.transaction() as tx:
            await check_store.fixed(tx, check.ticket, view.call.id, "begun")
        return 1

    async def _started_since(self, check: TicketCheck) -> bool:
        """Whether a device of the line told of a start that its test does not know of."""
        async with self._store.reading() as tx:
            test = await test_store.get(tx, check.line_test) if check.line_test is not None else None
            since = test.created_at if test is not None else check.at
            for device in await line_store.devices_on(tx, check.line):
                told = await device_store.list_events(tx, device.key, limit=1, codes=sorted(BOOT_CODES))
                if told and told[0].at > since:
                    return True
        return False

    async def _leave(self, check: TicketCheck, why: str) -> int:
        log.warning("automatic_fix.left_out", ticket=check.ticket, line=check.line, why=why)
        async with self._store.transaction() as tx:
            await check_store.fixed(tx, check.ticket, None, why[:1000])
        return 0
