"""Time series of lines and devices in the place of the readings of lines."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _create_series()
    _create_samples()
    _create_sample_blocks()
    op.execute("INSERT INTO series (line, name, source) SELECT DISTINCT line, name, source FROM readings")
    op.execute(
        "INSERT INTO samples (series, at, value) SELECT s.id, r.at, r.value FROM readings r"
        " JOIN series s ON s.line = r.line AND s.name = r.name AND s.source = r.source"
    )
    op.drop_table("readings")


def downgrade() -> None:
    op.create_table(
        "readings",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_readings_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("line", "name", "at", "source", name=op.f("pk_readings")),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO readings (line, name, at, source, value) SELECT s.line, s.name, v.at, s.source, v.value"
        " FROM samples v JOIN series s ON s.id = v.series WHERE s.line IS NOT NULL"
    )
    for table in ("sample_blocks", "samples", "series"):
        op.drop_table(table)


def _create_series() -> None:
    op.create_table(
        "series",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_series_line"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name=op.f("fk_series_device"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
    )
    op.create_index("uq_series_line_name_source", "series", ["line", "name", "source"], unique=True)
    op.create_index("uq_series_device_name_source", "series", ["device", "name", "source"], unique=True)


def _create_samples() -> None:
    op.create_table(
        "samples",
        sa.Column("series", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_samples_series"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("series", "at", name=op.f("pk_samples")),
        sqlite_with_rowid=False,
    )


def _create_sample_blocks() -> None:
    op.create_table(
        "sample_blocks",
        sa.Column("series", _SERIAL, autoincrement=False, nullable=False),
        sa.Column("step_s", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("start_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["series"], ["series.id"], name=op.f("fk_sample_blocks_series"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("series", "step_s", "start_at", name=op.f("pk_sample_blocks")),
        sqlite_with_rowid=False,
    )
