"""What is thrown away, and after how long. The worker calls `prune` now and then; each call takes a bounded bite.

The rule of this file: a bite deletes at most `chunk` rows per table, so that sessions never wait long for it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, and_, delete, exists, or_, select, tuple_

from acs.store import audit
from acs.store.deliveries import DeliveryState
from acs.store.instants import micros
from acs.store.records import FINAL_STATES, LineTestState
from acs.store.schema import (
    bulk_reports,
    checkups,
    context_facts,
    deliveries,
    device_reports,
    device_trees,
    events,
    line_tests,
    operations,
    ticket_states,
    tickets,
    tokens,
    tree_schemas,
)
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Ages:
    """How long each thing is kept, in days. None keeps it for ever."""

    events_d: float | None = 90
    bulk_reports_d: float | None = 30
    audit_d: float | None = 730
    #: finished operations with their steps
    operations_d: float | None = 180
    #: and what was known before actions, with the tests that followed
    line_tests_d: float | None = 365
    tickets_d: float | None = 365
    #: delivered or given up
    deliveries_d: float | None = 30
    #: tokens and sessions that are good no more, since they ended
    tokens_d: float | None = 90
    #: facts of other systems that were not told again
    context_facts_d: float | None = 365


@dataclass(frozen=True, slots=True)
class Pruned:
    """Table → rows that one bite deleted. `more`: a table was not finished; call again soon."""

    rows: dict[str, int]
    more: bool


async def prune(tx: Transaction, now: datetime, ages: Ages, *, chunk: int = 2000) -> Pruned:
    """Delete what is older than its age, at most `chunk` rows per table, and parameter names that no device has."""
    deleted: dict[str, int] = {}
    for table, days, old in _old(now, ages):
        if days is not None:
            deleted[table.name] = await _delete_some(tx, table, old, chunk)
    if ages.audit_d is not None:
        deleted["audit"] = await audit.prune(tx, now - timedelta(days=ages.audit_d), chunk=chunk)
    unused = ~exists().where(device_trees.c.schema_id == tree_schemas.c.id)
    deleted[tree_schemas.name] = await _delete_some(tx, tree_schemas, unused, chunk)
    return Pruned(deleted, more=any(count >= chunk for count in deleted.values()))


def _old(now: datetime, ages: Ages) -> list[tuple[Table, float | None, ColumnElement[bool]]]:
    def before(days: float | None) -> int:
        return micros(now - timedelta(days=days or 0))

    finished = [state.value for state in FINAL_STATES]
    return [
        (events, ages.events_d, events.c.at < before(ages.events_d)),
        (device_reports, ages.events_d, device_reports.c.at < before(ages.events_d)),
        (bulk_reports, ages.bulk_reports_d, bulk_reports.c.at < before(ages.bulk_reports_d)),
        (
            operations,
            ages.operations_d,
            and_(operations.c.state.in_(finished), operations.c.finished_at < before(ages.operations_d)),
        ),
        (
            line_tests,
            ages.line_tests_d,
            and_(
                line_tests.c.state != LineTestState.RUNNING.value,
                line_tests.c.created_at < before(ages.line_tests_d),
            ),
        ),
        (checkups, ages.line_tests_d, checkups.c.at < before(ages.line_tests_d)),
        (tickets, ages.tickets_d, tickets.c.received_at < before(ages.tickets_d)),
        (
            deliveries,
            ages.deliveries_d,
            and_(
                deliveries.c.state != DeliveryState.PENDING.value,
                deliveries.c.created_at < before(ages.deliveries_d),
            ),
        ),
        (ticket_states, ages.tickets_d, ticket_states.c.changed_at < before(ages.tickets_d)),
        (
            tokens,
            ages.tokens_d,
            or_(tokens.c.expires_at < before(ages.tokens_d), tokens.c.revoked_at < before(ages.tokens_d)),
        ),
        (context_facts, ages.context_facts_d, context_facts.c.at < before(ages.context_facts_d)),
    ]


async def _delete_some(tx: Transaction, table: Table, old: ColumnElement[bool], chunk: int) -> int:
    key = list(table.primary_key)
    some = select(*key).where(old).order_by(*key).limit(chunk)
    return await tx.run(delete(table).where(tuple_(*key).in_(some) if len(key) > 1 else key[0].in_(some)))
