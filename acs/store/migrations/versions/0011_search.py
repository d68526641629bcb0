"""Search, saved groups, phones of lines, answers kept for repeated requests."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BYTEWISE = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    _create_changes()
    _create_docs()
    _create_words()
    _create_numbers()
    _create_groups()
    _create_phones()
    _create_answers()
    # everything that is known already waits to be taken into the index
    op.execute("INSERT INTO search_changes (device) SELECT key FROM devices")
    op.execute("INSERT INTO search_changes (line) SELECT id FROM lines")


def downgrade() -> None:
    for table in (
        "kept_answers",
        "line_phones",
        "search_groups",
        "search_numbers",
        "search_words",
        "search_docs",
        "search_changes",
    ):
        op.drop_table(table)


def _create_changes() -> None:
    op.create_table(
        "search_changes",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("line", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_changes")),
    )


def _create_docs() -> None:
    op.create_table(
        "search_docs",
        sa.Column("id", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("texts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.key"], name=op.f("fk_search_docs_device"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_search_docs_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_docs")),
    )
    op.create_index("uq_search_docs_device", "search_docs", ["device"], unique=True)
    op.create_index("ix_search_docs_line", "search_docs", ["line"], unique=False)


def _create_words() -> None:
    op.create_table(
        "search_words",
        sa.Column("field", _BYTEWISE, nullable=False),
        sa.Column("word", _BYTEWISE, nullable=False),
        sa.Column("doc", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["doc"], ["search_docs.id"], name=op.f("fk_search_words_doc"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("field", "word", "doc", name=op.f("pk_search_words")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_words_doc", "search_words", ["doc"], unique=False)


def _create_numbers() -> None:
    op.create_table(
        "search_numbers",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(53), nullable=False),
        sa.Column("doc", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["doc"], ["search_docs.id"], name=op.f("fk_search_numbers_doc"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("name", "value", "doc", name=op.f("pk_search_numbers")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_numbers_doc", "search_numbers", ["doc"], unique=False)


def _create_groups() -> None:
    op.create_table(
        "search_groups",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_search_groups")),
    )


def _create_phones() -> None:
    op.create_table(
        "line_phones",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_line_phones_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("line", "phone", name=op.f("pk_line_phones")),
        sqlite_with_rowid=False,
    )


def _create_answers() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("headers", sa.Text(), nullable=True),
        sa.Column("sealed_body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answers")),
    )
    op.create_index("ix_kept_answers_created_at", "kept_answers", ["created_at"], unique=False)
