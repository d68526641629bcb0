"""The audit line of every write: who, what, which thing, from where, before and after. Never a secret.

The rule of this file: keys that name a secret lose their value here, whatever the caller hands in.
"""

from collections.abc import Mapping
from datetime import datetime

from acs.secret_names import is_secret
from acs.services.actor import Actor
from acs.store import audit as audit_store
from acs.store.reach import current_view
from acs.store.records import AuditRecord, Json
from acs.store.transaction import Transaction

_HIDDEN = "(not recorded)"


async def note(
    tx: Transaction,
    actor: Actor,
    action: str,
    target: str,
    at: datetime,
    *,
    before: Mapping[str, Json] | None = None,
    after: Mapping[str, Json] | None = None,
    ticket: str | None = None,
) -> None:
    """Write one audit line in the transaction of the change itself; `ticket` None: that of the request, or of `after`.

    `action` is `noun.past_verb`; `target` is `line:ID`, `device:KEY`, `ticket:ID` and so on. Of `before` and `after`
    only what differs is kept.
    """
    detail: dict[str, Json] = {"kind": actor.kind, "origin": actor.origin}
    if actor.id:
        detail["token"] = actor.id
    old, new = _difference(before or {}, after or {})
    if old:
        detail["before"] = {key: _shown(key, value) for key, value in old.items()}
    if new:
        detail["after"] = {key: _shown(key, value) for key, value in new.items()}
    for_ticket = ticket if ticket is not None else _ticket_of(target, after or {})
    entry = AuditRecord(at=at, actor=actor.name, action=action, target=target, detail=detail, ticket=for_ticket)
    await audit_store.append(tx, entry)


def _ticket_of(target: str, after: Mapping[str, Json]) -> str:
    """The ticket that the change is for: what it says itself, else what the request says."""
    if isinstance(told := after.get("ticket"), str) and told:
        return told
    if target.startswith("ticket:"):
        return target.removeprefix("ticket:")
    view = current_view()
    return view.ticket if view is not None else ""


def _difference(before: Mapping[str, Json], after: Mapping[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    old = {key: value for key, value in before.items() if key not in after or after[key] != value}
    new = {key: value for key, value in after.items() if key not in before or before[key] != value}
    return old, new


def _shown(key: str, value: Json) -> Json:
    if is_secret(key):
        return _HIDDEN
    if isinstance(value, dict):
        return {inner: _shown(inner, item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_shown(key, item) for item in value]
    return value
