"""What the fleet does that somebody should look at: counts per minute, changes of firmware, addresses of management."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from acs.store.schema.base import instant, metadata, text_column

# Each process has rows of its own (`source`), so that none adds to what another wrote.
security_counts = Table(
    "security_counts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("source", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    text_column("detail"),
    sqlite_with_rowid=False,
)

software_changes = Table(
    "software_changes",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    text_column("model"),
    text_column("before"),
    text_column("after"),
    Column("ours", Integer, nullable=False),
    Index("ix_software_changes_at", "at"),
)

management_urls = Table(
    "management_urls",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    text_column("url"),
    text_column("before"),
    instant("changed_at", null=True),
    Index("ix_management_urls_changed_at", "changed_at"),
)
