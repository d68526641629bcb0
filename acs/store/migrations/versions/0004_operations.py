"""Operations of every RPC: what CPEs report, what models bear, progress and secrets of operations."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the four tables."""
    _create_device_reports()
    op.create_table(
        "model_abilities",
        sa.Column("oui", sa.Text(), nullable=False),
        sa.Column("product_class", sa.Text(), nullable=False),
        sa.Column("software_version", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("oui", "product_class", "software_version", name="pk_model_abilities"),
    )
    op.create_table(
        "operation_progress",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name="fk_operation_progress_operation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("operation_id", name="pk_operation_progress"),
    )
    op.create_table(
        "operation_secrets",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name="fk_operation_secrets_operation_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("operation_id", name="pk_operation_secrets"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in ("operation_secrets", "operation_progress", "model_abilities", "device_reports"):
        op.drop_table(table)


def _create_device_reports() -> None:
    op.create_table(
        "device_reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.Text(), nullable=False),
        sa.Column("rpc", sa.Text(), nullable=False),
        sa.Column("command_key", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("fault_code", sa.Integer(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("digest", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name="fk_device_reports_device", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_device_reports"),
    )
    op.create_index("uq_device_reports_device_digest", "device_reports", ["device", "digest"], unique=True)
    op.create_index("ix_device_reports_device_id", "device_reports", ["device", "id"])
    op.create_index("ix_device_reports_at", "device_reports", ["at"])
