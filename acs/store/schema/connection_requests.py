"""Waking CPEs: what was tried, where STUN saw them, what the owner of the UDP socket shall send, rotations."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from acs.store.schema.base import SERIAL, instant, metadata, text_column

connection_requests = Table(
    "connection_requests",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), nullable=False),
    # The tries of one request, in order.
    text_column("wake"),
    Column("n", Integer, nullable=False),
    instant("at"),
    text_column("method"),
    text_column("target"),
    text_column("result"),
    text_column("answer"),
    Column("duration_ms", Integer, nullable=False),
    text_column("detail"),
    Index("ix_connection_requests_device_id", "device", "id"),
    Index("ix_connection_requests_at", "at"),
)

stun_bindings = Table(
    "stun_bindings",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    text_column("host"),
    Column("port", Integer, nullable=False),
    Column("proved", Integer, nullable=False),
    instant("changed_at"),
    instant("seen_at"),
)

udp_orders = Table(
    "udp_orders",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    text_column("host"),
    Column("port", Integer, nullable=False),
    Column("datagram", LargeBinary, nullable=False),
    instant("created_at"),
)

credential_rotations = Table(
    "credential_rotations",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    text_column("operation"),
    Column("sealed", LargeBinary, nullable=False),
    instant("started_at"),
    Index("ix_credential_rotations_operation", "operation"),
)

lightweight_marks = Table(
    "lightweight_marks",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    Column("ts", BigInteger, nullable=False),
    text_column("cnonces"),
)
