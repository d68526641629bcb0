"""TM Forum: who listens to our hubs, what ticket systems told, where we listen, tickets of outages."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tmf_subscriptions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("interface", sa.Text(), nullable=False),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("base", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tmf_subscriptions")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tmf_subscriptions_interface", "tmf_subscriptions", ["interface"], unique=False)
    op.create_table(
        "tmf_ticket_events",
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_tmf_ticket_events")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_tmf_ticket_events_ticket", "tmf_ticket_events", ["ticket"], unique=False)
    op.create_index("ix_tmf_ticket_events_line_test", "tmf_ticket_events", ["line_test"], unique=False)
    op.create_index("ix_tmf_ticket_events_received_at", "tmf_ticket_events", ["received_at"], unique=False)
    op.create_table(
        "tmf_remote_things",
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("remote_id", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("system", "kind", "key", name=op.f("pk_tmf_remote_things")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    for table in ("tmf_remote_things", "tmf_ticket_events", "tmf_subscriptions"):
        op.drop_table(table)
