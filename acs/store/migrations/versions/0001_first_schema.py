"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_access_nodes()
    _create_audit()
    _create_events()
    _create_incidents()
    _create_lines()
    _create_planned_works()
    _create_scope_snapshots()
    _create_tickets()
    _create_tokens()
    _create_tree_schemas()
    _create_webhook_deliveries()
    _create_context_facts()
    _create_devices()
    _create_line_serials()
    _create_line_tests()
    _create_readings()
    _create_device_credentials()
    _create_device_trees()
    _create_operations()
    _create_operation_steps()


def downgrade() -> None:
    for table in (
        "operation_steps",
        "operations",
        "device_trees",
        "device_credentials",
        "readings",
        "line_tests",
        "line_serials",
        "devices",
        "context_facts",
        "webhook_deliveries",
        "tree_schemas",
        "tokens",
        "tickets",
        "scope_snapshots",
        "planned_works",
        "lines",
        "incidents",
        "events",
        "audit",
        "access_nodes",
    ):
        op.drop_table(table)


def _create_access_nodes() -> None:
    op.create_table(
        "access_nodes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=True),
        sa.Column("sealed_credentials", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_access_nodes")),
    )


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_target", "audit", ["target"], unique=False)


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("command_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_device_id", "events", ["device", "id"], unique=False)


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "scope", name=op.f("pk_incidents")),
    )
    op.create_index("ix_incidents_scope", "incidents", ["scope"], unique=False)


def _create_lines() -> None:
    op.create_table(
        "lines",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("technology", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("splitter", sa.Text(), nullable=False),
        sa.Column("ont", sa.Integer(), nullable=True),
        sa.Column("gpon_serial", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("services", sa.Text(), nullable=False),
        sa.Column("pppoe_login", sa.Text(), nullable=False),
        sa.Column("cable_length_m", sa.Float(precision=53), nullable=True),
        sa.Column("device_serials", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lines")),
    )
    op.create_index("ix_lines_account", "lines", ["account"], unique=False)
    op.create_index("ix_lines_place", "lines", ["node", "frame", "slot", "port"], unique=False)
    op.create_index("ix_lines_pppoe_login", "lines", ["pppoe_login"], unique=False)


def _create_planned_works() -> None:
    op.create_table(
        "planned_works",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("from_at", sa.BigInteger(), nullable=False),
        sa.Column("to_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "id", "scope", name=op.f("pk_planned_works")),
    )
    op.create_index("ix_planned_works_scope", "planned_works", ["scope"], unique=False)


def _create_scope_snapshots() -> None:
    op.create_table(
        "scope_snapshots",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "source", name=op.f("pk_scope_snapshots")),
    )


def _create_tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
    )
    op.create_index("ix_tickets_line", "tickets", ["line"], unique=False)
    op.create_index("uq_tickets_event_id", "tickets", ["event_id"], unique=True)


def _create_tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("last_used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tokens")),
    )
    op.create_index("uq_tokens_token_hash", "tokens", ["token_hash"], unique=True)


def _create_tree_schemas() -> None:
    op.create_table(
        "tree_schemas",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tree_schemas")),
    )


def _create_webhook_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hook", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index("ix_webhook_deliveries_state_next_at", "webhook_deliveries", ["state", "next_at"], unique=False)


def _create_context_facts() -> None:
    op.create_table(
        "context_facts",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_context_facts_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("line", "name", "source", name=op.f("pk_context_facts")),
        sqlite_with_rowid=False,
    )


def _create_devices() -> None:
    op.create_table(
        "devices",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("manufacturer", sa.Text(), nullable=False),
        sa.Column("oui", sa.Text(), nullable=False),
        sa.Column("product_class", sa.Text(), nullable=False),
        sa.Column("serial_number", sa.Text(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("software_version", sa.Text(), nullable=False),
        sa.Column("hardware_version", sa.Text(), nullable=False),
        sa.Column("connection_request_url", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("last_inform_at", sa.BigInteger(), nullable=False),
        sa.Column("last_boot_at", sa.BigInteger(), nullable=True),
        sa.Column("uptime_s", sa.BigInteger(), nullable=True),
        sa.Column("uptime_at", sa.BigInteger(), nullable=True),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("inform_json", sa.Text(), nullable=False),
        sa.Column("last_session_id", sa.Text(), nullable=False),
        sa.Column("last_events", sa.BigInteger(), nullable=False),
        sa.Column("last_retry_count", sa.Integer(), nullable=False),
        sa.Column("last_current_time", sa.BigInteger(), nullable=True),
        sa.Column("last_values", sa.BigInteger(), nullable=False),
        sa.Column("stored_session_id", sa.Text(), nullable=True),
        sa.Column("stored_session", sa.LargeBinary(), nullable=True),
        sa.Column("stored_session_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_devices_line"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_devices")),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index("ix_devices_line", "devices", ["line"], unique=False)
    op.create_index("ix_devices_serial_number", "devices", ["serial_number"], unique=False)
    op.create_index(
        "ix_devices_stored_session_id",
        "devices",
        ["stored_session_id"],
        unique=False,
        sqlite_where=sa.text("stored_session_id IS NOT NULL"),
        postgresql_where=sa.text("stored_session_id IS NOT NULL"),
    )


def _create_line_serials() -> None:
    op.create_table(
        "line_serials",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_line_serials_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("serial", "line", name=op.f("pk_line_serials")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_line_serials_line", "line_serials", ["line"], unique=False)


def _create_line_tests() -> None:
    op.create_table(
        "line_tests",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("depth", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=True),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("facts", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_line_tests_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_tests")),
    )
    op.create_index("ix_line_tests_line_id", "line_tests", ["line", "id"], unique=False)
    op.create_index("ix_line_tests_state", "line_tests", ["state"], unique=False)
    op.create_index("ix_line_tests_ticket", "line_tests", ["ticket"], unique=False)


def _create_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(precision=53), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_readings_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("line", "name", "at", "source", name=op.f("pk_readings")),
        sqlite_with_rowid=False,
    )


def _create_device_credentials() -> None:
    op.create_table(
        "device_credentials",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device"], ["devices.key"], name=op.f("fk_device_credentials_device"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device", "kind", name=op.f("pk_device_credentials")),
    )
    op.create_index("ix_device_credentials_username", "device_credentials", ["kind", "username"], unique=False)


def _create_device_trees() -> None:
    op.create_table(
        "device_trees",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("schema_id", sa.LargeBinary(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name=op.f("fk_device_trees_device"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["schema_id"], ["tree_schemas.id"], name=op.f("fk_device_trees_schema_id")),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_device_trees")),
    )
    op.create_index("ix_device_trees_schema_id", "device_trees", ["schema_id"], unique=False)


def _create_operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("command_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fault_code", sa.Integer(), nullable=True),
        sa.Column("fault_string", sa.Text(), nullable=True),
        sa.Column("result", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("steps", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name=op.f("fk_operations_device"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
    )
    op.create_index(
        "ix_operations_deadline_at",
        "operations",
        ["deadline_at"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'sent', 'unknown')"),
        postgresql_where=sa.text("state IN ('queued', 'sent', 'unknown')"),
    )
    op.create_index("ix_operations_device_id", "operations", ["device", "id"], unique=False)
    op.create_index(
        "ix_operations_due",
        "operations",
        ["device"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued', 'sent', 'unknown')"),
        postgresql_where=sa.text("state IN ('queued', 'sent', 'unknown')"),
    )
    op.create_index("uq_operations_actor_idempotency_key", "operations", ["actor", "idempotency_key"], unique=True)
    op.create_index("uq_operations_command_key", "operations", ["command_key"], unique=True)


def _create_operation_steps() -> None:
    op.create_table(
        "operation_steps",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_operation_steps_operation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("operation_id", "n", name=op.f("pk_operation_steps")),
    )
