"""What is searched: words and numbers of devices and lines, saved groups; and answers kept for repeated requests."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, Integer, LargeBinary, Table, Text

from acs.store.schema.base import SERIAL, instant, metadata, text_column

#: Text that both databases compare by its bytes, so that the beginning of a word is a range of an index.
BYTEWISE = Text().with_variant(Text(collation="C"), "postgresql")

# What changed and has not been taken into the index yet; exactly one of both columns says what.
search_changes = Table(
    "search_changes",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    text_column("device", null=True),
    text_column("line", null=True),
)

# One entry per device, and one per line without a device.
search_docs = Table(
    "search_docs",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE")),
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE")),
    # every text of the entry, folded: phrases are looked for in it
    text_column("texts"),
    Index("uq_search_docs_device", "device", unique=True),
    Index("ix_search_docs_line", "line"),
)

search_words = Table(
    "search_words",
    metadata,
    Column("field", BYTEWISE, primary_key=True),
    Column("word", BYTEWISE, primary_key=True),
    Column("doc", BigInteger, ForeignKey("search_docs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Index("ix_search_words_doc", "doc"),
    sqlite_with_rowid=False,
)

search_numbers = Table(
    "search_numbers",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Float(53), primary_key=True),
    Column("doc", BigInteger, ForeignKey("search_docs.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Index("ix_search_numbers_doc", "doc"),
    sqlite_with_rowid=False,
)

# Named queries.
search_groups = Table(
    "search_groups",
    metadata,
    Column("name", Text, primary_key=True),
    text_column("query"),
    text_column("description"),
    text_column("created_by"),
    instant("updated_at"),
)

line_phones = Table(
    "line_phones",
    metadata,
    Column("line", Text, ForeignKey("lines.id", ondelete="CASCADE"), primary_key=True),
    Column("phone", Text, primary_key=True),
    sqlite_with_rowid=False,
)

# The answers to requests that came with an Idempotency-Key.
kept_answers = Table(
    "kept_answers",
    metadata,
    # digest of who asked and the key
    Column("id", Text, primary_key=True),
    # digest of what was asked
    text_column("request"),
    instant("created_at"),
    # null while the first request runs
    Column("status", Integer),
    text_column("headers", null=True),
    Column("sealed_body", LargeBinary),
    Index("ix_kept_answers_created_at", "created_at"),
)
