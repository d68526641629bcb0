"""The tables. Instants are whole microseconds since 1970, JSON is text, secrets are sealed bytes.

The rule of this file: what stands here is what the revisions in `migrations/` build, on SQLite and on PostgreSQL (a
test compares them); a column is added here and in a new revision in the same commit.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: A number that the database hands out: SQLite knows that only as INTEGER.
_SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str, *, null: bool = False) -> Column[str]:
    return Column(name, Text, nullable=null)


def _instant(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


lines = Table(
    "lines",
    metadata,
    Column("id", Text, primary_key=True),
    _text("technology"),
    _text("address"),
    _text("node"),
    Column("frame", Integer),
    Column("slot", Integer),
    Column("port", Integer),
    _text("splitter"),
    Column("ont", Integer),
    _text("gpon_serial"),
    _text("account"),
    _text("services"),
    _text("pppoe_login"),
    Column("cable_length_m", Float(53)),
    _text("device_serials"),
    _instant("updated_at"),
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
    _text("manufacturer"),
    _text("oui"),
    _text("product_class"),
    _text("serial_number"),
    _text("root"),
    _text("software_version"),
    _text("hardware_version"),
    _text("connection_request_url"),
    _text("address"),
    _text("namespace"),
    _instant("first_seen_at"),
    _instant("last_inform_at"),
    _instant("last_boot_at", null=True),
    Column("uptime_s", BigInteger),
    _instant("uptime_at", null=True),
    Column("line", Text, ForeignKey("lines.id", ondelete="SET NULL")),
    _text("inform_json"),
    # What tells a repeated Inform from a new one.
    _text("last_session_id"),
    Column("last_events", BigInteger, nullable=False),
    Column("last_retry_count", Integer, nullable=False),
    _instant("last_current_time", null=True),
    Column("last_values", BigInteger, nullable=False),
    # The stored form of a session that may come back on another connection.
    _text("stored_session_id", null=True),
    Column("stored_session", LargeBinary),
    _instant("stored_session_at", null=True),
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
    _text("username"),
    Column("sealed_secret", LargeBinary, nullable=False),
    _instant("updated_at"),
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
    _instant("read_at"),
    Index("ix_device_trees_schema_id", "schema_id"),
)

events = Table(
    "events",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    _text("device"),
    _instant("at"),
    _text("session_id"),
    _text("code"),
    _text("command_key"),
    Index("ix_events_device_id", "device", "id"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), nullable=False),
    _text("kind"),
    _text("arguments"),
    _text("state"),
    _text("command_key"),
    _instant("created_at"),
    _instant("deadline_at"),
    _text("actor"),
    _text("reason"),
    _text("ticket", null=True),
    _text("idempotency_key", null=True),
    _instant("sent_at", null=True),
    _instant("answered_at", null=True),
    _instant("finished_at", null=True),
    Column("attempts", Integer, nullable=False),
    Column("fault_code", Integer),
    _text("fault_string", null=True),
    _text("result", null=True),
    _text("detail"),
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
    _instant("at"),
    _text("name"),
    _text("detail"),
)

context_facts = Table(
    "context_facts",
    metadata,
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    _text("value"),
    _instant("at"),
    sqlite_with_rowid=False,
)

readings = Table(
    "readings",
    metadata,
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Column("value", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

scope_snapshots = Table(
    "scope_snapshots",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    _instant("at"),
)

incidents = Table(
    "incidents",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    _text("kind"),
    _instant("since"),
    Index("ix_incidents_scope", "scope"),
)

planned_works = Table(
    "planned_works",
    metadata,
    Column("source", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    _instant("from_at"),
    _instant("to_at"),
    Index("ix_planned_works_scope", "scope"),
)

access_nodes = Table(
    "access_nodes",
    metadata,
    Column("name", Text, primary_key=True),
    _text("address"),
    Column("port", Integer, nullable=False),
    _text("profile", null=True),
    Column("sealed_credentials", LargeBinary, nullable=False),
    _instant("updated_at"),
)

line_tests = Table(
    "line_tests",
    metadata,
    Column("id", Text, primary_key=True),
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), nullable=False),
    _text("state"),
    _instant("created_at"),
    _instant("deadline_at"),
    _text("actor"),
    _text("depth"),
    _text("service", null=True),
    _text("ticket", null=True),
    _instant("finished_at", null=True),
    _text("facts", null=True),
    _text("verdict", null=True),
    _text("detail"),
    Index("ix_line_tests_line_id", "line", "id"),
    Index("ix_line_tests_ticket", "ticket"),
    Index("ix_line_tests_state", "state"),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Text, primary_key=True),
    _text("event_id"),
    _instant("received_at"),
    _text("source"),
    _text("body"),
    _text("line", null=True),
    _text("line_test", null=True),
    _text("detail"),
    Index("uq_tickets_event_id", "event_id", unique=True),
    Index("ix_tickets_line", "line"),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    _text("hook"),
    _text("event_type"),
    _text("body"),
    _text("state"),
    _instant("created_at"),
    _instant("next_at"),
    Column("attempts", Integer, nullable=False),
    _instant("finished_at", null=True),
    _text("last_error"),
    Index("ix_webhook_deliveries_state_next_at", "state", "next_at"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    _text("name"),
    _text("token_hash"),
    _text("scopes"),
    _instant("created_at"),
    _text("created_by"),
    _instant("expires_at", null=True),
    _instant("revoked_at", null=True),
    _instant("last_used_at", null=True),
    Index("uq_tokens_token_hash", "token_hash", unique=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", _SERIAL, primary_key=True, autoincrement=True),
    _instant("at"),
    _text("actor"),
    _text("action"),
    _text("target"),
    _text("detail", null=True),
    Index("ix_audit_at", "at"),
    Index("ix_audit_target", "target"),
)
