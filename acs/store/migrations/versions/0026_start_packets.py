"""The packet that began a subscriber's session, so that it is known when it comes again."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("access_sessions", sa.Column("start_packet", sa.Text(), nullable=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_column("access_sessions", "start_packet")
