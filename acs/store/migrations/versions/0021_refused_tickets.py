"""Ticket systems by adapter: tickets of theirs that could not be taken, with why."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ticket_feeds", sa.Column("refused", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("ticket_feeds", "refused")
