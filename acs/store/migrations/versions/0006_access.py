"""Access networks: baselines, topology, traps."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_node(table: str, *columns: str) -> list[sa.Constraint]:
    return [
        sa.ForeignKeyConstraint(["node"], ["access_nodes.name"], name=op.f(f"fk_{table}_node"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("node", *columns, name=op.f(f"pk_{table}")),
    ]


def upgrade() -> None:
    _create_access_alarms()
    _create_node_polls()
    _create_node_endpoints()
    _create_node_disagreements()


def _create_access_alarms() -> None:
    op.create_table(
        "access_alarms",
        sa.Column("id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("clears", sa.Integer(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("ont", sa.Integer(), nullable=True),
        sa.Column("if_index", sa.Integer(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("trap", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_alarms")),
    )
    op.create_index("ix_access_alarms_node_id", "access_alarms", ["node", "id"])
    op.create_index("ix_access_alarms_line_id", "access_alarms", ["line", "id"])
    op.create_index("ix_access_alarms_last_at", "access_alarms", ["last_at"])


def _create_node_polls() -> None:
    op.create_table(
        "node_polls",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("polled_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("endpoints", sa.Integer(), nullable=False),
        sa.Column("online", sa.Integer(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("complete", sa.Integer(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        *_of_node("node_polls"),
    )


def _create_node_endpoints() -> None:
    op.create_table(
        "node_endpoints",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("frame", sa.Integer(), nullable=True),
        sa.Column("slot", sa.Integer(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("ont", sa.Integer(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("last_down_at", sa.BigInteger(), nullable=True),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        *_of_node("node_endpoints", "kind", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_node_endpoints_key", "node_endpoints", ["key"])


def _create_node_disagreements() -> None:
    op.create_table(
        "node_disagreements",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("since_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        *_of_node("node_disagreements", "kind", "subject"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("node_disagreements")
    op.drop_table("node_endpoints")
    op.drop_table("node_polls")
    op.drop_table("access_alarms")
