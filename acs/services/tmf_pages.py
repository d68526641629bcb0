"""What the TM Forum interfaces show: service tests and their specifications, service problems, alarms.

The rule of this file: whoever reads holds `read` and sees the lines of his right only; a filter that cannot be asked
of the store is refused, never passed over.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from acs.config import TmfSection
from acs.errors import InvalidInput, NotFound
from acs.services.actor import Actor, Scope
from acs.services.clock import in_utc
from acs.services.line_tests import LineTests
from acs.services.outages import Outages
from acs.services.packs import Packs
from acs.services.tmf import SERVICES, alarms, service_problems, service_tests
from acs.services.tmf.selection import matches
from acs.store import access as access_store
from acs.store import alarms as alarm_store
from acs.store import line_tests as test_store
from acs.store import outages as outage_store
from acs.store.line_tests import Span
from acs.store.records import LineTestRecord
from acs.store.store import Store

Filters = Sequence[tuple[str, str]]

#: names of our own jobs that test lines: nobody asked for these tests
_BACKGROUND = frozenset({"outages", "after-fix"})
#: the newest things of a kind that filters look at
WINDOW = 1_000
#: filter → column of line tests
_TEST_FILTERS: Mapping[str, str] = {
    "id": "id",
    "state": "state",
    "relatedService.id": "line",
    "testSpecification.id": "depth",
    "characteristic.ticketId": "ticket",
}
_TEST_INSTANTS: Mapping[str, str] = {"startDateTime": "created_at", "endDateTime": "finished_at"}
_STATES = {shown: state.value for state, shown in service_tests.STATES.items()}


@dataclass(frozen=True, slots=True)
class Page:
    """Things of one page and how many there are in all."""

    things: list[dict[str, Any]]
    total: int


class TmfPages:
    """Reading, and what a caller may start or say by TMF653 and TMF656."""

    def __init__(self, store: Store, config: TmfSection, line_tests: LineTests, outages: Outages, packs: Packs) -> None:
        self._store = store
        self._system = config.system
        self._public = config.public_url
        self._tests = line_tests
        self._outages = outages
        self._packs = packs

    def base(self, asked: str) -> str:
        """What addresses begin with: as configured, or as the caller asked."""
        return self._public or asked.rstrip("/")

    # --- TMF653 ------------------------------------------------------------------------------------------------------

    async def service_tests(self, actor: Actor, filters: Filters, offset: int, limit: int, base: str) -> Page:
        """Line tests, newest first.

        Raises:
            InvalidInput: a filter that is not known; the message says which there are.
        """
        actor.require(Scope.READ)
        conditions, spans = _asked_of_tests(filters)
        async with self._store.reading() as tx:
            found, total = await test_store.page(tx, conditions, spans, offset=offset, limit=limit)
        return Page([self._shown(one, base) for one in found], total)

    async def service_test(self, actor: Actor, id_: str, base: str) -> dict[str, Any]:
        """One line test.

        Raises:
            NotFound: no such test.
        """
        return self._shown(await self._tests.get(actor, id_), base)

    async def start_test(
        self, actor: Actor, line: str, depth: str, base: str, *, ticket: str | None, service: str | None
    ) -> dict[str, Any]:
        """Test a line; a test of it that runs already is joined.

        Raises:
            NotFound: no such line.
            InvalidInput: unknown specification.
            TooMany: too many tests wait already.
        """
        known = service if service in SERVICES else None
        record = await self._tests.start(actor, line, depth=depth, ticket=ticket, service=known)
        return self._shown(record, base)

    async def specifications(self, actor: Actor, filters: Filters, base: str) -> list[dict[str, Any]]:
        """What kinds of tests there are, with the version of the rule pack that decides."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            pack = await self._packs.deciding(tx, ())
        listed = service_tests.specifications(pack.ref.version, None, base)
        return [one for one in listed if matches(one, filters)]

    def _shown(self, test: LineTestRecord, base: str) -> dict[str, Any]:
        return service_tests.service_test(test, base, background=test.actor in _BACKGROUND)

    # --- TMF656 ------------------------------------------------------------------------------------------------------

    async def service_problems(self, actor: Actor, filters: Filters, offset: int, limit: int, base: str) -> Page:
        """The newest outages that pass the filters, with the tickets of each page."""
        found = await self._outages.find(actor, limit=WINDOW)
        shown = [(one, service_problems.service_problem(one, base, self._system)) for one in found]
        passed = [one for one, thing in shown if matches(thing, filters)]
        things = []
        async with self._store.reading() as tx:
            for one in passed[offset : offset + limit]:
                tickets = await outage_store.tickets_of(tx, one.id)
                things.append(service_problems.service_problem(one, base, self._system, tickets=tickets))
        return Page(things, len(passed))

    async def service_problem(self, actor: Actor, id_: str, base: str) -> dict[str, Any]:
        """One outage with its lines and tickets.

        Raises:
            NotFound: there is no such outage.
        """
        outage, lines, tickets = await self._outages.get(actor, id_)
        return service_problems.service_problem(outage, base, self._system, lines, tickets)

    async def change_problem(self, actor: Actor, id_: str, status: str, reason: str, base: str) -> dict[str, Any]:
        """A person or a system says what an outage is: inProgress confirms it, resolved and closed end it, cancelled
        and rejected say that it was none.

        Raises:
            NotFound: there is no such outage.
            Conflict: it is over, or no candidate.
            InvalidInput: another status.
        """
        if status == "inProgress":
            await self._outages.confirm(actor, id_, note=reason)
        elif status in ("resolved", "closed"):
            await self._outages.close(actor, id_, note=reason or status)
        elif status in ("cancelled", "rejected"):
            await self._outages.close(actor, id_, note=reason or status, dismiss=True)
        else:
            raise InvalidInput(
                f"status: {status[:40]!r} cannot be set; inProgress confirms a problem, resolved or closed end it, "
                "cancelled or rejected say that it was none"
            )
        return await self.service_problem(actor, id_, base)

    # --- TMF642 ------------------------------------------------------------------------------------------------------

    async def alarms(
        self, actor: Actor, filters: Filters, offset: int, limit: int, base: str, language: str = "en"
    ) -> Page:
        """The newest alarms of access nodes and of our own that pass the filters, with details in a language."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            ours = await alarm_store.list_alarms(tx, limit=WINDOW)
            theirs = await access_store.list_alarms(tx, limit=WINDOW)
        shown = [alarms.alarm_of(one, base, self._system, language) for one in ours]
        shown += [alarms.alarm_of_node(one, base, self._system, language) for one in theirs]
        passed = [one for one in shown if matches(one, filters)]
        passed.sort(key=lambda one: str(one["alarmRaisedTime"]), reverse=True)
        return Page(passed[offset : offset + limit], len(passed))

    async def alarm(self, actor: Actor, number: int, base: str, language: str = "en") -> dict[str, Any]:
        """One alarm by its number, with details in a language.

        Raises:
            NotFound: there is none.
        """
        actor.require(Scope.READ)
        prefix = alarms.id_prefix(number)
        async with self._store.reading() as tx:
            if prefix is None:
                node = await access_store.alarm(tx, number)
                if node is not None:
                    return alarms.alarm_of_node(node, base, self._system, language)
            elif (ours := await alarm_store.by_prefix(tx, prefix)) is not None:
                return alarms.alarm_of(ours, base, self._system, language)
        raise NotFound(f"there is no alarm {number}")


def _asked_of_tests(filters: Filters) -> tuple[dict[str, list[str]], list[Span]]:
    conditions: dict[str, list[str]] = {}
    spans = []
    for name, value in filters:
        member, _, operator = name.rpartition(".")
        if name in _TEST_FILTERS:
            values = [_STATES.get(one, one) for one in value.split(",")] if name == "state" else value.split(",")
            conditions.setdefault(_TEST_FILTERS[name], []).extend(values)
        elif member in _TEST_INSTANTS and operator in ("gt", "gte", "lt", "lte"):
            spans.append(Span(_TEST_INSTANTS[member], operator, _instant(name, value)))
        else:
            known = ", ".join((*_TEST_FILTERS, "startDateTime.gte, .gt, .lt, .lte and the same of endDateTime"))
            raise InvalidInput(f"{name[:80]}: service tests are not filtered by that; there are {known}")
    return conditions, spans


def _instant(name: str, value: str) -> datetime:
    try:
        return in_utc(datetime.fromisoformat(value.replace(" ", "+")))
    except ValueError as error:
        raise InvalidInput(f"{name}: {value[:60]!r} is no instant: {error}") from error
