"""The tables. Instants are whole microseconds since 1970, JSON is text, secrets are sealed bytes.

The rule of this file: what stands here is what the revisions in `migrations/` build, on SQLite and on PostgreSQL (a
test compares them); a column is added here and in a new revision in the same commit.
"""

from acs.store.schema.access import access_alarms, node_disagreements, node_endpoints, node_polls
from acs.store.schema.after_fix import checkup_runs, checkups, closures
from acs.store.schema.base import metadata
from acs.store.schema.bulk import bulk_reports
from acs.store.schema.connection_requests import (
    connection_requests,
    credential_rotations,
    lightweight_marks,
    stun_bindings,
    udp_orders,
)
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
from acs.store.schema.identity import alarms, device_quarantine, digest_nonces
from acs.store.schema.outages import (
    fall_rates,
    line_troubles,
    outage_cursors,
    outage_lines,
    outage_tickets,
    outages,
)
from acs.store.schema.packs import pack_activations, pack_approvals, pack_shadows, rule_packs, shadow_verdicts
from acs.store.schema.provisioning import (
    campaign_devices,
    campaigns,
    device_tags,
    file_transfers,
    files,
    provision_refusals,
    provision_states,
)
from acs.store.schema.rpcs import device_reports, model_abilities, operation_progress, operation_secrets

__all__ = [
    "access_alarms",
    "access_nodes",
    "alarms",
    "audit",
    "bulk_reports",
    "campaign_devices",
    "campaigns",
    "checkup_runs",
    "checkups",
    "closures",
    "connection_requests",
    "context_facts",
    "credential_rotations",
    "device_credentials",
    "device_quarantine",
    "device_reports",
    "device_tags",
    "device_trees",
    "devices",
    "digest_nonces",
    "events",
    "fall_rates",
    "file_transfers",
    "files",
    "incidents",
    "lightweight_marks",
    "line_serials",
    "line_tests",
    "line_troubles",
    "lines",
    "metadata",
    "model_abilities",
    "node_disagreements",
    "node_endpoints",
    "node_polls",
    "operation_progress",
    "operation_secrets",
    "operation_steps",
    "operations",
    "outage_cursors",
    "outage_lines",
    "outage_tickets",
    "outages",
    "pack_activations",
    "pack_approvals",
    "pack_shadows",
    "planned_works",
    "provision_refusals",
    "provision_states",
    "readings",
    "rule_packs",
    "scope_snapshots",
    "shadow_verdicts",
    "stun_bindings",
    "tickets",
    "tokens",
    "tree_schemas",
    "udp_orders",
    "webhook_deliveries",
]
