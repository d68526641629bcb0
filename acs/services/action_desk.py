"""Actions of a second line: what a model can, and doing it.

    offers(device)                what can be done, and why the rest cannot
    do(device, action, …)         refused with its reason, or operations that follow one another

The rule of this file: it decides nothing about parameters (`acs/services/actions` does) and sends nothing itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from acs.config import Config
from acs.errors import InvalidInput, NotFound, no_device
from acs.profiles.schema import Profile
from acs.profiles.settings import NO_SETTINGS, Row
from acs.services import audit
from acs.services.abilities import Abilities, model_of
from acs.services.actions.base import Action, Asked, View
from acs.services.actions.catalogue import CATALOGUE
from acs.services.actions.words import Refused
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.guarding import Guard
from acs.services.identifiers import new_id
from acs.services.kinds import KINDS
from acs.services.operations import Operations
from acs.services.profiles import profile_of
from acs.services.takeovers import Takeovers
from acs.store import abilities as ability_store
from acs.store import backups, devices, trees
from acs.store import operations as operation_store
from acs.store.records import Json, OperationRecord, OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Offer:
    """One action on one device. `refused`: why not; `rows`: what can be chosen among."""

    action: Action
    refused: Refused | None
    rows: tuple[Row, ...] = ()
    #: what it does to the subscriber, to be confirmed, by language; None: nothing
    risk: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody wants done."""

    action: str
    arguments: Mapping[str, Any]
    reason: str = ""
    ticket: str | None = None
    override: bool = False
    deadline_s: float | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked of the device, in its order; the last one ends the action. `note`: what happens without one."""

    action: Action
    operations: tuple[OperationRecord, ...]
    note: Mapping[str, str] | None = None


class ActionDesk:
    """Lists and does actions."""

    def __init__(
        self,
        store: Store,
        config: Config,
        operations: Operations,
        profiles: Sequence[Profile],
        guard: Guard,
        takeovers: Takeovers,
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._config = config.actions
        self._operations = operations
        self._profiles = profiles
        self._guard = guard
        self._takeovers = takeovers
        self._clock = clock

    async def offers(self, actor: Actor, key: str) -> list[Offer]:
        """Every action with whether this device can do it.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            view = await self._view(tx, key)
        return [
            Offer(action, action.why_not(view), _rows(action, view), action.to_confirm(view))
            for action in CATALOGUE.values()
        ]

    async def do(self, actor: Actor, key: str, wanted: Request) -> Done:
        """Ask for everything that an action needs.

        Raises:
            NotFound: no such device, no such action.
            InvalidInput: an argument cannot be used.
            Refused: it cannot be done on this model, or must not be done now; the words are for people.
            Forbidden, TooMany: see the message.
        """
        actor.require(Scope.OPERATE)
        action = CATALOGUE.get(wanted.action.replace("_", "-"))
        if action is None:
            known = ", ".join(CATALOGUE)
            raise NotFound(f"there is no action {wanted.action[:40]!r}; there are {known}")
        given = _checked(action, wanted.arguments)
        async with self._store.reading() as tx:
            view = await self._view(tx, key)
        refused = action.why_not(view)
        if refused is not None:
            self._must_hold(actor, wanted, refused)
        asked = list(action.build(view, given))
        if action.name == "swap":
            return await self._swap(actor, view, action, asked[0], wanted)
        await self._check_now(actor, asked, view, wanted)
        await self._note(actor, key, action, wanted)
        return Done(action, await self._ask(actor, key, asked, wanted))

    async def _ask(
        self, actor: Actor, key: str, asked: Sequence[Asked], wanted: Request
    ) -> tuple[OperationRecord, ...]:
        stored: list[OperationRecord] = []
        for n, each in enumerate(asked):
            arguments = dict(each.arguments)
            if wanted.override and KINDS[each.kind].guarded:
                arguments["override"] = True
            if each.kind == "restore" and stored and stored[0].kind == "backup":
                arguments["backup"] = f"of:{stored[0].id}"
            idempotency = _key_of(wanted, n) if wanted.idempotency_key else None
            stored.append(
                await self._operations.request(
                    actor,
                    key,
                    each.kind,
                    arguments,
                    deadline_s=wanted.deadline_s or self._config.deadline_s,
                    reason=wanted.reason,
                    ticket=wanted.ticket,
                    idempotency_key=idempotency,
                    after=stored[-1].id if stored else None,
                )
            )
        return tuple(stored)

    async def _swap(self, actor: Actor, view: View, action: Action, asked: Asked, wanted: Request) -> Done:
        serial = str(asked.arguments["serial"])
        await self._note(actor, view.device.key, action, wanted)
        new = await self._takeovers.begin(actor, view.device, serial, wanted.reason)
        if new is None:
            return Done(action, (), _WAITS)
        request = Request("restore", {}, wanted.reason or f"takes over from {view.device.key}", wanted.ticket)
        restore = Asked("restore", {"action": "swap", "device": view.device.key, "backup": "current"})
        return Done(action, await self._ask(actor, new, [restore], request))

    async def _check_now(self, actor: Actor, asked: Sequence[Asked], view: View, wanted: Request) -> None:
        """Refuse before anything is queued, so that nothing of a series is left behind."""
        guarded = [each for each in asked if KINDS[each.kind].guarded]
        if not guarded:
            return
        now, given = self._clock(), {"override": True} if wanted.override else {}
        async with self._store.reading() as tx:
            if wanted.idempotency_key and await operation_store.by_idempotency_key(tx, actor.name, _key_of(wanted, 0)):
                return  # a repetition: it gets what was asked for first, whatever holds now
            for each in guarded:
                probe = OperationRecord(
                    new_id(), view.device.key, each.kind, dict(given), OperationState.QUEUED, "", now, now, actor=""
                )
                await self._guard.one_at_a_time(tx, probe)
                await self._guard.refuse(tx, probe, now)

    def _must_hold(self, actor: Actor, wanted: Request, refused: Refused) -> None:
        """Raise the refusal, unless it is one that a person may set aside and does, with a reason."""
        if refused.code not in _SET_ASIDE or not wanted.override:
            raise refused
        if actor.kind in ("system", "cpe"):
            raise Refused("never_automatic")
        actor.require(Scope.OVERRIDE)
        if not wanted.reason.strip():
            raise Refused("no_reason")

    async def _note(self, actor: Actor, key: str, action: Action, wanted: Request) -> None:
        shown = {name: "" if name in action.secrets else str(value) for name, value in wanted.arguments.items()}
        after: dict[str, Json] = {
            "action": action.name,
            "arguments": dict[str, Json](shown),
            "reason": wanted.reason,
            "override": wanted.override,
        }
        async with self._store.transaction() as tx:
            await audit.note(tx, actor, "action.requested", f"device:{key}", self._clock(), after=after)

    async def _view(self, tx: Transaction, key: str) -> View:
        device = await devices.get(tx, key)
        if device is None:
            raise no_device(key)
        tree = await trees.read(tx, key)
        values = {} if tree is None else {name: value for name, (value, _) in tree.values.items()}
        profile = profile_of(self._profiles, device, sorted(values))
        able = Abilities.from_json(await ability_store.get(tx, model_of(device)))
        told = await backups.desired(tx, key)
        newest = await backups.newest(tx, key)
        kept = await backups.open_backup(tx, newest.id) if newest is not None else None
        return View(
            device,
            NO_SETTINGS if profile is None else profile.settings,
            values if tree is not None and tree.read_at is not None else {},
            frozenset(told.secrets),
            able.lacking,
            able.methods,
            has_backup=newest is not None or bool(told.values),
            has_good_backup=await backups.newest(tx, key, good=True) is not None,
            kept=frozenset(values if kept is None else kept.values),
        )


#: What stands against an action on this device and may be set aside.
_SET_ASIDE = frozenset({"password_unknown", "password_unknown_of_old"})
#: What is said where the new device has not come yet.
_WAITS: Mapping[str, str] = {
    "en": "The line is the new device's now; it gets the settings when it first comes online.",
    "ru": "Линия закреплена за новым устройством; оно получит настройки, когда впервые выйдет на связь.",
}


def _key_of(wanted: Request, n: int) -> str:
    """The idempotency key of the n-th operation of a request that has one."""
    return f"{wanted.idempotency_key}:{n}"


def _rows(action: Action, view: View) -> tuple[Row, ...]:
    return () if action.target is None else tuple(view.settings.rows(action.target, view.values))


def _checked(action: Action, arguments: Mapping[str, Any]) -> Any:
    plain = {
        name: value if isinstance(value, str | None) else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in arguments.items()
    }
    try:
        return action.arguments.model_validate(plain)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        taken = ", ".join(action.arguments.model_fields) or "none"
        if first["type"] == "extra_forbidden":
            raise InvalidInput(f"{where}: not an argument of {action.name}; it takes: {taken}") from error
        if first["type"] == "missing":
            raise InvalidInput(f"{where}: is needed; {action.name} takes: {taken}") from error
        raise InvalidInput(f"{where}: {first['msg']}") from error
