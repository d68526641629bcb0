"""Lines, devices, operations, facts, line tests, tickets, tokens, audit."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from acs.store.schema.base import SERIAL, instant, metadata, text_column

lines = Table(
    "lines",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("technology"),
    text_column("address"),
    text_column("node"),
    Column("frame", Integer),
    Column("slot", Integer),
    Column("port", Integer),
    text_column("splitter"),
    Column("ont", Integer),
    text_column("gpon_serial"),
    text_column("account"),
    text_column("services"),
    text_column("pppoe_login"),
    Column("cable_length_m", Float(53)),
    text_column("device_serials"),
    instant("updated_at"),
    Index("ix_lines_place", "node", "frame", "slot", "port"),
    Index("ix_lines_pppoe_login", "pppoe_login"),
    Index("ix_lines_account", "account"),
)

line_serials = Table(
    "line_serials",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_line_serials_line", "line"),
    sqlite_with_rowid=False,
)

devices = Table(
    "devices",
    metadata,
    Column("key", Text, primary_key=True),
    text_column("manufacturer"),
    text_column("oui"),
    text_column("product_class"),
    text_column("serial_number"),
    text_column("root"),
    text_column("software_version"),
    text_column("hardware_version"),
    text_column("connection_request_url"),
    text_column("address"),
    text_column("namespace"),
    instant("first_seen_at"),
    instant("last_inform_at"),
    instant("last_boot_at", null=True),
    Column("uptime_s", BigInteger),
    instant("uptime_at", null=True),
    Column("line", Text, ForeignKey("lines.id", ondelete="SET NULL")),
    text_column("inform_json"),
    # What tells a repeated Inform from a new one.
    text_column("last_session_id"),
    Column("last_events", BigInteger, nullable=False),
    Column("last_retry_count", Integer, nullable=False),
    instant("last_current_time", null=True),
    Column("last_values", BigInteger, nullable=False),
    # The stored form of a session that may come back on another connection.
    text_column("stored_session_id", null=True),
    Column("stored_session", LargeBinary),
    instant("stored_session_at", null=True),
    Index("ix_devices_serial_number", "serial_number"),
    Index("ix_devices_line", "line"),
    Index(
        "ix_devices_stored_session_id",
        "stored_session_id",
        sqlite_where=text("stored_session_id IS NOT NULL"),
        postgresql_where=text("stored_session_id IS NOT NULL"),
    ),
    postgresql_with={"fillfactor": "70"},
)

device_credentials = Table(
    "device_credentials",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    text_column("username"),
    Column("sealed_secret", LargeBinary, nullable=False),
    instant("updated_at"),
    Index("ix_device_credentials_username", "kind", "username"),
)

tree_schemas = Table(
    "tree_schemas",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

device_trees = Table(
    "device_trees",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    Column("schema_id", LargeBinary, ForeignKey("tree_schemas.id"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    instant("read_at"),
    # See `acs/store/tree_secrets.py`; NULL: an older release wrote the row.
    Column("sealed", LargeBinary),
    Index("ix_device_trees_schema_id", "schema_id"),
    Index(
        "ix_device_trees_unsealed",
        "device",
        sqlite_where=text("sealed IS NULL"),
        postgresql_where=text("sealed IS NULL"),
    ),
)

events = Table(
    "events",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    text_column("device"),
    instant("at"),
    text_column("session_id"),
    text_column("code"),
    text_column("command_key"),
    Index("ix_events_device_id", "device", "id"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), nullable=False),
    text_column("kind"),
    text_column("arguments"),
    text_column("state"),
    text_column("command_key"),
    instant("created_at"),
    instant("deadline_at"),
    text_column("actor"),
    text_column("reason"),
    text_column("ticket", null=True),
    text_column("idempotency_key", null=True),
    instant("sent_at", null=True),
    instant("answered_at", null=True),
    instant("finished_at", null=True),
    Column("attempts", Integer, nullable=False),
    Column("fault_code", Integer),
    text_column("fault_string", null=True),
    text_column("result", null=True),
    text_column("detail"),
    Column("steps", Integer, nullable=False),
    Index("uq_operations_command_key", "command_key", unique=True),
    Index("uq_operations_actor_idempotency_key", "actor", "idempotency_key", unique=True),
    Index("ix_operations_device_id", "device", "id"),
    Index(
        "ix_operations_due",
        "device",
        sqlite_where=text("state IN ('queued', 'sent', 'unknown')"),
        postgresql_where=text("state IN ('queued', 'sent', 'unknown')"),
    ),
    Index(
        "ix_operations_deadline_at",
        "deadline_at",
        sqlite_where=text("state IN ('queued', 'sent', 'unknown')"),
        postgresql_where=text("state IN ('queued', 'sent', 'unknown')"),
    ),
)

operation_steps = Table(
    "operation_steps",
    metadata,
    Column("operation_id", Text, ForeignKey("operations.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    instant("at"),
    text_column("name"),
    text_column("detail"),
)

context_facts = Table(
    "context_facts",
    metadata,
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    text_column("value"),
    instant("at"),
    sqlite_with_rowid=False,
)

scope_snapshots = Table(
    "scope_snapshots",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    instant("at"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    text_column("kind"),
    instant("since"),
    Index("ix_incidents_scope", "scope"),
)

planned_works = Table(
    "planned_works",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    instant("from_at"),
    instant("to_at"),
    Index("ix_planned_works_scope", "scope"),
)

access_nodes = Table(
    "access_nodes",
    metadata,
    Column("name", Text, primary_key=True),
    text_column("address"),
    Column("port", Integer, nullable=False),
    text_column("profile", null=True),
    Column("sealed_credentials", LargeBinary, nullable=False),
    instant("updated_at"),
)

line_tests = Table(
    "line_tests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), nullable=False),
    text_column("state"),
    instant("created_at"),
    instant("deadline_at"),
    text_column("actor"),
    text_column("depth"),
    text_column("service", null=True),
    text_column("ticket", null=True),
    instant("finished_at", null=True),
    text_column("facts", null=True),
    text_column("verdict", null=True),
    text_column("detail"),
    Index("ix_line_tests_line_id", "line", "id"),
    Index("ix_line_tests_ticket", "ticket"),
    Index("ix_line_tests_state", "state"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("event_id"),
    instant("received_at"),
    text_column("source"),
    text_column("body"),
    text_column("line", null=True),
    text_column("line_test", null=True),
    text_column("detail"),
    text_column("outside_id", null=True),
    Index("uq_tickets_source_event_id", "source", "event_id", unique=True),
    Index("uq_tickets_source_outside_id", "source", "outside_id", unique=True),
    Index("ix_tickets_line", "line"),
    Index("ix_tickets_received_at", "received_at"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("name"),
    text_column("token_hash"),
    text_column("scopes"),
    instant("created_at"),
    text_column("created_by"),
    instant("expires_at", null=True),
    instant("revoked_at", null=True),
    instant("last_used_at", null=True),
    Index("uq_tokens_token_hash", "token_hash", unique=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    instant("at"),
    text_column("actor"),
    text_column("action"),
    text_column("target"),
    text_column("detail", null=True),
    Index("ix_audit_at", "at"),
    Index("ix_audit_target", "target"),
)
