"""Takes changes into the index of searches: what is known of a device and its line becomes words and numbers.

    search_changes ─▶ read devices, lines, tags, trees ─▶ entries (pure) ─▶ what differs, in one short transaction

The rule of this file: what was read is written only if nobody else took the same changes in meanwhile; a change that
comes in between waits for the next turn.
"""

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from acs.profiles.schema import Profile
from acs.profiles.tree import facts_from_tree
from acs.services.own_names import model_names, own_addresses, own_macs
from acs.services.profiles import profile_of
from acs.services.search_fields import FIELDS, IDENTIFIERS, NUMBERS, ORDER, Kind, folded
from acs.services.serials import serial_forms
from acs.store import devices as device_store
from acs.store import lines as line_store
from acs.store import provisioning as provision_store
from acs.store import search as search_store
from acs.store import search_entries
from acs.store import trees as tree_store
from acs.store.reach import unlimited
from acs.store.records import DeviceRecord, LineRecord, Tree
from acs.store.search import Changes
from acs.store.search_entries import Entry
from acs.store.search_terms import BACKWARDS, in_order, phrase_of, words_of
from acs.store.store import Store
from acs.store.transaction import Transaction

#: changes that are taken in at once: on SQLite nobody else writes meanwhile, and sessions wait
BATCH = 50
#: batches that a search waits for at most
_CAUGHT_UP = 10
#: characters of a word that the index holds
_WORD_CHARS = 128
#: characters of all texts of an entry that phrases are looked for in
_TEXT_CHARS = 2_000
#: MAC addresses and addresses of one device
_MOST_ADDRESSES = 16


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that one entry is made of."""

    device: DeviceRecord | None
    line: LineRecord | None
    tree: Tree | None = None
    tags: Collection[str] = ()
    phones: Sequence[str] = ()
    #: (kind, name) of the groups that the line is in
    groups: Sequence[tuple[str, str]] = field(default=())


class SearchIndex:
    """Keeps the index as the store is."""

    def __init__(self, store: Store, profiles: Sequence[Profile]) -> None:
        self._store = store
        self._profiles = profiles
        self._one_at_a_time = asyncio.Lock()

    async def turn(self) -> None:
        """Take in everything that waits."""
        while await self._take_in() >= BATCH:
            pass

    async def catch_up(self) -> None:
        """Take in what waits, some batches at most: before a search, so that it finds what was just stored.

        It runs outside of the view of whoever searches: the index holds everything, answers are held to the view.
        """
        async with self._store.reading() as tx:
            waiting = await search_store.any_change(tx)
        if waiting:
            await asyncio.get_running_loop().create_task(self._take_in_some(), context=unlimited())

    async def _take_in_some(self) -> None:
        for _ in range(_CAUGHT_UP):
            if await self._take_in() < BATCH:
                return

    async def _take_in(self) -> int:
        async with self._one_at_a_time:
            async with self._store.reading() as tx:
                taken = await search_store.changes(tx, BATCH)
                if not taken.ids:
                    return 0
                keys, lines = await self._affected(tx, taken)
                known = await self._known(tx, keys, lines)
            entries = await asyncio.to_thread(self._entries, known)
            async with self._store.transaction() as tx:
                if await search_store.still_waiting(tx, taken):
                    await search_entries.replace(tx, sorted(keys), sorted(lines), entries)
                    await search_store.taken_in(tx, taken)
        return len(taken.ids)

    async def _affected(self, tx: Transaction, taken: Changes) -> tuple[set[str], set[str]]:
        """Devices and lines whose entries are made anew."""
        found = await device_store.get_many(tx, sorted(taken.devices))
        lines = set(taken.lines) | {device.line for device in found.values() if device.line is not None}
        lines |= await search_store.lines_of_entries(tx, sorted(taken.devices))
        on_lines = await search_store.devices_of_lines(tx, sorted(taken.lines))
        return set(taken.devices) | set(on_lines), lines

    async def _known(self, tx: Transaction, keys: set[str], lines: set[str]) -> list[Known]:
        devices = await device_store.get_many(tx, sorted(keys))
        lines = lines | {device.line for device in devices.values() if device.line is not None}
        records = await line_store.get_many(tx, sorted(lines))
        tags = await provision_store.tags_of(tx, sorted(devices))
        phones = await search_store.phones_of(tx, sorted(records))
        groups = await search_store.groups_of_lines(tx, sorted(records))
        occupied = set((await search_store.devices_of_lines(tx, sorted(records))).values())
        found = []
        for key, device in sorted(devices.items()):
            id_ = device.line or ""
            tree = await tree_store.read(tx, key)
            known = Known(device, records.get(id_), tree, tags.get(key, ()), phones.get(id_, ()), groups.get(id_, ()))
            found.append(known)
        for id_, line in sorted(records.items()):
            if id_ not in occupied:
                found.append(Known(None, line, phones=phones.get(id_, ()), groups=groups.get(id_, ())))
        return found

    def _entries(self, known: Sequence[Known]) -> list[Entry]:
        return [entry_of(each, self._profiles) for each in known]


def entry_of(known: Known, profiles: Sequence[Profile]) -> Entry:
    """The entry of a device with its line, or of a line without a device."""
    pairs = [(name, text.strip()) for name, text in _texts(known) if text and text.strip()]
    words: set[tuple[str, str]] = set()
    for name, text in pairs:
        words.update(_words(name, text))
    told = dict.fromkeys(phrase_of(text) for name, text in pairs if FIELDS[name].kind is not Kind.VERSION)
    texts = "\n".join(told)[:_TEXT_CHARS]
    device, line = known.device, known.line
    return Entry(
        device.key if device is not None else None,
        line.id if line is not None else None,
        frozenset(words),
        texts,
        _numbers(known, profiles),
    )


def _words(name: str, text: str) -> Iterator[tuple[str, str]]:
    whole = folded(name, text)[:_WORD_CHARS]
    if not whole:
        return
    yield name, whole
    match FIELDS[name].kind:
        case Kind.IDENTIFIER:
            yield name + BACKWARDS, whole[::-1]
        case Kind.VERSION:
            yield name + ORDER, in_order(text)[: 4 * _WORD_CHARS]
        case Kind.WORDS:
            for word in words_of(text):
                yield name, word[:_WORD_CHARS]


def _texts(known: Known) -> Iterator[tuple[str, str]]:
    """(field, text) of everything that is known."""
    if known.device is not None:
        yield from _of_device(known.device, known.tree)
    if known.line is not None:
        yield from _of_line(known.line)
    yield from (("tag", tag) for tag in known.tags)
    yield from (("phone", phone) for phone in known.phones)
    yield from known.groups


def _of_device(device: DeviceRecord, tree: Tree | None) -> Iterator[tuple[str, str]]:
    yield "key", device.key
    yield from (("serial", form) for form in serial_forms(device.serial_number))
    yield "vendor", device.manufacturer
    yield "model", device.product_class
    yield "fw", device.software_version
    yield "hw", device.hardware_version
    yield "ip", device.address
    values = {} if tree is None else {name: value for name, (value, _) in tree.values.items()}
    yield from (("model", value) for _, value in model_names(values))
    yield from (("mac", mac) for mac in list(own_macs(values))[:_MOST_ADDRESSES])
    yield from (("ip", address) for address in own_addresses(values)[:_MOST_ADDRESSES])


def _of_line(line: LineRecord) -> Iterator[tuple[str, str]]:
    yield "line", line.id
    yield "contract", line.account
    yield "login", line.pppoe_login
    yield "address", line.address
    yield "tech", line.technology
    yield "place", line.topology_path()
    serials = (line.gpon_serial, *line.device_serials)
    yield from (("serial", form) for serial in serials for form in serial_forms(serial))
    yield from (("service", service) for service in line.services)


def _numbers(known: Known, profiles: Sequence[Profile]) -> Mapping[str, float]:
    device, tree = known.device, known.tree
    if device is None or tree is None or not tree.values:
        return {}
    profile = profile_of(profiles, device, sorted(tree.values))
    if profile is None:
        return {}
    values = {name: value for name, (value, _) in tree.values.items()}
    found: dict[str, float] = {}
    for fact in facts_from_tree(profile, values, tree.times, device.key, only=NUMBERS.keys()):
        name = NUMBERS.get(fact.name)
        if name is not None and isinstance(fact.value, int | float) and not isinstance(fact.value, bool):
            found[name] = float(fact.value)
    return found


assert all(name in FIELDS for name in (*IDENTIFIERS, *NUMBERS.values())), "the index has the fields of the language"
