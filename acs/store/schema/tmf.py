"""TM Forum interfaces: who listens to our hubs, what ticket systems told, and what of ours is kept in them."""

from sqlalchemy import Column, Index, Table, Text

from acs.store.schema.base import instant, metadata, text_column

#: A listener of one of our hubs. `groups` are the lines that its token saw when it subscribed, as JSON.
tmf_subscriptions = Table(
    "tmf_subscriptions",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("interface"),
    text_column("callback"),
    text_column("query"),
    text_column("base"),
    text_column("token"),
    text_column("actor"),
    text_column("groups"),
    instant("created_at"),
    Index("ix_tmf_subscriptions_interface", "interface"),
    sqlite_with_rowid=False,
)

#: An event of a ticket that is no creation; the same event is answered from here.
tmf_ticket_events = Table(
    "tmf_ticket_events",
    metadata,
    Column("source", Text, primary_key=True),
    Column("event_id", Text, primary_key=True),
    text_column("ticket"),
    text_column("event_type"),
    text_column("status"),
    instant("received_at"),
    text_column("line", null=True),
    text_column("line_test", null=True),
    text_column("detail"),
    Index("ix_tmf_ticket_events_ticket", "ticket"),
    Index("ix_tmf_ticket_events_line_test", "line_test"),
    Index("ix_tmf_ticket_events_received_at", "received_at"),
    sqlite_with_rowid=False,
)

#: Something that we made in a ticket system: the ticket of an outage, our place in its hub.
tmf_remote_things = Table(
    "tmf_remote_things",
    metadata,
    Column("system", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    text_column("remote_id"),
    text_column("detail"),
    instant("at"),
    sqlite_with_rowid=False,
)
