"""Connection requests: methods, attempts, credentials."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the tables of connection requests."""
    op.create_table(
        "connection_requests",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("wake", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        _of_device("connection_requests"),
        sa.PrimaryKeyConstraint("id", name="pk_connection_requests"),
    )
    op.create_index("ix_connection_requests_device_id", "connection_requests", ["device", "id"])
    op.create_index("ix_connection_requests_at", "connection_requests", ["at"])
    op.create_table(
        "stun_bindings",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("proved", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        _of_device("stun_bindings"),
        sa.PrimaryKeyConstraint("device", name="pk_stun_bindings"),
    )
    op.create_table(
        "udp_orders",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("datagram", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_udp_orders"),
    )
    op.create_table(
        "credential_rotations",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        _of_device("credential_rotations"),
        sa.PrimaryKeyConstraint("device", name="pk_credential_rotations"),
    )
    op.create_index("ix_credential_rotations_operation", "credential_rotations", ["operation"])
    op.create_table(
        "lightweight_marks",
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("ts", sa.BigInteger(), nullable=False),
        sa.Column("cnonces", sa.Text(), nullable=False),
        _of_device("lightweight_marks"),
        sa.PrimaryKeyConstraint("device", name="pk_lightweight_marks"),
    )


def downgrade() -> None:
    """Drop them; devices keep the credentials that they have."""
    for table in (
        "lightweight_marks",
        "credential_rotations",
        "udp_orders",
        "stun_bindings",
        "connection_requests",
    ):
        op.drop_table(table)


def _of_device(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["device"], ["devices.key"], name=f"fk_{table}_device", ondelete="CASCADE")
