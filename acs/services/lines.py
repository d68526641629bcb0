"""The inventory of access lines, and which device is on which line.

The rule of this file: a device is bound only where a rule finds exactly one line; two candidates bind nothing.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import structlog

from acs.config import BindingRule, LinesSection
from acs.errors import Forbidden, InvalidInput, NotFound
from acs.profiles.schema import Profile
from acs.profiles.tree import binding_values
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.profiles import profile_of
from acs.services.serials import serial_forms
from acs.services.tables import (
    Column,
    Limits,
    Problems,
    one_of,
    read_table,
    real_number,
    short_text,
    whole_number,
    word_list,
)
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store.records import ContextFact, DeviceRecord, Json, LineRecord
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

TECHNOLOGIES = ("pon", "fttb", "dsl")

#: lines of one import that get an audit line each; a larger one is audited as a whole
_AUDITED_LINES = 500


def _topology_word(text: str) -> str:
    if "/" in text:
        raise ValueError("write it without /, which separates the levels of a scope and of an address")
    short_text(64)(text)
    return text


#: the columns of the CSV, which are the fields of a line
COLUMNS: Mapping[str, Column] = {
    "id": Column(_topology_word, required=True),
    "address": Column(short_text(300), empty=""),
    "technology": Column(one_of(TECHNOLOGIES), required=True),
    "node": Column(_topology_word, empty=""),
    "frame": Column(whole_number(0, 255)),
    "slot": Column(whole_number(0, 255)),
    "port": Column(whole_number(0, 4095)),
    "splitter": Column(_topology_word, empty=""),
    "ont": Column(whole_number(0, 1023)),
    "gpon_serial": Column(short_text(32), empty=""),
    "account": Column(short_text(64), empty=""),
    "services": Column(word_list(20, 64), empty=()),
    "pppoe_login": Column(short_text(128), empty=""),
    "cable_length_m": Column(real_number(0, 100_000)),
    "device_serials": Column(word_list(20, 128), empty=()),
}


@dataclass(frozen=True, slots=True)
class LineView:
    """A line with the devices on it and what other systems last said of it."""

    line: LineRecord
    devices: tuple[DeviceRecord, ...]
    facts: tuple[ContextFact, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did. `bound`: devices that were known already and went to one of the lines."""

    created: int
    changed: int
    unchanged: int
    bound: int


class Lines:
    """Use cases on lines."""

    def __init__(
        self, store: Store, config: LinesSection, profiles: Sequence[Profile], *, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._config = config
        self._profiles = profiles
        self._clock = clock

    async def list(self, actor: Actor, *, search: str = "", limit: int = 100, after: str = "") -> list[LineRecord]:
        """Lines by id; `after` is the last id of the page before."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await line_store.list_lines(tx, search=search, limit=limit, after=after)

    async def get(self, actor: Actor, line_id: str) -> LineView:
        """One line with its devices and latest facts.

        Raises:
            NotFound: no line has this id.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            line = await known_line(tx, line_id)
            devices = await line_store.devices_on(tx, line_id)
            facts = await fact_store.latest(tx, line_id)
        return LineView(line, tuple(devices), tuple(facts[name] for name in sorted(facts)))

    async def put(self, actor: Actor, line: LineRecord) -> bool:
        """Store one line as given; True when it is new.

        Raises:
            InvalidInput: a field cannot be used.
            Forbidden: it goes to a node on which the actor has no line.
        """
        actor.require(Scope.INVENTORY)
        _check_record(line)
        now = self._clock()
        async with self._store.transaction() as tx:
            known = await line_store.hold_many(tx, [line.id])
            before = known.get(line.id)
            await _refuse_foreign_nodes(tx, actor, known, [line])
            await line_store.upsert(tx, [line], now)
            await line_store.bind_by_serial(tx, [line.id])
            await audit.note(
                tx, actor, "line.stored", f"line:{line.id}", now, before=shown_line(before), after=shown_line(line)
            )
        return before is None

    async def import_csv(self, actor: Actor, text: str, *, dry_run: bool = False) -> Imported:
        """Take a whole CSV of lines, or nothing of it; `dry_run` only says what it would do.

        A column that the file lacks leaves what is stored; an empty cell clears it.

        Raises:
            InvalidInput: every error with row, column, value and remedy.
            Forbidden: a line goes to a node on which the actor has none.
        """
        actor.require(Scope.INVENTORY)
        # a whole region takes seconds to read: not on the loop that serves the sessions
        rows = await asyncio.to_thread(_rows_of, text, Limits(rows=self._config.import_rows))
        now = self._clock()
        async with self._store.transaction() as tx:
            known = await line_store.get_many(tx, [row["id"] for row in rows])
            new = [row for row in rows if known.get(row["id"]) != _merged(known.get(row["id"]), row)]
            created = sum(row["id"] not in known for row in new)
            counts = (created, len(new) - created, len(rows) - len(new))
            if dry_run:
                return Imported(*counts, 0)
            known = await line_store.hold_many(tx, [row["id"] for row in new])
            changed = [_merged(known.get(row["id"]), row) for row in new]
            await _refuse_foreign_nodes(tx, actor, known, changed)
            await line_store.upsert(tx, changed, now)
            done = Imported(*counts, await line_store.bind_by_serial(tx, [record.id for record in changed]))
            await self._audit_import(tx, actor, known, changed, done)
        return done

    async def bind_device(self, tx: Transaction, device: DeviceRecord) -> str | None:
        """Put a device on its line by the configured rules and return the line's id.

        Called when a device first Informs and when a value that identifies it changes. Where no rule finds exactly
        one line the device stays where it is.
        """
        line, rule = await self.line_of(tx, device)
        if rule is not None and line is not None and await line_store.bind_device(tx, line, device.key):
            log.info("device.bound", device=device.key, line=line, rule=str(rule))
        return line

    async def line_of(self, tx: Transaction, device: DeviceRecord) -> tuple[str | None, BindingRule | None]:
        """The line that a device is to be on, and the rule that finds it; where none does, the line that it is on."""
        values = {name: value for name, (value, _) in device.known_values().items()}
        profile = profile_of(self._profiles, device, values)
        told = binding_values(profile, values) if profile else {}
        for rule in self._config.binding:
            found = sorted(await self._candidates(tx, rule, device, told))
            if len(found) == 1:
                return found[0], rule
            if found:
                log.warning("device.ambiguous", device=device.key, lines=found[:5], rule=str(rule))
        return device.line, None

    async def _candidates(
        self, tx: Transaction, rule: BindingRule, device: DeviceRecord, told: Mapping[str, str]
    ) -> set[str]:
        match rule:
            case BindingRule.SERIAL:
                serials = serial_forms(device.serial_number)
                return {line.id for serial in serials for line in await line_store.by_serial(tx, serial)}
            case BindingRule.PPPOE_LOGIN:
                return {line.id for line in await line_store.by_pppoe_login(tx, told.get("pppoe_login", ""))}
            case BindingRule.ADDRESS:
                addresses = {device.address, told.get("address", "")} - {""}
                return {
                    fact.line
                    for address in sorted(addresses)
                    for fact in await fact_store.by_value(tx, "bras.address", address)
                }

    async def _audit_import(
        self,
        tx: Transaction,
        actor: Actor,
        known: Mapping[str, LineRecord],
        changed: Sequence[LineRecord],
        done: Imported,
    ) -> None:
        now = self._clock()
        counts: dict[str, Json] = {"created": done.created, "changed": done.changed, "bound": done.bound}
        await audit.note(tx, actor, "lines.imported", "lines", now, after=counts)
        if len(changed) > _AUDITED_LINES:
            return
        for line in changed:
            before, after = shown_line(known.get(line.id)), shown_line(line)
            await audit.note(tx, actor, "line.stored", f"line:{line.id}", now, before=before, after=after)


async def held_line(tx: Transaction, line_id: str) -> LineRecord:
    """The line with this id, held: nobody else changes it, or what belongs to it alone, until the transaction ends.

    Raises:
        NotFound: there is none.
    """
    held = await line_store.hold_many(tx, [line_id])
    return held.get(line_id) or await known_line(tx, line_id)


async def known_line(tx: Transaction, line_id: str) -> LineRecord:
    """The line with this id.

    Raises:
        NotFound: there is none.
    """
    line = await line_store.get(tx, line_id)
    if line is None:
        raise NotFound(f"there is no line {line_id[:80]!r}; `secondline line list` shows their ids")
    return line


async def _refuse_foreign_nodes(
    tx: Transaction, actor: Actor, known: Mapping[str, LineRecord], lines: Sequence[LineRecord]
) -> None:
    """Refuse to put lines on nodes that hold none of the actor's: a node's alarms and outages are seen by its lines."""
    if actor.reach(Scope.INVENTORY) is None:
        return
    for node in sorted(
        {line.node for line in lines if line.id not in known or line.node != known[line.id].node} - {""}
    ):
        if not await line_store.on_node(tx, node):
            raise Forbidden(
                f"there is no line of yours on node {node!r}, so you put none there; ask somebody whose right has no"
                " group"
            )


def _rows_of(text: str, limits: Limits) -> list[dict[str, Any]]:
    problems = Problems()
    rows = read_table(text, COLUMNS, limits, problems)
    _check_duplicates(rows, problems)
    problems.refuse()
    return rows


def _merged(known: LineRecord | None, row: Mapping[str, Any]) -> LineRecord:
    given = {name: value for name, value in row.items() if name in COLUMNS}
    return replace(known, **given) if known is not None else LineRecord(**given)


def _check_record(line: LineRecord) -> None:
    problems = []
    for name, column in COLUMNS.items():
        value = getattr(line, name)
        if value in (None, "", ()):
            if column.required:
                problems.append(f"{name}: it may not be empty; fill it")
            continue
        text = ";".join(value) if isinstance(value, tuple) else str(value)
        try:
            column.parse(text)
        except ValueError as error:
            problems.append(f"{name}: {text[:60]!r}: {error}")
    if problems:
        raise InvalidInput("\n".join(problems))


def _check_duplicates(rows: Sequence[Mapping[str, Any]], problems: Problems) -> None:
    """Refuse ids, places of ONTs and serials that two rows claim."""
    seen: dict[tuple[object, ...], int] = {}
    for row in rows:
        claims: list[tuple[str, tuple[object, ...]]] = [("id", ("id", row.get("id")))]
        place = tuple(row.get(key) for key in ("node", "frame", "slot", "port", "ont"))
        if row.get("node") and row.get("ont") is not None:
            claims.append(("ont", ("place", *place)))
        claims += [("device_serials", ("serial", serial)) for serial in row.get("device_serials") or ()]
        for column, claim in claims:
            if claim[1] is None:
                continue
            first = seen.setdefault(claim, row["row"])
            if first != row["row"]:
                shown = "/".join(str(part) for part in claim[1:] if part is not None)
                problems.add(row["row"], column, shown, f"row {first} has it too; remove one of them")


def shown_line(line: LineRecord | None) -> dict[str, Json]:
    """A line as the audit shows it."""
    return {} if line is None else {key: _json(value) for key, value in asdict(line).items()}


def _json(value: Any) -> Json:
    return list(value) if isinstance(value, tuple) else value


assert {field.name for field in fields(LineRecord)} == set(COLUMNS), "the CSV has the fields of a line"
