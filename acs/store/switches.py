"""Switches that a person throws for the whole system, such as the freeze."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select

from acs.store.instants import instant, micros
from acs.store.limits import check_text
from acs.store.schema import switches
from acs.store.transaction import Transaction

_BY_NAME = select(switches).where(switches.c.name == bindparam("name"))


@dataclass(frozen=True, slots=True)
class SwitchRecord:
    """How a switch stands, who threw it last, and why."""

    name: str
    engaged: bool
    actor: str
    at: datetime
    reason: str = ""


async def get(tx: Transaction, name: str) -> SwitchRecord | None:
    """Return the switch; None where it was never thrown."""
    row = await tx.one(_BY_NAME, {"name": name})
    return None if row is None else SwitchRecord(row.name, bool(row.engaged), row.actor, instant(row.at), row.reason)


async def put(tx: Transaction, switch: SwitchRecord) -> None:
    """Store how a switch stands now.

    Raises:
        InvalidInput: the reason is too long.
    """
    row = {
        "name": switch.name,
        "engaged": int(switch.engaged),
        "actor": switch.actor,
        "at": micros(switch.at),
        "reason": check_text("reason", switch.reason),
    }
    await tx.upsert(switches, [row])
