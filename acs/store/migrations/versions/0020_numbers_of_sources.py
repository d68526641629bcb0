"""Tickets and their events by source: numbers and events of two ticket systems are two, whatever they are called."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

#: what stood in the table before
_OLD = "event_id, ticket, event_type, status, received_at, line_test, detail"
_MOVED = "ticket_events_moved"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("outside_id", sa.Text(), nullable=True))
    op.drop_index("uq_tickets_event_id", "tickets")
    op.create_index("uq_tickets_source_event_id", "tickets", ["source", "event_id"], unique=True)
    op.create_index("uq_tickets_source_outside_id", "tickets", ["source", "outside_id"], unique=True)
    of_ticket = "(SELECT t.{0} FROM tickets AS t WHERE t.id = e.ticket)"
    source, line = of_ticket.format("source"), of_ticket.format("line")
    op.execute(
        f"CREATE TABLE {_MOVED} AS SELECT coalesce({source}, '') AS source, {line} AS line, {_OLD} "
        "FROM tmf_ticket_events AS e"
    )
    op.drop_table("tmf_ticket_events")
    _create(sa.Column("source", sa.Text(), nullable=False), sa.Column("line", sa.Text(), nullable=True))
    op.execute(f"INSERT INTO tmf_ticket_events (source, line, {_OLD}) SELECT source, line, {_OLD} FROM {_MOVED}")
    op.drop_table(_MOVED)


def downgrade() -> None:
    op.execute(
        f"CREATE TABLE {_MOVED} AS SELECT {_OLD} FROM tmf_ticket_events AS e WHERE source = "
        "(SELECT min(one.source) FROM tmf_ticket_events AS one WHERE one.event_id = e.event_id)"
    )
    op.drop_table("tmf_ticket_events")
    _create()
    op.execute(f"INSERT INTO tmf_ticket_events ({_OLD}) SELECT {_OLD} FROM {_MOVED}")
    op.drop_table(_MOVED)
    op.execute("DELETE FROM tickets WHERE outside_id IS NOT NULL")
    op.execute(
        "DELETE FROM tickets WHERE EXISTS "
        "(SELECT 1 FROM tickets AS one WHERE one.event_id = tickets.event_id AND one.id < tickets.id)"
    )
    op.drop_index("uq_tickets_source_outside_id", "tickets")
    op.drop_index("uq_tickets_source_event_id", "tickets")
    op.create_index("uq_tickets_event_id", "tickets", ["event_id"], unique=True)
    op.drop_column("tickets", "outside_id")


def _create(source: "sa.Column[str] | None" = None, line: "sa.Column[str] | None" = None) -> None:
    """The table of events, of one source or of several."""
    columns = [
        source,
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("event_type", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        line,
        sa.Column("line_test", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
    ]
    key = ["event_id"] if source is None else ["source", "event_id"]
    op.create_table(
        "tmf_ticket_events",
        *(column for column in columns if column is not None),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_tmf_ticket_events")),
        sqlite_with_rowid=False,
    )
    for name in ("ticket", "line_test", "received_at"):
        op.create_index(f"ix_tmf_ticket_events_{name}", "tmf_ticket_events", [name], unique=False)
