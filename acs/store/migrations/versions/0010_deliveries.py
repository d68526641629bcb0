"""One outbox for everything that other systems are told; what is known of their tickets."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PENDING = sa.text("state = 'pending'")
_KEPT = "id, {}, event_type, body, state, created_at, next_at, attempts, finished_at, last_error"


def upgrade() -> None:
    _create_deliveries()
    there = _KEPT.format("target, subject, ticket")
    here = _KEPT.format("hook, '', NULL")
    op.execute(f"INSERT INTO deliveries ({there}) SELECT {here} FROM webhook_deliveries")
    op.drop_table("webhook_deliveries")
    _create_delivery_attempts()
    _create_webhook_replays()
    _create_ticket_feeds()
    _create_ticket_states()


def downgrade() -> None:
    _create_webhook_deliveries()
    op.execute(
        f"INSERT INTO webhook_deliveries ({_KEPT.format('hook')}) SELECT {_KEPT.format('target')} FROM deliveries"
    )
    for table in ("ticket_states", "ticket_feeds", "webhook_replays", "delivery_attempts", "deliveries"):
        op.drop_table(table)


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=True),
        *_common(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index(
        "ix_deliveries_pending",
        "deliveries",
        ["target", "subject", "id"],
        unique=False,
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    )
    op.create_index("ix_deliveries_created_at", "deliveries", ["created_at"], unique=False)
    op.create_index("ix_deliveries_ticket", "deliveries", ["ticket"], unique=False)


def _create_webhook_deliveries() -> None:
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("hook", sa.Text(), nullable=False),
        *_common(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
    )
    op.create_index("ix_webhook_deliveries_state_next_at", "webhook_deliveries", ["state", "next_at"], unique=False)


def _common() -> list[sa.Column[Any]]:
    return [
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
    ]


def _create_delivery_attempts() -> None:
    op.create_table(
        "delivery_attempts",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery"], ["deliveries.id"], name=op.f("fk_delivery_attempts_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_attempts")),
    )
    op.create_index("ix_delivery_attempts_delivery", "delivery_attempts", ["delivery"], unique=False)


def _create_webhook_replays() -> None:
    op.create_table(
        "webhook_replays",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "digest", name=op.f("pk_webhook_replays")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_webhook_replays_at", "webhook_replays", ["at"], unique=False)


def _create_ticket_feeds() -> None:
    op.create_table(
        "ticket_feeds",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("seen_to", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("system", name=op.f("pk_ticket_feeds")),
        sqlite_with_rowid=False,
    )


def _create_ticket_states() -> None:
    op.create_table(
        "ticket_states",
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ticket", name=op.f("pk_ticket_states")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_ticket_states_system", "ticket_states", ["system"], unique=False)
