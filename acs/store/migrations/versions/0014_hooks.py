"""Hooks, automatic checks of tickets, sessions by RADIUS, sources of context."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    _create_switches()
    _create_hook_calls()
    _create_ticket_checks()
    _create_access_sessions()
    _create_context_sources()


def downgrade() -> None:
    """Drop them."""
    for table in ("context_sources", "access_sessions", "ticket_checks", "hook_calls", "switches"):
        op.drop_table(table)


def _create_switches() -> None:
    op.create_table(
        "switches",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("engaged", sa.Integer(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_switches")),
    )


def _create_hook_calls() -> None:
    op.create_table(
        "hook_calls",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("hook", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.Column("operations", sa.Text(), nullable=False),
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_hook_calls_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_calls")),
    )
    op.create_index("uq_hook_calls_actor", "hook_calls", ["actor", "key"], unique=True)
    op.create_index("ix_hook_calls_line", "hook_calls", ["line", "hook", "created_at"], unique=False)
    op.create_index("ix_hook_calls_ticket", "hook_calls", ["ticket", "hook", "created_at"], unique=False)
    op.create_index("ix_hook_calls_created_at", "hook_calls", ["created_at"], unique=False)


def _create_ticket_checks() -> None:
    op.create_table(
        "ticket_checks",
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("depth", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("ticket_type", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("queue_rule", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("fix_call", sa.Text(), nullable=True),
        sa.Column("fix_detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["ticket"], ["tickets.id"], name=op.f("fk_ticket_checks_ticket"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("ticket", name=op.f("pk_ticket_checks")),
    )
    op.create_index("ix_ticket_checks_line_test", "ticket_checks", ["line_test"], unique=False)
    op.create_index("ix_ticket_checks_line", "ticket_checks", ["line", "at"], unique=False)
    op.create_index("ix_ticket_checks_at", "ticket_checks", ["at"], unique=False)


def _create_access_sessions() -> None:
    op.create_table(
        "access_sessions",
        sa.Column("nas", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("port", sa.Text(), nullable=False),
        sa.Column("circuit", sa.Text(), nullable=False),
        sa.Column("calling", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("heard_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("in_octets", sa.BigInteger(), nullable=False),
        sa.Column("out_octets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nas", "session", name=op.f("pk_access_sessions")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_access_sessions_line", "access_sessions", ["line"], unique=False)
    op.create_index("ix_access_sessions_heard_at", "access_sessions", ["heard_at"], unique=False)


def _create_context_sources() -> None:
    op.create_table(
        "context_sources",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=False),
        sa.Column("ok_at", sa.BigInteger(), nullable=True),
        sa.Column("down_since", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("left_out", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_context_sources")),
    )
