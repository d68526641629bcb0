"""Endpoints: why an ONT fell last, as its node tells it; power is told from fibre where no trap came."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("node_endpoints", sa.Column("down_cause", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("node_endpoints", "down_cause")
