"""Bulk data reports of devices."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from acs.store.schema.base import instant, metadata

bulk_reports = Table(
    "bulk_reports",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    # when the device collected it; when it came, if the device says no time
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", BigInteger, primary_key=True, autoincrement=False),
    instant("received_at"),
    Column("count", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("ix_bulk_reports_at", "at"),
    sqlite_with_rowid=False,
)
