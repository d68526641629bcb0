"""What access nodes tell: alarms, the last round over each node, the endpoints seen there, what disagrees."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from acs.store.schema.base import SERIAL, instant, metadata, text_column

access_alarms = Table(
    "access_alarms",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    instant("at"),
    instant("last_at"),
    Column("count", Integer, nullable=False),
    text_column("node"),
    text_column("address"),
    text_column("kind"),
    Column("clears", Integer, nullable=False),
    text_column("place"),
    Column("frame", Integer),
    Column("slot", Integer),
    Column("port", Integer),
    Column("ont", Integer),
    Column("if_index", Integer),
    text_column("serial"),
    text_column("line", null=True),
    text_column("trap"),
    text_column("detail"),
    Index("ix_access_alarms_node_id", "node", "id"),
    Index("ix_access_alarms_line_id", "line", "id"),
    Index("ix_access_alarms_last_at", "last_at"),
)

node_polls = Table(
    "node_polls",
    metadata,
    Column("node", Text, ForeignKey("access_nodes.name", ondelete="CASCADE"), primary_key=True),
    instant("polled_at"),
    instant("next_at"),
    Column("endpoints", Integer, nullable=False),
    Column("online", Integer, nullable=False),
    Column("asked", Integer, nullable=False),
    Column("complete", Integer, nullable=False),
    text_column("problem"),
)

node_endpoints = Table(
    "node_endpoints",
    metadata,
    Column("node", Text, ForeignKey("access_nodes.name", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("frame", Integer),
    Column("slot", Integer),
    Column("port", Integer),
    Column("ont", Integer),
    text_column("state"),
    text_column("line", null=True),
    instant("last_down_at", null=True),
    instant("first_seen_at"),
    instant("seen_at"),
    text_column("down_cause", null=True),
    Index("ix_node_endpoints_key", "key"),
    sqlite_with_rowid=False,
)

node_disagreements = Table(
    "node_disagreements",
    metadata,
    Column("node", Text, ForeignKey("access_nodes.name", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    text_column("line", null=True),
    text_column("detail"),
    instant("since_at"),
    instant("seen_at"),
    sqlite_with_rowid=False,
)
