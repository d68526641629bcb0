"""What is told to other systems, what they answered, and what was seen of theirs."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text, text

from acs.store.schema.base import SERIAL, instant, metadata, text_column

_PENDING = text("state = 'pending'")

#: One message to one target. Messages of one target about one subject go in the order of their ids.
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("target"),
    text_column("subject"),
    text_column("ticket", null=True),
    text_column("event_type"),
    text_column("body"),
    text_column("state"),
    instant("created_at"),
    instant("next_at"),
    Column("attempts", Integer, nullable=False),
    instant("finished_at", null=True),
    text_column("last_error"),
    Index(
        "ix_deliveries_pending",
        "target",
        "subject",
        "id",
        sqlite_where=_PENDING,
        postgresql_where=_PENDING,
    ),
    Index("ix_deliveries_created_at", "created_at"),
    Index("ix_deliveries_ticket", "ticket"),
)

#: The delivery log: every try, with what the other side answered.
delivery_attempts = Table(
    "delivery_attempts",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("delivery", Text, ForeignKey("deliveries.id", ondelete="CASCADE"), nullable=False),
    instant("at"),
    Column("duration_ms", Integer, nullable=False),
    Column("taken", Integer, nullable=False),
    text_column("answer"),
    Index("ix_delivery_attempts_delivery", "delivery"),
)

#: Signatures of incoming messages that were used; kept as long as their time would be believed.
webhook_replays = Table(
    "webhook_replays",
    metadata,
    Column("source", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    instant("at"),
    Index("ix_webhook_replays_at", "at"),
    sqlite_with_rowid=False,
)

#: How far the changes of a ticket system were read.
ticket_feeds = Table(
    "ticket_feeds",
    metadata,
    Column("system", Text, primary_key=True),
    instant("seen_to"),
    instant("looked_at"),
    text_column("problem"),
    text_column("refused", null=True),
    sqlite_with_rowid=False,
)

#: A ticket as its own system showed it last.
ticket_states = Table(
    "ticket_states",
    metadata,
    Column("ticket", Text, primary_key=True),
    text_column("system"),
    text_column("status"),
    text_column("word"),
    instant("changed_at"),
    Index("ix_ticket_states_system", "system"),
    sqlite_with_rowid=False,
)
