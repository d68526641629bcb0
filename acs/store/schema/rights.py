"""Rights: groups of lines, grants of tokens, people, what waits for another person, the chain of the audit trail."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text

from acs.store.schema.base import instant, metadata, text_column

line_groups = Table(
    "line_groups",
    metadata,
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Index("ix_line_groups_name", "kind", "name"),
    sqlite_with_rowid=False,
)

token_grants = Table(
    "token_grants",
    metadata,
    Column("token", Text, ForeignKey("tokens.id", ondelete="CASCADE"), primary_key=True),
    text_column("person"),
    text_column("grants"),
    Index("ix_token_grants_person", "person"),
    sqlite_with_rowid=False,
)

people = Table(
    "people",
    metadata,
    Column("name", Text, primary_key=True),
    text_column("full_name"),
    text_column("subject"),
    text_column("grants"),
    text_column("password_hash", null=True),
    Column("sealed_totp", LargeBinary),
    Column("totp_step", BigInteger, nullable=False),
    Column("failures", Integer, nullable=False),
    instant("locked_until", null=True),
    instant("disabled_at", null=True),
    instant("created_at"),
    text_column("created_by"),
    instant("last_login_at", null=True),
    Index("ix_people_subject", "subject"),
    sqlite_with_rowid=False,
)

sign_ins = Table(
    "sign_ins",
    metadata,
    Column("state", Text, primary_key=True),
    text_column("challenge"),
    text_column("return_to"),
    Column("sealed", LargeBinary, nullable=False),
    instant("expires_at"),
    text_column("code_hash", null=True),
    text_column("person", null=True),
    text_column("grants", null=True),
    sqlite_with_rowid=False,
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("kind"),
    text_column("subject"),
    Column("device", Text),
    Column("line", Text),
    text_column("wanted"),
    text_column("reason"),
    text_column("ticket"),
    text_column("state"),
    text_column("proposed_by"),
    text_column("proposer"),
    instant("proposed_at"),
    instant("expires_at"),
    text_column("decided_by"),
    text_column("decider"),
    instant("decided_at", null=True),
    text_column("decision"),
    text_column("run_by"),
    instant("run_at", null=True),
    text_column("outcome"),
    Index("ix_approvals_state", "state"),
    sqlite_with_rowid=False,
)

audit_links = Table(
    "audit_links",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    text_column("ticket"),
    text_column("hash"),
    Index("ix_audit_links_ticket", "ticket"),
    sqlite_with_rowid=False,
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("after_entry", BigInteger, nullable=False),
    text_column("after_hash"),
    Column("last_entry", BigInteger, nullable=False),
    text_column("last_hash"),
    Column("entries", BigInteger, nullable=False),
    text_column("seal"),
    sqlite_with_rowid=False,
)

audit_anchors = Table(
    "audit_anchors",
    metadata,
    Column("entry", BigInteger, primary_key=True, autoincrement=False),
    instant("at"),
    text_column("hash"),
    text_column("seal"),
    sqlite_with_rowid=False,
)
