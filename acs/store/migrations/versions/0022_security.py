"""Alarms of the fleet: counts per minute, changes of firmware, addresses of management."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "security_counts",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "at", "source", name=op.f("pk_security_counts")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "software_changes",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("ours", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device"], ["devices.key"], name=op.f("fk_software_changes_device"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device", "at", name=op.f("pk_software_changes")),
    )
    op.create_index("ix_software_changes_at", "software_changes", ["at"], unique=False)
    op.create_table(
        "management_urls",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["device"], ["devices.key"], name=op.f("fk_management_urls_device"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_management_urls")),
    )
    op.create_index("ix_management_urls_changed_at", "management_urls", ["changed_at"], unique=False)


def downgrade() -> None:
    """Drop them."""
    for table in ("management_urls", "software_changes", "security_counts"):
        op.drop_table(table)
