"""Provisioning, files, firmware campaigns."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of tags, provisioning, files and campaigns."""
    _create_device_tags()
    _create_provision_states()
    _create_provision_refusals()
    _create_files()
    _create_file_transfers()
    _create_campaigns()
    _create_campaign_devices()


def downgrade() -> None:
    """Drop them; the files themselves stay in their folder."""
    for table in (
        "campaign_devices",
        "campaigns",
        "file_transfers",
        "files",
        "provision_refusals",
        "provision_states",
        "device_tags",
    ):
        op.drop_table(table)


def _create_device_tags() -> None:
    op.create_table(
        "device_tags",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name="fk_device_tags_device", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device", "tag", name="pk_device_tags"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_device_tags_tag", "device_tags", ["tag"])


def _create_provision_states() -> None:
    op.create_table(
        "provision_states",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("secrets", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name="fk_provision_states_device", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device", name="pk_provision_states"),
    )


def _create_provision_refusals() -> None:
    op.create_table(
        "provision_refusals",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name="fk_provision_refusals_device", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("device", "rule", name="pk_provision_refusals"),
    )
    op.create_index(
        "ix_provision_refusals_stopped_at",
        "provision_refusals",
        ["stopped_at"],
        sqlite_where=sa.text("stopped_at IS NOT NULL"),
        postgresql_where=sa.text("stopped_at IS NOT NULL"),
    )


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file_type", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("models", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_files"),
    )
    op.create_index("ix_files_device", "files", ["device"])


def _create_file_transfers() -> None:
    op.create_table(
        "file_transfers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=True),
        sa.Column("file_type", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("sealed_password", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("first_used_at", sa.BigInteger(), nullable=True),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_bytes", sa.BigInteger(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_file_transfers"),
    )
    op.create_index("ix_file_transfers_device", "file_transfers", ["device"])
    op.create_index("ix_file_transfers_file", "file_transfers", ["file"])
    op.create_index("ix_file_transfers_expires_at", "file_transfers", ["expires_at"])


def _create_campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("canary_passed_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_campaigns"),
    )
    op.create_index("uq_campaigns_name", "campaigns", ["name"], unique=True)
    op.create_index("ix_campaigns_state", "campaigns", ["state"])


def _create_campaign_devices() -> None:
    op.create_table(
        "campaign_devices",
        sa.Column("campaign", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("canary", sa.Boolean(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("version_before", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign"], ["campaigns.id"], name="fk_campaign_devices_campaign", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("campaign", "device", name="pk_campaign_devices"),
    )
    op.create_index("ix_campaign_devices_campaign_state_place", "campaign_devices", ["campaign", "state", "place"])
    op.create_index("ix_campaign_devices_device", "campaign_devices", ["device"])
