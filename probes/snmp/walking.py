"""A walk of one subtree: from question to question until the end is proved, or until it is known why not.

    question ─ rows ──────────────► next question, larger after full answers
        │  ├ rows beyond the root ─► the end, proved
        │  ├ rows that came before ► step over them with GETNEXT, a few times
        │  ├ empty ────────────────► is this the end, or an error? asked once more, another way
        │  └ silence ──────────────► smaller questions, within the tries of the target
        └ a part, and why it is one

The rule: `complete` is said only of a walk whose end the agent showed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from probes.errors import ProbeError, ProbeTimeout
from probes.snmp.target import Oid, Value

#: rows of one walk: more than any table that a line test reads [E]
MAX_ROWS = 100_000
#: times that a walk may be led astray before it is left [E]
MAX_STUMBLES = 3


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk gave. `complete` is False when it stopped before the end of the subtree; `problem` says why."""

    rows: tuple[tuple[Oid, Value], ...]
    complete: bool = True
    problem: str = ""
    #: the agent fell silent on the way
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Next:
    """What follows an OID, asked alone: a row, or the end, or an error in words."""

    row: tuple[Oid, Value | None] | None = None
    error: str = ""


class Asker(Protocol):
    """What a walk asks of a session."""

    async def rows_after(self, oid: Oid, *, singly: bool) -> list[tuple[Oid, Value | None]]:
        """The rows of one answer; `singly` asks for one row alone."""

    async def next_after(self, oid: Oid) -> Next:
        """What follows, asked so that an error shows as one."""

    def at_end(self) -> bool:
        """Whether the last answer, an empty one, was the end and nothing else."""

    def choked(self) -> bool:
        """Ask for less from now on; False when it is the least already."""


@dataclass(slots=True)
class _State:
    """Where a walk is."""

    root: Oid
    limit: int
    rows: dict[Oid, Value | None] = field(default_factory=dict)
    after: Oid = ""
    stumbles: int = 0
    singly: bool = False


async def walk(asker: Asker, root: Oid, limit: int = MAX_ROWS) -> Walk:
    """All instances below `root`, in the agent's order, at most `limit`.

    Raises:
        ProbeTimeout: not even the first answer came.
        ProbeError: the first answer could not be had for another reason.
    """
    state = _State(root, limit, after=root)
    while True:
        try:
            ended = await _step(asker, state)
        except ProbeError as error:
            if not state.rows:
                raise
            silent = isinstance(error, ProbeTimeout)
            why = f"no answer after {len(state.rows)} rows of {root}" if silent else str(error)
            why = f"the agent answers in circles, then: {why}" if state.stumbles else why
            return _walk_of(state.rows, why, silent=silent)
        if ended is not None:
            return ended


async def _step(asker: Asker, state: _State) -> Walk | None:
    """One question and what follows from its answer; a walk when it is over."""
    batch = await asker.rows_after(state.after, singly=state.singly)
    if not batch:
        return await _doubt(asker, state)
    prefix = state.root + "."
    inside = [row for row in batch if row[0].startswith(prefix)]
    known = len(state.rows)
    state.rows.update(inside)
    if len(state.rows) > state.limit:
        kept = dict(islice(state.rows.items(), state.limit))
        return _walk_of(kept, f"{state.root} has more than {state.limit} rows")
    if len(state.rows) < known + len(inside):
        return _stumble(state, fresh=len(state.rows) > known)
    if len(inside) < len(batch):
        return _walk_of(state.rows)
    state.after = batch[-1][0]
    return None


def _stumble(state: _State, *, fresh: bool) -> Walk | None:
    """The agent gave rows that it had given before: step over them, or leave it."""
    state.stumbles += 1
    last = max(state.rows, key=_order) if state.rows else state.root
    if state.stumbles > MAX_STUMBLES or (state.singly and not fresh):
        return _walk_of(state.rows, f"the agent answers in circles: {last} or its neighbours came twice")
    state.after, state.singly = last, True
    return None


async def _doubt(asker: Asker, state: _State) -> Walk | None:
    """An empty answer is the end of everything, or an error, or a lie: ask for one row alone."""
    if asker.at_end():
        return _walk_of(state.rows)
    found = await asker.next_after(state.after)
    if found.error:
        return _walk_of(state.rows, f"the agent answers {found.error} behind {state.after}")
    if found.row is None or not found.row[0].startswith(state.root + "."):
        return _walk_of(state.rows)
    if found.row[0] in state.rows:
        return _stumble(state, fresh=False)
    state.rows[found.row[0]] = found.row[1]
    state.after = found.row[0]
    if not asker.choked():
        state.singly = True
    return None


def _order(oid: Oid) -> tuple[int, ...]:
    return tuple(map(int, oid.split(".")))


def _walk_of(rows: Mapping[Oid, Value | None], problem: str = "", *, silent: bool = False) -> Walk:
    """The walk as the caller sees it; rows without a value (NULL) are left out."""
    found = tuple((oid, value) for oid, value in rows.items() if value is not None)
    return Walk(rows=found, complete=not problem, problem=problem, silent=silent)
