"""Mass outages: what is wrong with single lines, the outages made of that, and the rates that chance has."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, Table, Text

from acs.store.schema.base import instant, metadata, text_column

#: A line that is in trouble now, as one kind of witness says; the row goes when the witness says it is over.
line_troubles = Table(
    "line_troubles",
    metadata,
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), primary_key=True),
    Column("witness", Text, primary_key=True),
    text_column("node"),
    instant("at"),
    instant("told_at"),
    Column("gasp", Integer),
    text_column("source"),
    Index("ix_line_troubles_node", "node"),
    Index("ix_line_troubles_told_at", "told_at"),
    sqlite_with_rowid=False,
)

outages = Table(
    "outages",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("state"),
    text_column("witness"),
    text_column("level"),
    text_column("scope"),
    text_column("node"),
    text_column("kind"),
    Column("gasp_share", Float(53)),
    instant("since"),
    instant("opened_at"),
    instant("changed_at"),
    Column("hit", Integer, nullable=False),
    Column("members", Integer, nullable=False),
    Column("log_chance", Float(53), nullable=False),
    text_column("detail"),
    text_column("confirmed_by", null=True),
    instant("confirmed_at", null=True),
    instant("restored_at", null=True),
    instant("closed_at", null=True),
    text_column("closed_by", null=True),
    text_column("note"),
    Index("ix_outages_state", "state"),
)

outage_lines = Table(
    "outage_lines",
    metadata,
    Column("outage", Text, ForeignKey("outages.id", ondelete="CASCADE"), primary_key=True),
    Column("line", Text, primary_key=True),
    instant("at"),
    Column("gasp", Integer),
    instant("back_at", null=True),
    text_column("line_test", null=True),
    text_column("outcome"),
    Index("ix_outage_lines_line", "line"),
    sqlite_with_rowid=False,
)

outage_tickets = Table(
    "outage_tickets",
    metadata,
    Column("outage", Text, ForeignKey("outages.id", ondelete="CASCADE"), primary_key=True),
    Column("ticket", Text, primary_key=True),
    text_column("line"),
    instant("at"),
    sqlite_with_rowid=False,
)

#: What happened to lines of an area by itself, per hour of the day (UTC).
fall_rates = Table(
    "fall_rates",
    metadata,
    Column("area", Text, primary_key=True),
    Column("witness", Text, primary_key=True),
    Column("hour", Integer, primary_key=True, autoincrement=False),
    Column("falls", Float(53), nullable=False),
    Column("line_days", Float(53), nullable=False),
    instant("updated_at"),
    sqlite_with_rowid=False,
)

#: Up to where the detector has read what others write.
outage_cursors = Table(
    "outage_cursors",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
