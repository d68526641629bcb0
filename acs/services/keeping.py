"""What sessions do for configurations: keep one before a change, note what a device was told, hold what must wait.

    operation that changes ──▶ its turn ──▶ gate, guard ──▶ configuration on disk ──▶ RPC ──▶ what it was told, noted

The rule of this file: nothing that changes a device leaves before its configuration as it was is on disk.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from acs.profiles.protection import is_setting
from acs.profiles.schema import Profile
from acs.secret_names import is_secret
from acs.services.actions.network import ROWS_MADE
from acs.services.actions.translating import PASSING, translate
from acs.services.actions.words import Refused, refusal_of, say
from acs.services.guarding import Guard
from acs.services.identifiers import new_id
from acs.services.kinds import Kind
from acs.services.plans import AddPlan, DeletePlan, Outcome, Plan, SetPlan
from acs.services.plans.backup import BackupPlan
from acs.services.plans.changing import ChangePlan
from acs.services.plans.restoring import RestoreInputs, RestorePlan, Values
from acs.services.profiles import profile_of
from acs.services.visits import Visit
from acs.store import backups, devices, operations, trees
from acs.store.backups import BackupRecord, Configuration
from acs.store.records import FINAL_STATES, DeviceRecord, Json, OperationRecord, OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction

#: Kinds before which what is known of the configuration is kept; `change` and `restore` read it themselves.
CHANGING = frozenset(
    {"set", "add_object", "delete_object", "download", "schedule_download", "factory_reset", "provision"}
)


@dataclass(frozen=True, slots=True)
class Held:
    """Why an operation does not begin now: it waits; names must be read first; or it ends with the reason."""

    read: tuple[str, ...] = ()
    why: str = ""
    result: Json = None


#: Held until something else has ended.
WAITS = Held()


class Keeping:
    """The part of configurations that happens in sessions."""

    def __init__(self, store: Store, profiles: Sequence[Profile], guard: Guard) -> None:
        self._store = store
        self._profiles = profiles
        self._guard = guard
        self._kept: dict[str, str] = {}

    async def hold(self, visit: Visit, operation: OperationRecord, kind: Kind, now: datetime) -> Held | None:
        """What stands against an operation whose turn it is; None: it may begin."""
        if not (kind.guarded or kind.with_restore or operation.kind in CHANGING):
            return None
        async with self._store.transaction() as tx:
            gate = await backups.gate_of(tx, operation.id)
            if gate is not None and gate[1] is not OperationState.SUCCEEDED:
                return _gated(gate)
            if kind.guarded and not operation.arguments.get("override"):
                if visit.looked is None and (asked := await self._guard.questions(tx, visit.device)):
                    return Held(read=tuple(asked))
                try:
                    await self._guard.refuse(tx, operation, now, visit.looked or {})
                except Refused as refused:
                    return Held(why=str(refused), result=refusal_of(refused))
            if operation.kind in CHANGING and operation.attempts == 0:
                await self._keep_known(tx, visit.device, operation, now)
        return None

    async def inputs(self, operation: OperationRecord) -> RestoreInputs:
        """What a restoring puts back.

        Raises:
            Refused: there is no such configuration.
        """
        given = operation.arguments
        key = str(given.get("device") or operation.device)
        async with self._store.reading() as tx:
            told = await backups.desired(tx, key)
            found = await _chosen(tx, key, str(given.get("backup", "last_good")), told)
            source, target = await devices.get(tx, key), await devices.get(tx, operation.device)
            if found is None or source is None or target is None:
                which = str(given.get("backup", "last_good"))
                if await backups.newest(tx, key) is None:
                    raise Refused("no_backup")
                raise (
                    Refused("no_good_backup") if which == "last_good" else Refused("no_such_backup", wanted=repr(which))
                )
        where, configuration, whole = found
        values, unknown = _with_secrets(configuration, told)
        fresh = bool(given.get("fresh"))
        if _model(source) == _model(target):
            known = frozenset(configuration.values) if whole else None
            ours = self._rows_made(target, configuration.values) if given.get("extra") != "keep" else ()
            return RestoreInputs(values, where, keep_first=not fresh, known=known, ours=ours, unknown=unknown)
        translation = self._translation(source, target)
        unknown = translation.passing(configuration.values, unknown)
        return RestoreInputs(values, where, unknown=unknown, translate=translation)

    def _rows_made(self, device: DeviceRecord, values: Values) -> tuple[str, ...]:
        """The rows that our actions make on this model."""
        profile = profile_of(self._profiles, device, sorted(values))
        return () if profile is None else tuple(t.path for t in profile.settings.targets if t.name in ROWS_MADE)

    async def checkpoint(self, visit: Visit, now: datetime) -> None:
        """Put the configuration that a change has read on disk, before anything else leaves."""
        plan, running = visit.plan, visit.running
        if not isinstance(plan, ChangePlan | RestorePlan) or running is None or not plan.kept:
            return
        plan.kept = False
        await self._keep_read(visit, running, plan.backup, "change", now)

    async def concluded(
        self, visit: Visit, operation: OperationRecord, plan: Plan, outcome: Outcome, now: datetime
    ) -> Outcome:
        """Note what the device was told, and keep what was read; returns the outcome with where that is."""
        applied = _applied(plan)
        if applied:
            await self._note(operation.device, applied, now)
        if isinstance(plan, BackupPlan) and plan.complete:
            origin = "schedule" if operation.kind == "scheduled_backup" else "asked"
            await self._keep_read(visit, operation, plan, origin, now)
        kept = self._kept.pop(operation.id, None)
        if kept is None:
            return outcome
        result: dict[str, Json] = dict(outcome.result) if isinstance(outcome.result, dict) else {}
        return replace(outcome, result={**result, "backup": kept})

    async def _keep_known(
        self, tx: Transaction, device: DeviceRecord, operation: OperationRecord, now: datetime
    ) -> None:
        """Keep what is known without a question: the names of the newest configuration, as they stand in the tree."""
        tree = await trees.read_open(tx, device.key)
        newest = await backups.newest(tx, device.key)
        if tree is None or not tree.values:
            return
        known = await backups.open_backup(tx, newest.id) if newest is not None else None
        if known is not None:
            names = [name for name in known.values if name in tree.values]
        else:
            names = self._settable(device, {name: value for name, (value, _) in tree.values.items()})
        if names:
            values = {name: tree.values[name] for name in names}
            kept = await self._store_backup(tx, device, operation, values, "change", now, live=False, good=None)
            self._kept[operation.id] = kept.id

    async def _keep_read(
        self, visit: Visit, operation: OperationRecord, plan: BackupPlan, origin: str, now: datetime
    ) -> None:
        async with self._store.transaction() as tx:
            kept = await self._store_backup(
                tx, visit.device, operation, plan.values, origin, now, live=plan.whole, good=plan.line_is_up
            )
        self._kept[operation.id] = kept.id

    async def _store_backup(
        self,
        tx: Transaction,
        device: DeviceRecord,
        operation: OperationRecord,
        values: Values,
        origin: str,
        now: datetime,
        *,
        live: bool,
        good: bool | None,
    ) -> BackupRecord:
        told = await backups.desired(tx, device.key)
        secrets = {name: value or told.secrets.get(name, "") for name, (value, _) in values.items() if is_secret(name)}
        secrets = {name: value for name, value in secrets.items() if value}
        record = BackupRecord(
            id=new_id(),
            device=device.key,
            at=now,
            origin=origin,
            actor=operation.actor,
            software_version=device.software_version,
            good=good,
            live=live,
            operation=operation.id,
        )
        return await backups.add(tx, record, Configuration(values, secrets))

    def _settable(self, device: DeviceRecord, values: Mapping[str, str]) -> list[str]:
        """Without a configuration to go by: the names that the profile knows to be settings."""
        profile = profile_of(self._profiles, device, sorted(values))
        if profile is None:
            return []
        settings = profile.settings
        places = [
            place.path
            for setting in settings.settings
            if not setting.read_only
            for place in settings.places(setting.name, values)
        ]
        return [path for path in dict.fromkeys(places) if is_setting(path)]

    async def _note(self, key: str, applied: Mapping[str, tuple[str, str] | None], now: datetime) -> None:
        async with self._store.transaction() as tx:
            await devices.hold(tx, key)
            told = await backups.desired(tx, key)
            values, secrets = dict(told.values), dict(told.secrets)
            for name, entry in applied.items():
                gone = [each for each in values if each == name or (entry is None and each.startswith(name))]
                for each in gone:
                    del values[each]
                    secrets.pop(each, None)
                if entry is not None and is_setting(name):
                    values[name] = entry
                    if is_secret(name):
                        secrets[name] = entry[0]
            await backups.put_desired(tx, key, Configuration(values, secrets), now)

    def _translation(self, source: DeviceRecord, target: DeviceRecord) -> "Translation":
        return Translation(self._profiles, source, target)


@dataclass(frozen=True, slots=True)
class Translation:
    """Puts one model's configuration into another's words, once it is known what the other has."""

    profiles: Sequence[Profile]
    source: DeviceRecord
    target: DeviceRecord

    def __call__(self, values: Values, present: Values) -> Values:
        """The values under the names of the target; what it has no word for is left out."""
        old = profile_of(self.profiles, self.source, sorted(values))
        new = profile_of(self.profiles, self.target, sorted(present))
        if old is None or new is None:
            return {}
        return translate(old.settings, values, new.settings, present)

    def passing(self, values: Values, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those names of the source whose values would pass to another model."""
        old = profile_of(self.profiles, self.source, sorted(values))
        if old is None:
            return ()
        known = {name: value for name, (value, _) in values.items()}
        paths = {place.path for meaning in PASSING for place in old.settings.places(meaning, known)}
        return tuple(name for name in names if name in paths)


async def _chosen(tx: Transaction, key: str, which: str, told: Configuration) -> tuple[str, Configuration, bool] | None:
    """The configuration that is meant, how it is called, and whether it was read whole; None where there is none."""
    if which == "desired":
        return ("desired", told, False) if told.values else None
    if which == "current":
        known = await _current(tx, key, told)
        return None if known is None else (*known, False)
    if which.startswith("of:"):
        operation = await operations.get(tx, which[3:])
        result = operation.result if operation is not None and isinstance(operation.result, dict) else {}
        record = await backups.get(tx, key, str(result.get("backup", "")))
    elif which == "last_good":
        record = await backups.newest(tx, key, good=True)
    else:
        record = await backups.get(tx, key, which)
    if record is None:
        return None
    opened = await backups.open_backup(tx, record.id)
    return None if opened is None else (record.id, opened, record.live)


async def _current(tx: Transaction, key: str, told: Configuration) -> tuple[str, Configuration] | None:
    """What is known of the device now: the settings of its newest configuration, and those that it was told since."""
    newest = await backups.newest(tx, key)
    kept = await backups.open_backup(tx, newest.id) if newest is not None else None
    tree = await trees.read(tx, key)
    if tree is None:
        return ("desired", told) if told.values else None
    names = {*(kept.values if kept is not None else ()), *told.values}
    values = {name: tree.values[name] for name in names if name in tree.values}
    secrets = {**(kept.secrets if kept is not None else {}), **told.secrets}
    return ("current", Configuration(values, secrets)) if values else None


def _with_secrets(configuration: Configuration, told: Configuration) -> tuple[Values, tuple[str, ...]]:
    """Every value with its secrets, without those that nobody knows, so that none is made empty; and their names."""
    values, unknown = dict(configuration.values), []
    for name, (_, kind) in configuration.values.items():
        if is_secret(name):
            secret = configuration.secrets.get(name) or told.secrets.get(name)
            if secret:
                values[name] = (secret, kind)
            else:
                del values[name]
                unknown.append(name)
    return values, tuple(name for name in sorted(unknown) if is_setting(name))


def _applied(plan: Plan) -> dict[str, tuple[str, str] | None]:
    if isinstance(plan, ChangePlan | RestorePlan):
        return dict(plan.applied)
    if isinstance(plan, SetPlan | AddPlan):
        return dict(plan.applied)
    if isinstance(plan, DeletePlan):
        return dict.fromkeys(plan.reads.whole)
    return {}


def _gated(gate: tuple[str, OperationState, str]) -> Held:
    _, state, detail = gate
    if state not in FINAL_STATES:
        return WAITS
    return Held(why=say("gate_failed", detail=detail), result={"why": "gate_failed", "values": {"detail": detail}})


def _model(device: DeviceRecord) -> tuple[str, str, str]:
    return device.root, device.oui, device.product_class
