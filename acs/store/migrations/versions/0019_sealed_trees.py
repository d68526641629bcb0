"""Trees keep their secrets sealed beside the vector, and what an Inform carried holds none.

What Informs carried is looked through here, and secrets are taken out: the device says them again. Trees are sealed by
the worker, some at a time: it has the key, and rewriting millions of them in one transaction would take hours.
"""

import json

import sqlalchemy as sa
from alembic import op

from acs.secret_names import is_secret

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_PAGE = 2_000
_MANY = sa.text("SELECT key, inform_json FROM devices WHERE key > :after ORDER BY key LIMIT :page")
_SET = sa.text("UPDATE devices SET inform_json = :values WHERE key = :key")


def upgrade() -> None:
    op.add_column("device_trees", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    unsealed = sa.text("sealed IS NULL")
    op.create_index(
        "ix_device_trees_unsealed", "device_trees", ["device"], sqlite_where=unsealed, postgresql_where=unsealed
    )
    _take_secrets_out_of_informs(op.get_bind())


def downgrade() -> None:
    op.drop_index("ix_device_trees_unsealed", "device_trees")
    op.drop_column("device_trees", "sealed")


def _take_secrets_out_of_informs(connection: sa.Connection) -> None:
    after = ""
    while rows := connection.execute(_MANY, {"after": after, "page": _PAGE}).all():
        after = rows[-1].key
        for row in rows:
            known = json.loads(row.inform_json)
            open_ones = {name: value for name, value in known.items() if not (value[0] and is_secret(name))}
            if len(open_ones) < len(known):
                text = json.dumps(open_ones, separators=(",", ":"))
                connection.execute(_SET, {"values": text, "key": row.key})
