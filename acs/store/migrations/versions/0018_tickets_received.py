"""Tickets by when they came: the search for outages asks every few seconds, and read all that were ever kept."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_tickets_received_at", "tickets", ["received_at"])


def downgrade() -> None:
    op.drop_index("ix_tickets_received_at", "tickets")
