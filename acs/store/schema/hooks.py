"""Hooks and what is automatic: calls, the freeze switch, checks of tickets, sessions as RADIUS tells them, sources."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from acs.store.schema.base import instant, metadata, text_column

switches = Table(
    "switches",
    metadata,
    Column("name", Text, primary_key=True),
    Column("engaged", Integer, nullable=False),
    text_column("actor"),
    instant("at"),
    text_column("reason"),
)

hook_calls = Table(
    "hook_calls",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("actor"),
    text_column("key"),
    text_column("hook"),
    text_column("body_hash"),
    text_column("body"),
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), nullable=False),
    text_column("device", null=True),
    text_column("ticket", null=True),
    text_column("operations"),
    text_column("line_test", null=True),
    instant("created_at"),
    instant("deadline_at"),
    Index("uq_hook_calls_actor", "actor", "key", unique=True),
    Index("ix_hook_calls_line", "line", "hook", "created_at"),
    Index("ix_hook_calls_ticket", "ticket", "hook", "created_at"),
    Index("ix_hook_calls_created_at", "created_at"),
)

ticket_checks = Table(
    "ticket_checks",
    metadata,
    Column("ticket", Text, ForeignKey("tickets.id", ondelete="CASCADE"), primary_key=True),
    text_column("line"),
    text_column("line_test", null=True),
    text_column("rule"),
    text_column("depth"),
    text_column("priority"),
    text_column("ticket_type"),
    instant("at"),
    text_column("queue"),
    text_column("queue_rule"),
    instant("decided_at", null=True),
    text_column("fix"),
    text_column("fix_call", null=True),
    text_column("fix_detail"),
    Index("ix_ticket_checks_line_test", "line_test"),
    Index("ix_ticket_checks_line", "line", "at"),
    Index("ix_ticket_checks_at", "at"),
)

access_sessions = Table(
    "access_sessions",
    metadata,
    Column("nas", Text, primary_key=True),
    Column("session", Text, primary_key=True),
    text_column("line", null=True),
    text_column("login"),
    text_column("address"),
    text_column("port"),
    text_column("circuit"),
    text_column("calling"),
    instant("started_at"),
    instant("heard_at"),
    instant("stopped_at", null=True),
    text_column("cause"),
    Column("in_octets", BigInteger, nullable=False),
    Column("out_octets", BigInteger, nullable=False),
    text_column("start_packet", null=True),
    Index("ix_access_sessions_line", "line"),
    Index("ix_access_sessions_heard_at", "heard_at"),
    sqlite_with_rowid=False,
)

context_sources = Table(
    "context_sources",
    metadata,
    Column("name", Text, primary_key=True),
    text_column("kind"),
    instant("tried_at"),
    instant("ok_at", null=True),
    instant("down_since", null=True),
    text_column("problem"),
    text_column("etag"),
    Column("entries", Integer, nullable=False),
    Column("left_out", Integer, nullable=False),
)
