"""Looking back at line tests: why a verdict was given, the same bits again, and what another pack would have said.

The rule of this file: it reads; nothing that was decided is changed by looking at it.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from acs.config import PacksSection
from acs.errors import Conflict, InvalidInput, NotFound
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.line_test_progress import known_test
from acs.services.packs import Packs, known_pack
from acs.services.replays import again, differing, judged_of, pack_hash
from acs.services.shadows import changed, short
from acs.store import after_fix as fix_store
from acs.store import line_tests as test_store
from acs.store import packs as pack_store
from acs.store.records import Json, LineTestRecord, LineTestState
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.errors import PackError
from probes.linetest.costs import excess, handling, money_of
from probes.linetest.explanation import explain
from probes.linetest.model import VerdictKind
from probes.linetest.pack import Pack
from probes.linetest.pack_diff import pack_diff
from probes.linetest.pack_files import Tree, build_pack, whole_tree

#: tests of one page of a replay
_PAGE = 200
#: tests that decide differently and are told one by one
_TOLD = 500
#: closures that a replay is held against
_MOST_CLOSED = 100_000


@dataclass(frozen=True, slots=True)
class Side:
    """One of two packs that are compared."""

    pack: Pack
    tree: Tree


class Reviews:
    """Use cases that look back."""

    def __init__(self, store: Store, packs: Packs, config: PacksSection, *, clock: Clock) -> None:
        self._store = store
        self._packs = packs
        self._config = config
        self._clock = clock

    async def explain(self, actor: Actor, test_id: str) -> dict[str, Any]:
        """Why a finished test said what it said: sums, what was missing, what would have flipped it.

        Raises:
            NotFound: no such test, or its pack is not stored.
            Conflict: it has no verdict, or was stored without what judging it again takes.
        """
        actor.require(Scope.READ)
        test, pack = await self._test_and_pack(test_id, "")
        judged, _ = judged_of(test)
        told = await asyncio.to_thread(explain, pack, judged)
        return {"line_test": test.id, "line": test.line, **told}

    async def replay(self, actor: Actor, test_id: str, *, pack: str = "") -> dict[str, Any]:
        """Judge a finished test again from its stored facts, by its own pack or another one.

        Raises:
            NotFound: no such test or pack.
            Conflict: see `explain`.
        """
        actor.require(Scope.READ)
        test, chosen = await self._test_and_pack(test_id, pack)
        verdict = await asyncio.to_thread(again, test, chosen)
        stored: Mapping[str, Any] = test.verdict if isinstance(test.verdict, dict) else {}
        keys = differing(stored, verdict)
        return {"line_test": test.id, "same": not keys, "differing": keys, "stored": stored, "verdict": verdict}

    async def _test_and_pack(self, test_id: str, pack: str) -> tuple[LineTestRecord, Pack]:
        async with self._store.reading() as tx:
            test = await known_test(tx, test_id)
            digest = await self._packs.resolve(tx, pack) if pack else pack_hash(test)
            return test, await self._packs.pack(tx, digest)

    async def compare(
        self, actor: Actor, old: str, new: str, *, files: Mapping[str, str] | None = None, days: float = 0.0
    ) -> dict[str, Any]:
        """What two packs say differently; with `days`, which tests of that time would change, and at what cost.

        `old` and `new` are hashes, `active` or `packaged`; `files` (name → TOML) stand in for `new`.

        Raises:
            NotFound: no such pack.
            InvalidInput: the files are no pack.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            before = await self._side(tx, old)
            after = await self._of_files(files) if files else await self._side(tx, new)
        told: dict[str, Any] = {
            "old": _named(before.pack),
            "new": _named(after.pack),
            "keys": pack_diff(before.tree, after.tree),
        }
        if days > 0:
            told["replay"] = await self._replay(before.pack, after.pack, days)
        return told

    async def _side(self, tx: Transaction, name: str) -> Side:
        digest = await self._packs.resolve(tx, name)
        pack = await self._packs.pack(tx, digest)
        if pack is self._packs.base:
            return Side(pack, self._packs.base_tree)
        record = await known_pack(tx, digest)
        return Side(pack, record.tree if isinstance(record.tree, dict) else {})

    async def _of_files(self, files: Mapping[str, str]) -> Side:
        try:
            tree = whole_tree(files)
            return Side(await asyncio.to_thread(build_pack, tree), tree)
        except PackError as error:
            raise InvalidInput(str(error)) from error

    async def _replay(self, before: Pack, after: Pack, days: float) -> dict[str, Any]:
        since, last, seen = self._clock() - timedelta(days=days), None, 0
        async with self._store.reading() as tx:
            truths = await fix_store.truths_since(tx, since, limit=_MOST_CLOSED)
        tally, truncated = Tally(before, after, truths), True
        while seen < self._config.replay_tests:
            async with self._store.reading() as tx:
                page = await test_store.list_line_tests(tx, states=(LineTestState.DONE,), limit=_PAGE, before=last)
            fresh = [test for test in page if test.created_at >= since]
            await asyncio.to_thread(tally.take, fresh)
            seen += len(fresh)
            if len(fresh) < _PAGE:
                truncated = False
                break
            last = page[-1].id
        return {**tally.told(), "truncated": truncated}

    async def overrides(self, actor: Actor) -> list[dict[str, Any]]:
        """Every scope with rules of its own, as what they change of the rules that decide everywhere."""
        actor.require(Scope.READ)
        out = []
        async with self._store.reading() as tx:
            everywhere = await self._side(tx, "active")
            for scope, activation in sorted((await pack_store.active(tx)).items()):
                if not scope or activation.hash is None:
                    continue
                side = await self._side(tx, activation.hash)
                keys = pack_diff(everywhere.tree, side.tree)
                out.append({"scope": scope, "pack": _named(side.pack), "since": activation.at, "keys": keys})
        return out

    async def shadow_report(self, actor: Actor, digest: str, *, limit: int = 100) -> dict[str, Any]:
        """What a silent pack would have decided differently.

        Raises:
            NotFound: no such pack, or it never judged silently.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            await known_pack(tx, digest)
            shadow = await pack_store.shadow(tx, digest)
            if shadow is None:
                raise NotFound(f"pack {digest} never judged silently; start it with POST /packs/{digest}/shadow")
            count = await pack_store.count_shadow_verdicts(tx, digest, shadow.started_at)
            found = await pack_store.shadow_differences(tx, digest, limit=limit)
        rows = [{"line_test": one.line_test, "at": one.at, "live": one.live, "said": one.said} for one in found]
        return {
            "pack": digest,
            "scope": shadow.scope,
            "started_at": shadow.started_at,
            "ended_at": shadow.ended_at,
            "judged": count.judged,
            "differed": count.differed,
            "failed": count.failed,
            "differences": rows,
        }


class Tally:
    """Two packs over stored tests: how many decisions change, from what to what, and what they cost.

    `truths`: line test → the cause that its ticket was closed with. Only there it is known what a verdict cost that
    was wrong; without it a pack that says nothing would look cheap, for it carries nothing out.
    """

    def __init__(self, before: Pack, after: Pack, truths: Mapping[str, str]) -> None:
        self._packs = (before, after)
        self._truths = truths
        self._closed, self._wrong = 0, [0.0, 0.0]
        self._money = money_of(after.file.engine)
        self._judged = self._skipped = self._changed = 0
        self._spent = [0.0, 0.0]
        self._pairs: Counter[tuple[str, str]] = Counter()
        self._rows: list[dict[str, Any]] = []

    def take(self, tests: Sequence[LineTestRecord]) -> None:
        """Judge these tests by both packs. Costs about two milliseconds a test."""
        for test in tests:
            try:
                one, other = (again(test, pack) for pack in self._packs)
            except Conflict:
                self._skipped += 1
                continue
            self._count(test, one, other)

    def _count(self, test: LineTestRecord, one: Mapping[str, Any], other: Mapping[str, Any]) -> None:
        self._judged += 1
        prices = [handling(VerdictKind(str(each["verdict"])), self._money) for each in (one, other)]
        self._spent = [spent + price for spent, price in zip(self._spent, prices, strict=True)]
        old, new = short(one), short(other)
        wrong = self._wronged(test, (one, other))
        if not changed(old, new):
            return
        self._changed += 1
        self._pairs[str(old["verdict"]), str(new["verdict"])] += 1
        if len(self._rows) < _TOLD:
            row: dict[str, Json] = {"line_test": test.id, "line": test.line, "ticket": test.ticket}
            self._rows.append({**row, "old": old, "new": new, "cost": prices[1] - prices[0], "wrong": wrong})

    def _wronged(self, test: LineTestRecord, said: Sequence[Mapping[str, Any]]) -> float | None:
        """How much more the new verdict costs by being wrong; None where nobody told what was true.

        What a cause needs the old pack says, where it knows it: the one on trial does not mark its own work.
        """
        truth = self._truths.get(test.id, "")
        cause = next((pack.file.cause[truth] for pack in self._packs if truth in pack.file.cause), None)
        if cause is None:
            return None
        costs = [
            excess(VerdictKind(str(each["verdict"])), cause.verdict, self._money, same_cause=each["cause"] == truth)
            for each in said
        ]
        self._closed += 1
        self._wrong = [sum_ + cost for sum_, cost in zip(self._wrong, costs, strict=True)]
        return costs[1] - costs[0]

    def told(self) -> dict[str, Any]:
        """Return the report as plain values."""
        pairs = [{"old": old, "new": new, "count": n} for (old, new), n in sorted(self._pairs.items())]
        return {
            "judged": self._judged,
            "skipped": self._skipped,
            "changed": self._changed,
            "pairs": pairs,
            "spent_old": self._spent[0],
            "spent_new": self._spent[1],
            "closed": self._closed,
            "wrong_old": self._wrong[0],
            "wrong_new": self._wrong[1],
            "tests": self._rows,
        }


def _named(pack: Pack) -> dict[str, str]:
    return {"id": pack.ref.id, "version": pack.ref.version, "hash": pack.ref.hash}
