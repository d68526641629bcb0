"""Who CPEs are: devices in quarantine, the highest count of each digest nonce, and alarms."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text, text

from acs.store.schema.base import instant, metadata, text_column

device_quarantine = Table(
    "device_quarantine",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    instant("since"),
    text_column("actor"),
    text_column("reason"),
)

# The id of a nonce begins with its time, so that new rows lie side by side and old ones are one range.
digest_nonces = Table(
    "digest_nonces",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("nc", BigInteger, nullable=False),
)

alarms = Table(
    "alarms",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("kind"),
    text_column("subject"),
    text_column("detail"),
    instant("raised_at"),
    instant("last_at"),
    Column("count", Integer, nullable=False),
    instant("cleared_at", null=True),
    text_column("cleared_by", null=True),
    Index(
        "uq_alarms_active",
        "kind",
        "subject",
        unique=True,
        sqlite_where=text("cleared_at IS NULL"),
        postgresql_where=text("cleared_at IS NULL"),
    ),
    Index("ix_alarms_raised_at", "raised_at"),
)
