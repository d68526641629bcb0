"""Searching devices and lines, and the groups that are saved as queries.

The rule of this file: an answer holds what the actor may see and nothing else; the store sees to that.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acs.errors import Conflict, InvalidInput, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.lines import held_line, known_line
from acs.services.search_index import SearchIndex
from acs.services.search_language import groups_in, parse
from acs.store import devices as device_store
from acs.store import lines as line_store
from acs.store import provisioning as provision_store
from acs.store import search as search_store
from acs.store.records import DeviceRecord, LineRecord
from acs.store.search import Hit, SavedGroup
from acs.store.search_terms import All, Has, Wanted, digits, fold
from acs.store.store import Store
from acs.store.transaction import Transaction

#: matches that are counted, at most
COUNTED = 10_000
#: seconds between two looks of the worker for what changed
TICK_S = 2.0
_GROUP_NAME = re.compile(r"[^\W_][\w.-]{0,63}")
_MOST_GROUPS = 1_000
_MOST_PHONES = 20
_PAGE = 5_000


@dataclass(frozen=True, slots=True)
class Found:
    """One match: a device with its line, or a line without a device."""

    id: int
    device: DeviceRecord | None
    line: LineRecord | None
    tags: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of matches; `total` is counted up to COUNTED, `after` is None on the last page."""

    items: tuple[Found, ...]
    total: int
    after: int | None


class Search:
    """Use cases of searching."""

    def __init__(self, store: Store, index: SearchIndex, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock
        #: what keeps the index as the store is; the worker calls its `turn`
        self.index = index

    async def find(self, actor: Actor, query: str, *, limit: int = 50, after: int = 0) -> Page:
        """One page of what a query finds, in the order in which it came into the index.

        Raises:
            InvalidInput: the query cannot be understood.
        """
        actor.require(Scope.READ)
        await self.index.catch_up()
        async with self._store.reading() as tx:
            wanted = await self._wanted(tx, query)
            if after:
                hits = await search_store.find(tx, wanted, limit=limit + 1, after=after)
                total = await search_store.count(tx, wanted, COUNTED)
            else:
                hits, total = await search_store.first_page(tx, wanted, limit=limit + 1, most=COUNTED)
            shown = hits[:limit]
            items = await _shown(tx, shown)
        return Page(tuple(items), total, shown[-1].id if len(hits) > limit else None)

    async def devices(self, query: str) -> frozenset[str]:
        """The keys of every device that a query finds: for campaigns and other acts on many devices.

        Raises:
            InvalidInput: the query cannot be understood.
        """
        await self.index.turn()
        keys: set[str] = set()
        after = 0
        async with self._store.reading() as tx:
            wanted = All((Has("device"), await self._wanted(tx, query)))
            while True:
                hits = await search_store.find(tx, wanted, limit=_PAGE, after=after)
                keys.update(hit.device for hit in hits if hit.device is not None)
                if len(hits) < _PAGE:
                    return frozenset(keys)
                after = hits[-1].id

    async def put_group(self, actor: Actor, name: str, query: str, description: str = "") -> SavedGroup:
        """Save a query under a name, in place of what the name meant.

        Raises:
            InvalidInput: the name or the query cannot be used; a group that names itself is refused.
        """
        actor.require(Scope.OPERATE)
        name = fold(name)
        if _GROUP_NAME.fullmatch(name) is None:
            raise InvalidInput(f"name: {name[:80]!r}: write 1 to 64 letters, digits, . _ or -, such as weak-light")
        now = self._clock()
        async with self._store.transaction() as tx:
            before = await search_store.get_group(tx, name)
            known = {group.name: group.query for group in await search_store.list_groups(tx)}
            if before is None and len(known) >= _MOST_GROUPS:
                raise Conflict(f"{_MOST_GROUPS} groups are saved, which is the most; remove one that nobody uses")
            parse(f"group:{name}", now, {**known, name: query})
            group = SavedGroup(name, query.strip(), description, actor.name, now)
            await search_store.put_group(tx, group)
            told = {"query": before.query} if before is not None else {}
            await audit.note(tx, actor, "group.saved", f"group:{name}", now, before=told, after={"query": group.query})
        return group if before is None else SavedGroup(name, group.query, description, before.created_by, now)

    async def group(self, actor: Actor, name: str) -> SavedGroup:
        """One group.

        Raises:
            NotFound: there is none with this name.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await _known_group(tx, fold(name))

    async def groups(self, actor: Actor, *, limit: int = 100, after: str = "") -> list[SavedGroup]:
        """Groups by name; `after` is the last name of the page before."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await search_store.list_groups(tx, limit=limit, after=after)

    async def remove_group(self, actor: Actor, name: str) -> None:
        """Forget a group.

        Raises:
            NotFound: there is none with this name.
            Conflict: another group names it.
        """
        actor.require(Scope.OPERATE)
        name, now = fold(name), self._clock()
        async with self._store.transaction() as tx:
            group = await _known_group(tx, name)
            users = [each.name for each in await search_store.list_groups(tx) if name in groups_in(each.query)]
            if users:
                raise Conflict(f"group {name} is named by {', '.join(users[:5])}; change these first")
            await search_store.remove_group(tx, name)
            await audit.note(tx, actor, "group.removed", f"group:{name}", now, before={"query": group.query})

    async def put_phones(self, actor: Actor, line: str, phones: Sequence[str]) -> tuple[str, ...]:
        """Store the telephone numbers of a line's subscriber in place of those known: digits, `+` at the front.

        Raises:
            NotFound: there is no such line.
            InvalidInput: a number is none.
        """
        actor.require(Scope.WRITE)
        if len(phones) > _MOST_PHONES:
            raise InvalidInput(f"phones: {len(phones)} numbers; at most {_MOST_PHONES} are stored")
        kept = tuple(dict.fromkeys(_phone(text) for text in phones))
        now = self._clock()
        async with self._store.transaction() as tx:
            await held_line(tx, line)
            await search_store.put_phones(tx, line, kept)
            # how many, not which: the audit trail is kept for longer than a subscriber's number may be
            await audit.note(tx, actor, "line.phones", f"line:{line}", now, after={"numbers": len(kept)})
        return kept

    async def phones(self, actor: Actor, line: str) -> tuple[str, ...]:
        """The telephone numbers of a line's subscriber.

        Raises:
            NotFound: there is no such line.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            await known_line(tx, line)
            return (await search_store.phones_of(tx, [line])).get(line, ())

    async def _wanted(self, tx: Transaction, query: str) -> Wanted:
        groups = {}
        if groups_in(query):
            groups = {group.name: group.query for group in await search_store.list_groups(tx)}
        return parse(query, self._clock(), groups)


async def _shown(tx: Transaction, hits: Sequence[Hit]) -> list[Found]:
    keys = [hit.device for hit in hits if hit.device is not None]
    ids = sorted({hit.line for hit in hits if hit.line is not None})
    devices = await device_store.get_many(tx, keys)
    lines = await line_store.get_many(tx, ids)
    tags = await provision_store.tags_of(tx, keys)
    phones = await search_store.phones_of(tx, ids)
    numbers = await search_store.numbers_of(tx, [hit.id for hit in hits])
    return [
        Found(
            hit.id,
            devices.get(hit.device or ""),
            lines.get(hit.line or ""),
            tuple(sorted(tags.get(hit.device or "", ()))),
            phones.get(hit.line or "", ()),
            numbers.get(hit.id, {}),
        )
        for hit in hits
    ]


async def _known_group(tx: Transaction, name: str) -> SavedGroup:
    group = await search_store.get_group(tx, name)
    if group is None:
        raise NotFound(f"there is no group {name[:80]!r}; `secondline search --groups` shows them")
    return group


def _phone(text: str) -> str:
    number = digits(text)
    if not 3 <= len(number) <= 15 or not all(c.isdigit() or c in "+-() ." for c in text):
        raise InvalidInput(f"phones: {text[:40]!r} is no telephone number; write 3 to 15 digits, such as +79161234567")
    return f"+{number}" if text.strip().startswith("+") else number
