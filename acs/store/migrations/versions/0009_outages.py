"""Outages, re-tests, quality."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_line_troubles()
    _create_outages()
    _create_outage_lines()
    _create_outage_tickets()
    _create_fall_rates()
    _create_outage_cursors()
    _create_checkups()
    _create_checkup_runs()
    _create_closures()


def downgrade() -> None:
    for table in (
        "closures",
        "checkup_runs",
        "checkups",
        "outage_cursors",
        "fall_rates",
        "outage_tickets",
        "outage_lines",
        "outages",
        "line_troubles",
    ):
        op.drop_table(table)


def _create_line_troubles() -> None:
    op.create_table(
        "line_troubles",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.Column("gasp", sa.Integer(), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_line_troubles_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("line", "witness", name=op.f("pk_line_troubles")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_line_troubles_node", "line_troubles", ["node"], unique=False)
    op.create_index("ix_line_troubles_told_at", "line_troubles", ["told_at"], unique=False)


def _create_outages() -> None:
    op.create_table(
        "outages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("level", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("gasp_share", sa.Float(53), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("hit", sa.Integer(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("log_chance", sa.Float(53), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("restored_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
    )
    op.create_index("ix_outages_state", "outages", ["state"], unique=False)


def _create_outage_lines() -> None:
    op.create_table(
        "outage_lines",
        sa.Column("outage", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("gasp", sa.Integer(), nullable=True),
        sa.Column("back_at", sa.BigInteger(), nullable=True),
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["outage"], ["outages.id"], name=op.f("fk_outage_lines_outage"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("outage", "line", name=op.f("pk_outage_lines")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_outage_lines_line", "outage_lines", ["line"], unique=False)


def _create_outage_tickets() -> None:
    op.create_table(
        "outage_tickets",
        sa.Column("outage", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["outage"], ["outages.id"], name=op.f("fk_outage_tickets_outage"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("outage", "ticket", name=op.f("pk_outage_tickets")),
        sqlite_with_rowid=False,
    )


def _create_fall_rates() -> None:
    op.create_table(
        "fall_rates",
        sa.Column("area", sa.Text(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("falls", sa.Float(53), nullable=False),
        sa.Column("line_days", sa.Float(53), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("area", "witness", "hour", name=op.f("pk_fall_rates")),
        sqlite_with_rowid=False,
    )


def _create_outage_cursors() -> None:
    op.create_table(
        "outage_cursors",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_outage_cursors")),
        sqlite_with_rowid=False,
    )


def _create_checkups() -> None:
    op.create_table(
        "checkups",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=True),
        sa.Column("ticket", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("before_test", sa.Text(), nullable=True),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_checkups_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checkups")),
    )
    op.create_index("ix_checkups_line", "checkups", ["line"], unique=False)
    op.create_index("ix_checkups_ticket", "checkups", ["ticket"], unique=False)
    op.create_index("uq_checkups_operation", "checkups", ["operation"], unique=True)


def _create_checkup_runs() -> None:
    op.create_table(
        "checkup_runs",
        sa.Column("checkup", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["checkup"], ["checkups.id"], name=op.f("fk_checkup_runs_checkup"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("checkup", "n", name=op.f("pk_checkup_runs")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_checkup_runs_due_at", "checkup_runs", ["due_at"], unique=False)


def _create_closures() -> None:
    op.create_table(
        "closures",
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("visited", sa.Integer(), nullable=True),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("overridden", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ticket", name=op.f("pk_closures")),
    )
    op.create_index("ix_closures_at", "closures", ["at"], unique=False)
    op.create_index("ix_closures_line", "closures", ["line"], unique=False)
