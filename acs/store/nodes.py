"""Access nodes (OLT, switch, DSLAM) and the sealed credentials to read them with."""

import json
from typing import Any

from sqlalchemy import Row, bindparam, delete, select

from acs.store.instants import instant, micros
from acs.store.limits import check_record, check_text
from acs.store.records import AccessNode
from acs.store.schema import access_nodes
from acs.store.transaction import Transaction

_BY_NAME = select(access_nodes).where(access_nodes.c.name == bindparam("name"))
_HELD = _BY_NAME.with_for_update()
_ALL = select(access_nodes).order_by(access_nodes.c.name)


async def put(tx: Transaction, node: AccessNode) -> None:
    """Store a node, replacing the one of that name.

    Raises:
        InvalidInput: a text is too long.
    """
    check_record(node)
    for name, value in node.credentials.items():
        check_text("credential name", name)
        check_text("secret", value)
    row = {
        "name": node.name,
        "address": node.address,
        "port": node.port,
        "profile": node.profile,
        "sealed_credentials": tx.vault.seal(json.dumps(dict(node.credentials)).encode()),
        "updated_at": micros(node.updated_at),
    }
    await tx.upsert(access_nodes, [row])


async def get(tx: Transaction, name: str) -> AccessNode | None:
    """Return the node with its credentials opened, or None."""
    row = await tx.one(_BY_NAME, {"name": name})
    return None if row is None else _record(tx, row)


async def hold(tx: Transaction, name: str) -> AccessNode | None:
    """The node, or None; until the transaction ends nobody else changes it."""
    row = await tx.one(_HELD, {"name": name})
    return None if row is None else _record(tx, row)


async def list_nodes(tx: Transaction) -> list[AccessNode]:
    """Return every node with its credentials opened, by name."""
    return [_record(tx, row) for row in await tx.rows(_ALL)]


async def remove(tx: Transaction, name: str) -> bool:
    """Forget a node; False where it is not known."""
    return await tx.run(delete(access_nodes).where(access_nodes.c.name == name)) == 1


def _record(tx: Transaction, row: Row[Any]) -> AccessNode:
    credentials = json.loads(tx.vault.open(row.sealed_credentials))
    return AccessNode(row.name, row.address, instant(row.updated_at), row.port, row.profile, credentials)
