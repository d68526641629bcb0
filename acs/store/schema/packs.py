"""Tables of rule packs: every version that ever judged, its approvals, where it decides, what it says silently."""

from sqlalchemy import Column, ForeignKey, Index, Integer, Table, Text

from acs.store.schema.base import instant, metadata, text_column

rule_packs = Table(
    "rule_packs",
    metadata,
    Column("hash", Text, primary_key=True),
    text_column("name"),
    text_column("version"),
    text_column("owner"),
    text_column("author"),
    instant("created_at"),
    text_column("note"),
    text_column("tree"),
    text_column("trials", null=True),
    text_column("report", null=True),
    Index("ix_rule_packs_created_at", "created_at"),
)

pack_approvals = Table(
    "pack_approvals",
    metadata,
    Column("hash", Text, ForeignKey("rule_packs.hash", ondelete="CASCADE"), primary_key=True),
    Column("actor", Text, primary_key=True),
    instant("at"),
    text_column("note"),
)

pack_activations = Table(
    "pack_activations",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("scope"),
    Column("hash", Text, ForeignKey("rule_packs.hash"), nullable=True),
    text_column("kind"),
    instant("at"),
    text_column("actor"),
    text_column("reason"),
    Index("ix_pack_activations_scope_id", "scope", "id"),
)

pack_shadows = Table(
    "pack_shadows",
    metadata,
    Column("hash", Text, ForeignKey("rule_packs.hash", ondelete="CASCADE"), primary_key=True),
    text_column("scope"),
    instant("started_at"),
    instant("ended_at", null=True),
    text_column("actor"),
)

shadow_verdicts = Table(
    "shadow_verdicts",
    metadata,
    Column("hash", Text, ForeignKey("rule_packs.hash", ondelete="CASCADE"), primary_key=True),
    Column("line_test", Text, ForeignKey("line_tests.id", ondelete="CASCADE"), primary_key=True),
    instant("at"),
    text_column("live_hash"),
    text_column("live"),
    text_column("said"),
    Column("differs", Integer, nullable=False),
    Index("ix_shadow_verdicts_hash_differs", "hash", "differs"),
    Index("ix_shadow_verdicts_line_test", "line_test"),
)
