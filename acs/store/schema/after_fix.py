"""After the fix: what was done on a line, the tests before and after it, and how tickets were closed."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from acs.store.schema.base import instant, metadata, text_column

checkups = Table(
    "checkups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), nullable=False),
    text_column("action"),
    text_column("operation", null=True),
    text_column("ticket", null=True),
    text_column("actor"),
    instant("at"),
    text_column("state"),
    text_column("before_test", null=True),
    text_column("before"),
    instant("changed_at"),
    Index("uq_checkups_operation", "operation", unique=True),
    Index("ix_checkups_line", "line"),
    Index("ix_checkups_ticket", "ticket"),
)

checkup_runs = Table(
    "checkup_runs",
    metadata,
    Column("checkup", Text, ForeignKey("checkups.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True, autoincrement=False),
    instant("due_at"),
    text_column("line_test", null=True),
    instant("done_at", null=True),
    text_column("outcome"),
    text_column("after"),
    Index("ix_checkup_runs_due_at", "due_at"),
    sqlite_with_rowid=False,
)

closures = Table(
    "closures",
    metadata,
    Column("ticket", Text, primary_key=True),
    text_column("code"),
    text_column("cause"),
    Column("visited", Integer),
    instant("at"),
    text_column("actor"),
    text_column("note"),
    text_column("line", null=True),
    text_column("line_test", null=True),
    Column("overridden", Integer, nullable=False),
    Index("ix_closures_at", "at"),
    Index("ix_closures_line", "line"),
)
