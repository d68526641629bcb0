"""Packs: versions, approvals, activations, shadow verdicts."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_rule_packs()
    _create_pack_approvals()
    _create_pack_activations()
    _create_pack_shadows()
    _create_shadow_verdicts()


def downgrade() -> None:
    for table in ("shadow_verdicts", "pack_shadows", "pack_activations", "pack_approvals", "rule_packs"):
        op.drop_table(table)


def _create_rule_packs() -> None:
    op.create_table(
        "rule_packs",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("trials", sa.Text(), nullable=True),
        sa.Column("report", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_rule_packs")),
    )
    op.create_index("ix_rule_packs_created_at", "rule_packs", ["created_at"], unique=False)


def _create_pack_approvals() -> None:
    op.create_table(
        "pack_approvals",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["rule_packs.hash"], name=op.f("fk_pack_approvals_hash"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", "actor", name=op.f("pk_pack_approvals")),
    )


def _create_pack_activations() -> None:
    op.create_table(
        "pack_activations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["rule_packs.hash"], name=op.f("fk_pack_activations_hash")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pack_activations")),
    )
    op.create_index("ix_pack_activations_scope_id", "pack_activations", ["scope", "id"], unique=False)


def _create_pack_shadows() -> None:
    op.create_table(
        "pack_shadows",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["hash"], ["rule_packs.hash"], name=op.f("fk_pack_shadows_hash"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_pack_shadows")),
    )


def _create_shadow_verdicts() -> None:
    op.create_table(
        "shadow_verdicts",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("line_test", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("live_hash", sa.Text(), nullable=False),
        sa.Column("live", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("differs", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hash"], ["rule_packs.hash"], name=op.f("fk_shadow_verdicts_hash"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["line_test"], ["line_tests.id"], name=op.f("fk_shadow_verdicts_line_test"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", "line_test", name=op.f("pk_shadow_verdicts")),
    )
    op.create_index("ix_shadow_verdicts_hash_differs", "shadow_verdicts", ["hash", "differs"], unique=False)
    op.create_index("ix_shadow_verdicts_line_test", "shadow_verdicts", ["line_test"], unique=False)
