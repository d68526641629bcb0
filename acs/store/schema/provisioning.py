"""Tags, what was provisioned, files and their transfers, firmware campaigns."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, text

from acs.store.schema.base import instant, metadata, text_column

device_tags = Table(
    "device_tags",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    instant("since"),
    Index("ix_device_tags_tag", "tag"),
    sqlite_with_rowid=False,
)

# What was last given to a device; without a row nothing was.
provision_states = Table(
    "provision_states",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    # digest of everything that the rules wanted at that time
    text_column("wanted"),
    text_column("operation", null=True),
    # JSON object: parameter → keyed digest of the secret that it was given
    text_column("secrets"),
    instant("updated_at"),
)

# A rule at a device that refused it, or does not keep what it sets; gone when it was applied without trouble.
provision_refusals = Table(
    "provision_refusals",
    metadata,
    Column("device", Text, ForeignKey("devices.key", ondelete="CASCADE"), primary_key=True),
    Column("rule", Text, primary_key=True),
    # the rule as it was then: a changed rule is tried again
    text_column("digest"),
    Column("refusals", Integer, nullable=False),
    text_column("reason"),
    instant("updated_at"),
    instant("stopped_at", null=True),
    Index(
        "ix_provision_refusals_stopped_at",
        "stopped_at",
        sqlite_where=text("stopped_at IS NOT NULL"),
        postgresql_where=text("stopped_at IS NOT NULL"),
    ),
)

files = Table(
    "files",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("name"),
    text_column("file_type"),
    text_column("version"),
    # JSON list of models, such as 00AA11:ONT-*; empty = every model
    text_column("models"),
    Column("size_bytes", BigInteger, nullable=False),
    text_column("sha256"),
    text_column("note"),
    # the device that sent it; NULL = an operator did
    text_column("device", null=True),
    text_column("operation", null=True),
    instant("created_at"),
    text_column("created_by"),
    Index("ix_files_device", "device"),
)

file_transfers = Table(
    "file_transfers",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("device"),
    # download: the device fetches `file`; upload: it sends one, and `file` is what came
    text_column("direction"),
    text_column("file", null=True),
    text_column("file_type"),
    text_column("operation", null=True),
    text_column("username"),
    Column("sealed_password", LargeBinary, nullable=False),
    instant("created_at"),
    instant("expires_at"),
    instant("first_used_at", null=True),
    instant("completed_at", null=True),
    Column("sent_bytes", BigInteger, nullable=False),
    text_column("address"),
    Index("ix_file_transfers_device", "device"),
    Index("ix_file_transfers_file", "file"),
    Index("ix_file_transfers_expires_at", "expires_at"),
)

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Text, primary_key=True),
    text_column("name"),
    text_column("file"),
    text_column("version"),
    # JSON object: targets, canary, window, rates, stop rules
    text_column("settings"),
    text_column("state"),
    text_column("detail"),
    instant("created_at"),
    text_column("created_by"),
    instant("canary_passed_at", null=True),
    instant("finished_at", null=True),
    Index("uq_campaigns_name", "name", unique=True),
    Index("ix_campaigns_state", "state"),
)

campaign_devices = Table(
    "campaign_devices",
    metadata,
    Column("campaign", Text, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("device", Text, primary_key=True),
    text_column("state"),
    Column("canary", Boolean, nullable=False),
    # the order of starting: by a hash of the device, so that one street is not upgraded all at once
    Column("place", Integer, nullable=False),
    text_column("version_before"),
    text_column("operation", null=True),
    Column("attempts", Integer, nullable=False),
    instant("started_at", null=True),
    instant("finished_at", null=True),
    text_column("detail"),
    Index("ix_campaign_devices_campaign_state_place", "campaign", "state", "place"),
    Index("ix_campaign_devices_device", "device"),
)
