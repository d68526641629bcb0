"""Rights: groups of lines, grants, people, approvals, the chain of the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_line_groups()
    _create_token_grants()
    _create_people()
    _create_sign_ins()
    _create_approvals()
    _create_audit_links()
    _create_audit_chain()
    _create_audit_anchors()


def downgrade() -> None:
    for table in (
        "audit_anchors",
        "audit_chain",
        "audit_links",
        "approvals",
        "sign_ins",
        "people",
        "token_grants",
        "line_groups",
    ):
        op.drop_table(table)


def _create_line_groups() -> None:
    op.create_table(
        "line_groups",
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["line"], ["lines.id"], name=op.f("fk_line_groups_line"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("line", "kind", "name", name=op.f("pk_line_groups")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_line_groups_name", "line_groups", ["kind", "name"], unique=False)


def _create_token_grants() -> None:
    op.create_table(
        "token_grants",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("grants", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["token"], ["tokens.id"], name=op.f("fk_token_grants_token"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_token_grants")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_token_grants_person", "token_grants", ["person"], unique=False)


def _create_people() -> None:
    op.create_table(
        "people",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("grants", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("sealed_totp", sa.LargeBinary(), nullable=True),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=True),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("last_login_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_people")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_people_subject", "people", ["subject"], unique=False)


def _create_sign_ins() -> None:
    op.create_table(
        "sign_ins",
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("return_to", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("person", sa.Text(), nullable=True),
        sa.Column("grants", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("state", name=op.f("pk_sign_ins")),
        sqlite_with_rowid=False,
    )


def _create_approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=True),
        sa.Column("line", sa.Text(), nullable=True),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposer", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decider", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("run_by", sa.Text(), nullable=False),
        sa.Column("run_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_approvals_state", "approvals", ["state"], unique=False)


def _create_audit_links() -> None:
    op.create_table(
        "audit_links",
        sa.Column("entry", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("ticket", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_audit_links")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_links_ticket", "audit_links", ["ticket"], unique=False)


def _create_audit_chain() -> None:
    op.create_table(
        "audit_chain",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("after_entry", sa.BigInteger(), nullable=False),
        sa.Column("after_hash", sa.Text(), nullable=False),
        sa.Column("last_entry", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.Text(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_chain")),
        sqlite_with_rowid=False,
    )


def _create_audit_anchors() -> None:
    op.create_table(
        "audit_anchors",
        sa.Column("entry", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("seal", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry", name=op.f("pk_audit_anchors")),
        sqlite_with_rowid=False,
    )
