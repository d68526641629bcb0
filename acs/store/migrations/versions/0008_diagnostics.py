"""Diagnostics and bulk data."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table of bulk data reports."""
    op.create_table(
        "bulk_reports",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name="fk_bulk_reports_device", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device", "at", "digest", name="pk_bulk_reports"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_bulk_reports_at", "bulk_reports", ["at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("bulk_reports")
