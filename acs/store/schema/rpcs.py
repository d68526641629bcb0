"""What CPEs report by themselves, what models bear, and what long operations have done so far."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from acs.store.schema.base import SERIAL, instant, metadata, text_column

# TransferComplete, AutonomousTransferComplete, DUStateChangeComplete, RequestDownload, Kicked …, asked for or not.
device_reports = Table(
    "device_reports",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), nullable=False),
    instant("at"),
    text_column("session_id"),
    text_column("rpc"),
    text_column("command_key"),
    # the operation that it ends; NULL = nobody asked, or nobody knows
    text_column("operation", null=True),
    Column("fault_code", Integer),
    text_column("body"),
    # what tells a repeated report from a new one
    Column("digest", BigInteger, nullable=False),
    Index("uq_device_reports_device_digest", "device", "digest", unique=True),
    Index("ix_device_reports_device_id", "device", "id"),
    Index("ix_device_reports_at", "at"),
)

# One row per model and firmware: which RPCs it has, and what it bears in a refresh.
model_abilities = Table(
    "model_abilities",
    metadata,
    Column("oui", Text, primary_key=True),
    Column("product_class", Text, primary_key=True),
    Column("software_version", Text, primary_key=True),
    # JSON: {"methods": [...] or null, "lacking": [...], "bears": {...}}
    text_column("body"),
    instant("updated_at"),
)

# What an operation of many requests has left to do, for the session that takes it up.
operation_progress = Table(
    "operation_progress",
    metadata,
    Column("operation_id", Text, ForeignKey("operations.id", ondelete="CASCADE"), primary_key=True),
    text_column("body"),
    instant("updated_at"),
)

# Arguments of an operation that nobody may read: JSON object of name and value, sealed.
operation_secrets = Table(
    "operation_secrets",
    metadata,
    Column("operation_id", Text, ForeignKey("operations.id", ondelete="CASCADE"), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
