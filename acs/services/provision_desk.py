"""What a person may ask of provisioning: the rules, a plan before it runs, what is stopped, and tags.

The rule of this file: a plan shows what would be done with what is known now, and does nothing.
"""

import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace

from acs.errors import InvalidInput, NotFound, no_device
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.provisioning import WHOLE, Provisioning
from acs.services.provisioning_diff import changes
from acs.services.provisioning_form import NOTIFICATIONS, Rule
from acs.services.provisioning_rules import Desired
from acs.services.rule_files import RuleSet, parse_rules, warnings_of
from acs.store import devices as device_store
from acs.store import provisioning as provision_store
from acs.store import trees as tree_store
from acs.store.provisioning import RuleRefusal
from acs.store.records import Json
from acs.store.store import Store

HIDDEN = "(hidden)"
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
_WORDS = {number: word for word, number in NOTIFICATIONS.items()}


@dataclass(frozen=True, slots=True)
class PlannedSetting:
    """One setting. `present` None: not known; secrets are hidden. `kind` is value or notification."""

    rule: str
    kind: str
    name: str
    present: str | None
    wanted: str


@dataclass(frozen=True, slots=True)
class PlanView:
    """What the rules would do at a device now.

    `settings` are what differs as far as is known; the device is read first, so fewer may be set. `unknown`: how many
    of them were never read. `due`: whether it would be done without being asked.
    """

    device: str
    rules: tuple[str, ...]
    settings: tuple[PlannedSetting, ...]
    unchanged: int
    unknown: int
    firmware: str | None
    left_out: dict[str, str]
    refusals: tuple[RuleRefusal, ...]
    tags: tuple[str, ...]
    line: str | None
    due: bool


@dataclass(frozen=True, slots=True)
class Linted:
    """Rules that can be used, and what to look at."""

    rules: tuple[Rule, ...]
    warnings: tuple[str, ...]


class ProvisionDesk:
    """Use cases of provisioning."""

    def __init__(self, store: Store, provisioning: Provisioning, clock: Clock) -> None:
        self._store = store
        self._provisioning = provisioning
        self._clock = clock
        #: called with a device whose tags changed; see `ProvisionSearch.check`
        self.changed: Callable[[str], Awaitable[object]] | None = None

    def rules(self, actor: Actor) -> RuleSet:
        """The rules in force."""
        actor.require(Scope.READ)
        return self._provisioning.rules

    def lint(self, actor: Actor, text: str, where: str = "rules") -> Linted:
        """Check a text of rules without putting it in force.

        Raises:
            InvalidInput: one line per error.
        """
        actor.require(Scope.READ)
        found = parse_rules(text, where)
        return Linted(found, tuple(warnings_of(found)))

    async def plan(self, actor: Actor, key: str, events: Collection[str] = ()) -> PlanView:
        """What the rules would do at a device now; with `events`, in a session that carries them.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        known = await self._provisioning.known(key, frozenset(events))
        if known is None:
            raise _unknown(key)
        async with self._store.reading() as tx:
            tree = await tree_store.read_open(tx, key)
        values = tree.values if tree is not None else {}
        desired = await self._provisioning.desired_of(known, make=False)
        held = frozenset(known.state.secrets) if known.state else frozenset()
        settings = _settings(desired, {n: values[n] for n in desired.names() if n in values}, held)
        firmware = next((w.firmware.version for w in desired.rules if w.firmware is not None), None)
        return PlanView(
            device=key,
            rules=tuple(wish.rule for wish in desired.rules),
            settings=settings,
            unchanged=len(desired.names()) - sum(1 for each in settings if each.kind == "value"),
            unknown=sum(1 for each in settings if each.kind == "value" and each.present is None),
            firmware=firmware if firmware != known.subject.software_version else None,
            left_out=dict(desired.left_out),
            refusals=tuple(known.refusals.values()),
            tags=tuple(sorted(known.subject.tags)),
            line=known.subject.line.id if known.subject.line else None,
            due=self._provisioning.is_due(known, desired, self._clock(), 0.0),
        )

    async def stopped(self, actor: Actor, limit: int = 1000) -> list[RuleRefusal]:
        """Rules that are stopped for a device, the latest first."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await provision_store.stopped(tx, limit=limit)

    async def resume(self, actor: Actor, key: str, rule: str | None = None) -> int:
        """Try stopped rules of a device again, one of them or all; returns how many.

        Raises:
            NotFound: no device has this key, or nothing of it is stopped.
        """
        actor.require(Scope.OPERATE)
        now = self._clock()
        async with self._store.transaction() as tx:
            if await device_store.hold(tx, key) is None:
                raise _unknown(key)
            found = [r for r in await provision_store.refusals_of(tx, [key]) if rule in (None, r.rule)]
            if not found:
                named = f"rule {rule!r}" if rule else "no rule"
                raise NotFound(f"{named} is stopped for device {key}; `secondline provision stopped` lists them")
            await provision_store.clear_refusals(tx, key, [r.rule for r in found])
            for each in found:
                if "/" in each.rule:  # firmware: the next try is another one
                    await provision_store.put_refusal(tx, replace(each, stopped_at=None, updated_at=now))
            await provision_store.make_due(tx, key)
            rules = ", ".join("the whole device" if r.rule == WHOLE else r.rule for r in found)
            await audit.note(tx, actor, "provisioning.resumed", f"device:{key}", now, after={"rules": rules})
        await self._tell(key)
        return len(found)

    async def tags(self, actor: Actor, key: str) -> list[str]:
        """The tags of a device.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            if await device_store.get(tx, key) is None:
                raise _unknown(key)
            found = await provision_store.tags_of(tx, [key])
        return sorted(found.get(key, frozenset()))

    async def tag_counts(self, actor: Actor) -> dict[str, int]:
        """Every tag and how many devices have it."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await provision_store.tag_counts(tx)

    async def change_tags(
        self, actor: Actor, key: str, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> list[str]:
        """Give a device tags and take others away; returns those that it has then.

        Raises:
            NotFound: no device has this key.
            InvalidInput: a tag cannot be used.
        """
        actor.require(Scope.WRITE)
        for tag in (*add, *remove):
            if not _TAG.fullmatch(tag):
                raise InvalidInput(f"tag {tag[:80]!r}: write 1 to 64 letters, digits and _ . : - without blanks")
        now = self._clock()
        async with self._store.transaction() as tx:
            before = sorted((await provision_store.tags_of(tx, [key])).get(key, frozenset()))
            await provision_store.add_tags(tx, key, add, now)
            await provision_store.remove_tags(tx, key, remove)
            after = sorted((await provision_store.tags_of(tx, [key])).get(key, frozenset()))
            if before != after:
                was: dict[str, Json] = {"tags": list(before)}
                now_has: dict[str, Json] = {"tags": list(after)}
                await audit.note(tx, actor, "device.tagged", f"device:{key}", now, before=was, after=now_has)
        if before != after:
            await self._tell(key)
        return after

    async def _tell(self, key: str) -> None:
        if self.changed is not None:
            await self.changed(key)


def _settings(
    desired: Desired, values: dict[str, tuple[str, str]], held: Collection[str]
) -> tuple[PlannedSetting, ...]:
    found = [
        PlannedSetting(
            change.rule,
            "value",
            change.name,
            HIDDEN if change.secret and change.present else change.present,
            HIDDEN if change.secret else change.value,
        )
        for change in changes(desired, values, held)
    ]
    found += [
        PlannedSetting(wish.rule, "notification", name, None, _WORDS[number])
        for wish in desired.rules
        for name, number in wish.notifications.items()
    ]
    return tuple(found)


def _unknown(key: str) -> NotFound:
    return no_device(key)
