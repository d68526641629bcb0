"""Configurations of devices, what they were told, and what waits for something else."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backup_schemas",
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_schemas")),
    )
    _create_config_backups()
    op.create_table(
        "desired_settings",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device"], ["devices.key"], name=op.f("fk_desired_settings_device"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_desired_settings")),
    )
    _create_waiting()


def downgrade() -> None:
    for table in ("takeovers", "operation_gates", "desired_settings", "config_backups", "backup_schemas"):
        op.drop_table(table)


def _create_config_backups() -> None:
    op.create_table(
        "config_backups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("software_version", sa.Text(), nullable=False),
        sa.Column("good", sa.Integer(), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("parameters", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("schema_id", sa.LargeBinary(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name=op.f("fk_config_backups_device"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_config_backups")),
    )
    op.create_index("ix_config_backups_device_id", "config_backups", ["device", "id"], unique=False)
    op.create_index("ix_config_backups_schema_id", "config_backups", ["schema_id"], unique=False)


def _create_waiting() -> None:
    op.create_table(
        "operation_gates",
        sa.Column("operation_id", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["operation_id"], ["operations.id"], name=op.f("fk_operation_gates_operation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["after"], ["operations.id"], name=op.f("fk_operation_gates_after"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("operation_id", name=op.f("pk_operation_gates")),
    )
    op.create_table(
        "takeovers",
        sa.Column("serial_number", sa.Text(), nullable=False),
        sa.Column("old_device", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("serial_number", name=op.f("pk_takeovers")),
    )
