"""Configurations of devices as they were, and as they were told; and what waits for something else."""

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from acs.store.schema.base import instant, metadata, text_column

# Names and types of a backup, which devices of a model share: id = hash of body, body = zstd(JSON [names, types]).
backup_schemas = Table(
    "backup_schemas",
    metadata,
    Column("id", LargeBinary, primary_key=True),
    Column("body", LargeBinary, nullable=False),
)

# One configuration of one device. Values of secrets are empty in the vector and stand sealed beside it.
config_backups = Table(
    "config_backups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), nullable=False),
    instant("at"),
    # when the same configuration was seen last
    instant("seen_at"),
    text_column("origin"),
    text_column("operation", null=True),
    text_column("actor"),
    text_column("software_version"),
    # 1: the line was up when it was taken, 0: it was not, 2: it is not known
    Column("good", Integer, nullable=False),
    # 1: read for it, 0: what was known already
    Column("live", Integer, nullable=False),
    Column("parameters", Integer, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("schema_id", LargeBinary, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    Index("ix_config_backups_device_id", "device", "id"),
    Index("ix_config_backups_schema_id", "schema_id"),
)

# What a device was told: zstd(JSON {name: [value, type]}), secrets sealed beside it.
desired_settings = Table(
    "desired_settings",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=True),
    instant("updated_at"),
)

# An operation that leaves only after another one has succeeded.
operation_gates = Table(
    "operation_gates",
    metadata,
    Column("operation_id", Text, ForeignKey("operations.id", ondelete="CASCADE"), primary_key=True),
    Column("after", Text, ForeignKey("operations.id", ondelete="CASCADE"), nullable=False),
)

# A new device that takes over from another one; until it comes it is known by its serial number alone.
takeovers = Table(
    "takeovers",
    metadata,
    Column("serial_number", Text, primary_key=True),
    text_column("old_device"),
    text_column("line", null=True),
    instant("asked_at"),
    text_column("actor"),
    text_column("reason"),
)
