"""Rule packs from a proposal to a decision, and back.

    proposed ─ lint and cases pass ─→ shadow (judges silently) ─→ approved by two ─→ active ─→ rolled back

The packaged pack (or the one that the configuration names) decides where nothing else was activated. A pack decides in
a scope: everywhere, or below a topology path; the nearest scope wins. The rule of this file: what decides is only ever
changed by an activation that is stored with its author and reason, and every pack that judged stays in the store.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from acs.config import PacksSection
from acs.errors import Conflict, Forbidden, InvalidInput, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.identifiers import new_id
from acs.store import packs as pack_store
from acs.store.packs import PackActivation, PackApproval, PackRecord, PackShadow, ShadowCount
from acs.store.records import Json
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.errors import PackError
from probes.linetest.case_files import documents_of
from probes.linetest.form import Cause
from probes.linetest.lint_whole import lint_whole
from probes.linetest.pack import Pack
from probes.linetest.pack_files import Tree, build_pack, default_own_tree, tree_hash, whole_tree
from probes.linetest.trials import Trial, run, trials_of

log = structlog.get_logger()

#: who stored the pack that came with the server
_PACKAGED = "server"
#: faults of a refused pack that are told
_TOLD = 50
#: compiled packs that are kept, besides the server's own
_COMPILED = 16


@dataclass(frozen=True, slots=True)
class PackStanding:
    """A version with all that is known of it; `decides_in` are the scopes where it decides now ("" is everywhere)."""

    pack: PackRecord
    approvals: tuple[PackApproval, ...]
    shadow: PackShadow | None
    seen: ShadowCount
    decides_in: tuple[str, ...]
    lacks: tuple[str, ...]


class Packs:
    """Use cases on rule packs."""

    def __init__(self, store: Store, tree: Tree, config: PacksSection, *, clock: Clock) -> None:
        self._store = store
        self.base_tree = tree
        self.base = build_pack(tree)
        self._config = config
        self._clock = clock
        self._compiled: dict[str, Pack] = {self.base.ref.hash: self.base}
        #: what judges where the server's own pack cannot
        self.packaged = build_pack(default_own_tree())
        self._kept: set[str] = set()
        self._refused: set[str] = set()

    async def deciding(self, tx: Transaction, scopes: Sequence[str]) -> Pack:
        """The pack that decides for a line with these scopes (widest first): the nearest activation, else the base."""
        return (await self.asked_in_turn(tx, scopes))[0][0]

    async def asked_in_turn(self, tx: Transaction, scopes: Sequence[str]) -> tuple[list[Pack], str]:
        """The pack that decides for a line and those that stand in where it cannot judge; "" or why it is not asked.

        An activated pack that this release does not take any more is not asked: the server's own decides.
        """
        active = await pack_store.active(tx)
        own = [self.base] if self.base.ref == self.packaged.ref else [self.base, self.packaged]
        for scope in (*reversed(scopes), ""):
            activation = active.get(scope)
            if activation is None or activation.hash is None:
                continue
            pack = await self._readable(tx, activation.hash)
            if pack is None:
                return own, f"pack {activation.hash} is not taken by this release; correct it and hand it in again"
            return [pack, *(each for each in own if each.ref != pack.ref)], ""
        return own, ""

    async def causes(self, tx: Transaction) -> dict[str, Cause]:
        """Cause id → the cause, of every pack that decides anywhere; one that decides everywhere speaks last."""
        active = await pack_store.active(tx)
        hashes = [one.hash for scope, one in sorted(active.items(), reverse=True) if one.hash is not None]
        packs = [self.base, *await self._all_readable(tx, hashes)]
        return {name: cause for pack in packs for name, cause in pack.file.cause.items()}

    async def silent(self, tx: Transaction, scopes: Sequence[str]) -> list[Pack]:
        """The packs that judge a line silently."""
        running = await pack_store.running_shadows(tx)
        return await self._all_readable(tx, [each.hash for each in running if not each.scope or each.scope in scopes])

    async def _all_readable(self, tx: Transaction, hashes: Sequence[str]) -> list[Pack]:
        found = [await self._readable(tx, digest) for digest in hashes]
        return [pack for pack in found if pack is not None]

    async def _readable(self, tx: Transaction, digest: str) -> Pack | None:
        """A stored pack; None where this release does not take it any more, once in the log."""
        if digest in self._refused:
            return None
        try:
            return await self.pack(tx, digest)
        except (Conflict, InvalidInput) as error:
            self._refused.add(digest)
            log.error("pack.refused", pack=digest, problem=str(error)[:2000])
            return None

    async def pack(self, tx: Transaction, digest: str) -> Pack:
        """A stored pack by its hash, ready for judging.

        Raises:
            NotFound: no such pack is stored.
            Conflict: this release does not take it any more.
        """
        pack = self._compiled.get(digest)
        if pack is None:
            record = await known_pack(tx, digest)
            try:
                pack = await asyncio.to_thread(build_pack, _tree(record))
            except PackError as error:
                raise Conflict(f"pack {digest} is not taken by this release: {error}") from error
            while len(self._compiled) > _COMPILED:
                self._compiled.pop(next(each for each in self._compiled if each != self.base.ref.hash))
            self._compiled[digest] = pack
        return pack

    def titles(self) -> Mapping[str, Mapping[str, str]]:
        """Cause → its title by language, in the packs that this process knows; the server's own is one of them."""
        packs = self._compiled.values()
        return {name: cause.title.both() for pack in packs for name, cause in pack.file.cause.items()}

    async def keep(self, tx: Transaction, pack: Pack) -> None:
        """See that the pack of a verdict is in the store; only the server's own and the packaged one may not be."""
        own = {self.packaged.ref.hash: default_own_tree(), self.base.ref.hash: self.base_tree}
        tree = own.get(pack.ref.hash)
        if pack.ref.hash in self._kept or tree is None:
            return
        if not await pack_store.put(tx, self._record(tree, _PACKAGED, "came with the server", None, None)):
            self._kept.add(pack.ref.hash)  # it was there before: what this transaction writes may yet be taken back

    async def propose(
        self, actor: Actor, files: Mapping[str, str], cases: Mapping[str, str], *, note: str = ""
    ) -> PackStanding:
        """Store a new version, if nothing is wrong with it and it passes its cases.

        Raises:
            InvalidInput: a fault of the pack or of a case; every one is told with place and remedy.
            Conflict: this very pack is stored already.
        """
        actor.require(Scope.PACKS)
        record = await asyncio.to_thread(self._checked, actor, dict(files), dict(cases), note)
        async with self._store.transaction() as tx:
            if not await pack_store.put(tx, record):
                raise Conflict(f"pack {record.hash} is stored already; change something, or approve it")
            after: dict[str, Json] = {"name": record.name, "version": record.version, "note": note}
            await audit.note(tx, actor, "pack.proposed", f"pack:{record.hash}", record.created_at, after=after)
            standing = await self._standing(tx, record)
        log.info("pack.proposed", pack=record.hash, name=record.name, version=record.version)
        return standing

    def _checked(self, actor: Actor, files: dict[str, str], cases: dict[str, str], note: str) -> PackRecord:
        try:
            tree = whole_tree(files)
            documents = documents_of(cases)
            trials = trials_of(documents)
            faults = lint_whole(tree, trials) or failures(build_pack(tree), trials)
        except PackError as error:
            raise InvalidInput(str(error)) from error
        if faults:
            more = [f"and {len(faults) - _TOLD} more"] if len(faults) > _TOLD else []
            raise InvalidInput("\n".join([*faults[:_TOLD], *more]))
        report: dict[str, Json] = {"lint": [], "cases": len(trials), "failed": 0}
        plain = {trial.name: {**trial.tree, "expect": dict(trial.expect)} for trial in trials}
        return self._record(tree, actor.name, note, _plain(plain), report)

    def _record(self, tree: Tree, author: str, note: str, trials: Json, report: Json) -> PackRecord:
        head = tree["pack"]
        return PackRecord(
            hash=tree_hash(tree),
            name=str(head["id"]),
            version=str(head["version"]),
            owner=str(head["owner"]),
            author=author,
            created_at=self._clock(),
            note=note,
            tree=tree,
            trials=trials,
            report=report,
        )

    async def find(self, actor: Actor, *, limit: int = 100) -> list[PackStanding]:
        """Every stored version, newest first."""
        actor.require(Scope.READ)
        await self._keep_base()
        async with self._store.reading() as tx:
            return [await self._standing(tx, record) for record in await pack_store.list_packs(tx, limit=limit)]

    async def get(self, actor: Actor, digest: str) -> PackStanding:
        """One version with its tree.

        Raises:
            NotFound: no such pack.
        """
        actor.require(Scope.READ)
        await self._keep_base()
        async with self._store.reading() as tx:
            return await self._standing(tx, await known_pack(tx, await self.resolve(tx, digest)))

    async def _keep_base(self) -> None:
        if self.base.ref.hash not in self._kept:
            async with self._store.transaction() as tx:
                await self.keep(tx, self.base)

    async def resolve(self, tx: Transaction, name: str) -> str:
        """A hash for `active` (what decides everywhere), `packaged` (the server's own) or a hash itself."""
        if name == "packaged":
            return self.base.ref.hash
        return (await self.deciding(tx, ())).ref.hash if name == "active" else name

    async def approve(self, actor: Actor, digest: str, *, note: str = "") -> PackStanding:
        """Give one person's word for a version; the same person counts once.

        Raises:
            NotFound: no such pack.
            Forbidden: a program asks; one administrator could make as many tokens as approvals are wanted.
            Conflict: this person has approved it already.
        """
        actor.require(Scope.PACKS)
        now = self._clock()
        async with self._store.transaction() as tx:
            record = await known_pack(tx, digest)
            if not (actor.person or actor.kind == "local"):
                raise Forbidden(
                    f"pack {digest} is approved by people, and {actor.name} is a program's token; sign in with: "
                    "secondline login"
                )
            if not await pack_store.approve(tx, PackApproval(digest, actor.name, now, note)):
                raise Conflict(f"{actor.name} has approved pack {digest} already; another person must do so")
            await audit.note(tx, actor, "pack.approved", f"pack:{digest}", now, after={"note": note})
            return await self._standing(tx, record)

    async def start_shadow(self, actor: Actor, digest: str, *, scope: str = "") -> PackStanding:
        """Let a version judge silently beside the one that decides, from now on.

        Raises:
            NotFound: no such pack.
        """
        actor.require(Scope.PACKS)
        now = self._clock()
        async with self._store.transaction() as tx:
            record = await known_pack(tx, digest)
            await pack_store.start_shadow(tx, PackShadow(digest, scope, now, None, actor.name))
            await audit.note(tx, actor, "pack.shadow_started", f"pack:{digest}", now, after={"scope": scope})
            return await self._standing(tx, record)

    async def end_shadow(self, actor: Actor, digest: str) -> PackStanding:
        """Let a version judge no more.

        Raises:
            NotFound: no such pack.
            Conflict: it does not judge silently.
        """
        actor.require(Scope.PACKS)
        now = self._clock()
        async with self._store.transaction() as tx:
            record = await known_pack(tx, digest)
            if not await pack_store.end_shadow(tx, digest, now):
                raise Conflict(f"pack {digest} does not judge silently; start it first")
            await audit.note(tx, actor, "pack.shadow_ended", f"pack:{digest}", now)
            return await self._standing(tx, record)

    async def activate(
        self, actor: Actor, digest: str, *, scope: str = "", reason: str, without_shadow: str = ""
    ) -> PackStanding:
        """Let a version decide in a scope from the next test on.

        Args:
            without_shadow: why it may decide although it was not seen judging silently for long enough.

        Raises:
            NotFound: no such pack.
            Conflict: approvals or the silent time are lacking; the message says how much.
        """
        actor.require(Scope.PACKS)
        now = self._clock()
        await self._keep_base()
        async with self._store.transaction() as tx:
            record = await known_pack(tx, await self.resolve(tx, digest))
            standing = await self._standing(tx, record)
            found = [*standing.lacks, *_elsewhere(standing, scope, self.base.ref.hash)]
            lacks = [each for each in found if not (without_shadow and each.startswith("shadow"))]
            if lacks:
                raise Conflict(f"pack {record.hash} may not decide yet: {'; '.join(lacks)}")
            told = reason + (f" (without the silent time: {without_shadow})" if without_shadow else "")
            activation = PackActivation(new_id(), scope, record.hash, "activate", now, actor.name, told)
            await self._activate(tx, actor, activation)
            return await self._standing(tx, record)

    async def rollback(self, actor: Actor, *, scope: str = "", reason: str) -> PackActivation:
        """Let the version before decide in a scope again, at once and without approvals.

        Raises:
            Conflict: nothing was activated there.
        """
        actor.require(Scope.PACKS)
        now = self._clock()
        async with self._store.transaction() as tx:
            standing = _standing_now(await pack_store.activations(tx, scope=scope, limit=1000))
            if not standing:
                where = f"in {scope}" if scope else "everywhere"
                raise Conflict(f"no pack was activated {where}; nothing can be rolled back there")
            before = standing[-2] if len(standing) > 1 else None
            back = PackActivation(new_id(), scope, before, "rollback", now, actor.name, reason)
            await self._activate(tx, actor, back)
        return back

    async def _activate(self, tx: Transaction, actor: Actor, activation: PackActivation) -> None:
        await pack_store.activate(tx, activation)
        after: dict[str, Json] = {"scope": activation.scope, "reason": activation.reason, "kind": activation.kind}
        await audit.note(tx, actor, "pack.activated", f"pack:{activation.hash or 'base'}", activation.at, after=after)
        log.info("pack.activated", pack=activation.hash, scope=activation.scope, kind=activation.kind)

    async def history(self, actor: Actor, *, scope: str | None = None, limit: int = 100) -> list[PackActivation]:
        """What decided where since when, newest first."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await pack_store.activations(tx, scope=scope, limit=limit)

    async def _standing(self, tx: Transaction, record: PackRecord) -> PackStanding:
        approvals = await pack_store.approvals(tx, record.hash)
        shadow = await pack_store.shadow(tx, record.hash)
        count = ShadowCount()
        if shadow is not None:
            count = await pack_store.count_shadow_verdicts(tx, record.hash, shadow.started_at)
        active = await pack_store.active(tx)
        scopes = tuple(sorted(scope for scope, each in active.items() if each.hash == record.hash))
        decides = active.get("")
        if record.hash == self.base.ref.hash and (decides is None or decides.hash is None):
            scopes = ("", *scopes)
        standing = PackStanding(record, tuple(approvals), shadow, count, scopes, ())
        return replace(standing, lacks=tuple(self._lacks(standing)))

    def _lacks(self, standing: PackStanding) -> list[str]:
        """What keeps a version from deciding; the server's own lacks nothing."""
        if standing.pack.hash == self.base.ref.hash:
            return []
        lacks, config = [], self._config
        missing = config.approvals - len(standing.approvals)
        if missing > 0:
            lacks.append(f"approvals: {missing} more of {config.approvals} people must approve it")
        shadow = standing.shadow
        ran = timedelta(0) if shadow is None else (shadow.ended_at or self._clock()) - shadow.started_at
        # days in which no test came are no silent time
        days = ran >= timedelta(days=config.shadow_days) and (standing.seen.judged > 0 or config.shadow_days == 0)
        seen = days or standing.seen.judged >= config.shadow_tests
        if not seen or (shadow is None and config.shadow_days > 0 and config.shadow_tests > 0):
            lacks.append(
                f"shadow: it must judge silently for {config.shadow_days:g} days, with a test at least, or "
                f"{config.shadow_tests} tests, and did for {ran / timedelta(days=1):.1f} days and "
                f"{standing.seen.judged} tests"
            )
        if standing.seen.failed:
            lacks.append(f"shadow: it could not judge {standing.seen.failed} tests; its report says why")
        return lacks


def _elsewhere(standing: PackStanding, scope: str, own: str) -> list[str]:
    """What a silent time lacks that was spent below a place which does not hold the whole scope of an activation."""
    shadow = standing.shadow
    if shadow is None or standing.pack.hash == own or shadow.scope in ("", scope):
        return []
    if scope.startswith(f"{shadow.scope}/"):
        return []
    where = f"in {scope}" if scope else "everywhere"
    return [f"shadow: it judged silently in {shadow.scope} only, and shall decide {where}"]


def failures(pack: Pack, trials: Sequence[Trial]) -> list[str]:
    """What differs from the expectation of each case, one line a case."""
    return [f"case {trial.name}: {'; '.join(wrong)}" for trial, _, wrong in run(pack, trials) if wrong]


async def known_pack(tx: Transaction, digest: str) -> PackRecord:
    """A stored version.

    Raises:
        NotFound: no such pack.
    """
    record = await pack_store.get(tx, digest)
    if record is None:
        raise NotFound(f"no pack {digest!r} is stored; see GET /packs for those that are")
    return record


def _standing_now(history: Sequence[PackActivation]) -> list[str]:
    """The hashes that were activated and not rolled back, the deciding one last; `history` is newest first."""
    stack: list[str] = []
    for each in reversed(history):
        if each.kind == "rollback":
            stack = stack[:-1]
        elif each.hash is not None:
            stack.append(each.hash)
    return stack


def _tree(record: PackRecord) -> Tree:
    if not isinstance(record.tree, dict):
        raise InvalidInput(f"pack {record.hash} is stored without its rules")
    return record.tree


def _plain(value: Any) -> Json:
    """A case as JSON has it: instants as RFC 3339."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, bool | int | float | str) else None
