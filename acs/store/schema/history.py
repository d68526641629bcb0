"""Time series: what was measured of lines and devices, young values as rows and older ones packed."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text

from acs.store.schema.base import SERIAL, instant, metadata, text_column

# One row per line or device, fact and source: its number stands in the other two tables. Exactly one of line and
# device is set.
series = Table(
    "series",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE")),
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE")),
    text_column("name"),
    text_column("source"),
    Index("uq_series_line_name_source", "line", "name", "source", unique=True),
    Index("uq_series_device_name_source", "device", "name", "source", unique=True),
)

# Young values, as they came.
samples = Table(
    "samples",
    metadata,
    Column("series", SERIAL, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Float(53), nullable=False),
    sqlite_with_rowid=False,
)

# Older values: many points of one series in one body (acs/store/packing.py). step_s 0 = as measured, otherwise one
# point per step with mean, least, greatest and number.
sample_blocks = Table(
    "sample_blocks",
    metadata,
    Column("series", SERIAL, ForeignKey("series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("step_s", Integer, primary_key=True, autoincrement=False),
    Column("start_at", BigInteger, primary_key=True, autoincrement=False),
    instant("end_at"),
    Column("points", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)
