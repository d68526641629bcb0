"""The tables. Instants are whole microseconds since 1970, JSON is text, secrets are sealed bytes.

The rule of this file: what stands here is what the revisions in `migrations/` build, on SQLite and on PostgreSQL (a
test compares them); a column is added here and in a new revision in the same commit.
"""

from acs.store.schema.base import metadata
from acs.store.schema.core import (
    access_nodes,
    audit,
    context_facts,
    device_credentials,
    device_trees,
    devices,
    events,
    incidents,
    line_serials,
    line_tests,
    lines,
    operation_steps,
    operations,
    planned_works,
    readings,
    scope_snapshots,
    tickets,
    tokens,
    tree_schemas,
    webhook_deliveries,
)

__all__ = [
    "access_nodes",
    "audit",
    "context_facts",
    "device_credentials",
    "device_trees",
    "devices",
    "events",
    "incidents",
    "line_serials",
    "line_tests",
    "lines",
    "metadata",
    "operation_steps",
    "operations",
    "planned_works",
    "readings",
    "scope_snapshots",
    "tickets",
    "tokens",
    "tree_schemas",
    "webhook_deliveries",
]
