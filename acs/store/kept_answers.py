"""Answers to requests that came with an Idempotency-Key: the same request again gets the same answer.

The rule of this file: what an answer says is sealed, because it may hold a secret that is shown once.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from acs.store.built import new
from acs.store.instants import instant, micros
from acs.store.schema import kept_answers
from acs.store.transaction import Transaction

_BY_ID = select(kept_answers).where(kept_answers.c.id == bindparam("id"))
_END = (
    update(kept_answers).where(kept_answers.c.id == bindparam("its_id")).values(new("status", "headers", "sealed_body"))
)
_DROP = delete(kept_answers).where(kept_answers.c.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What is known of a request; `status` None: it has not ended."""

    #: digest of what was asked
    request: str
    created_at: datetime
    status: int | None
    #: JSON object of the headers that belong to the answer
    headers: str
    body: bytes


async def begin(tx: Transaction, id_: str, request: str, now: datetime) -> bool:
    """Note that a request runs; False where one with this id is known."""
    return await tx.insert(kept_answers, {"id": id_, "request": request, "created_at": micros(now)})


async def get(tx: Transaction, id_: str) -> KeptAnswer | None:
    """Return what is known of a request, or None."""
    row = await tx.one(_BY_ID, {"id": id_})
    if row is None:
        return None
    body = b"" if row.sealed_body is None else tx.vault.open(row.sealed_body)
    return KeptAnswer(row.request, instant(row.created_at), row.status, row.headers or "{}", body)


async def end(tx: Transaction, id_: str, status: int, headers: str, body: bytes) -> None:
    """Keep the answer of a request."""
    sealed = tx.vault.seal(body)
    await tx.run(_END, {"its_id": id_, "new_status": status, "new_headers": headers, "new_sealed_body": sealed})


async def drop(tx: Transaction, id_: str) -> None:
    """Forget a request: it may be tried again."""
    await tx.run(_DROP, {"id": id_})


async def drop_before(tx: Transaction, then: datetime) -> int:
    """Forget the requests that came before an instant and return how many these were."""
    return await tx.run(delete(kept_answers).where(kept_answers.c.created_at < micros(then)))
