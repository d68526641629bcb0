"""Run by the crash tests in a process of its own: opens sessions for ever, and prints each that was acknowledged."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from acs.store import Store, Vault
from acs.store.records import OperationState, OperationTransition, SessionCommit, StepName
from tests.store.make import opening

START = datetime(2026, 3, 5, 12, tzinfo=UTC)
DEVICES = 30


async def main(url: str, key_file: str) -> None:
    store = await Store.open(url, vault=Vault.from_file(Path(key_file)))
    await asyncio.gather(*(device(store, n) for n in range(DEVICES)))


async def device(store: Store, n: int) -> None:
    key = f"device-{n}"
    for count in range(1_000_000):
        at = START + timedelta(seconds=count)
        events = (("1 BOOT", ""), ("M Reboot", f"{n}-{count}"))
        opened = await store.sessions.open(opening(at, key=key, session_id=f"{n}-{count}", events=events))
        say(f"open {key} {n}-{count}")
        for operation in opened.operations:
            change = OperationTransition(
                operation.id, (OperationState.QUEUED,), OperationState.SENT, at, StepName.RPC_SENT
            )
            committed = await store.sessions.commit(SessionCommit(key, f"{n}-{count}", at, (change,)))
            if committed.steps[0] is not None:
                say(f"sent {key} {operation.id}")


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
