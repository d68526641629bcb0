"""When a device may not be restarted: while it is restarted already, during a call, while it is given new software,
and again and again.

    at the request       what is known, and what is under way        ─▶ refused with its reason
    in the session       the device is asked for its calls, then it restarts, or the operation ends with the reason

The rule of this file: a person with the right may set a limit aside and says why; an automatic rule never does.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import urlsplit

from acs.config import Config
from acs.profiles.protection import beyond_limit, protected, protected_file
from acs.profiles.protection.cutting import cuts, may_cut, why_kept
from acs.profiles.protection.ways import carriers
from acs.profiles.schema import Profile
from acs.services.action_limits import RESTARTS
from acs.services.actions.words import Refused
from acs.services.actor import Actor, Scope
from acs.services.approvals import Approvals, Proposal
from acs.services.kinds import Kind
from acs.services.kinds.transfers import DOWNLOAD_TYPES, is_firmware
from acs.services.profiles import profile_of
from acs.store import devices, operations, trees
from acs.store.records import DUE_STATES, DeviceRecord, Json, OperationRecord, OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction

#: what one person may not write, and why, by language
Found = tuple[str, Mapping[Literal["en", "ru"], str]]
CALL = "voice.call"
#: The runner that does what a second person approved.
PROTECTED = "protected_write"
#: Kinds that give a device new software.
_DOWNLOADS = frozenset({"download", "schedule_download"})
#: States in which an RPC has left, or may have.
_LEFT = frozenset({OperationState.SENT, OperationState.UNKNOWN, OperationState.SUCCEEDED})
#: Operations of one device that are looked through for restarts.
_LOOK = 1_000


class Guard:
    """Refuses what must not happen now."""

    def __init__(self, config: Config, profiles: Sequence[Profile], store: Store | None = None) -> None:
        self._config = config.actions
        #: where the connections of a device are known; None: nothing is asked of them
        self._store = store
        self._profiles = profiles
        #: where a second person is asked; None: nobody can be, and protected parameters are not written
        self.approvals: Approvals | None = None

    async def admit(self, tx: Transaction, actor: Actor, wanted: OperationRecord, kind: Kind) -> None:
        """Let an operation be queued.

        Raises:
            Refused: it must not be done now.
            Forbidden: the actor may not set a limit aside.
        """
        if kind.guarded:
            await self.one_at_a_time(tx, wanted)
        if wanted.arguments.get("override"):
            self._may_override(actor, wanted)
            return
        if kind.guarded:
            await self.refuse(tx, wanted, wanted.created_at)

    async def one_at_a_time(self, tx: Transaction, wanted: OperationRecord) -> None:
        """Refuse a restart while another one of the device has not ended: who asks twice wants one.

        Who sets limits aside may follow one that was sent, for it may never be seen; not one that will still be sent.

        Raises:
            Refused: it must wait for the other one.
        """
        overridden = bool(wanted.arguments.get("override"))
        states = (OperationState.QUEUED,) if overridden else DUE_STATES
        found = await operations.list_operations(tx, device=wanted.device, states=states, kinds=RESTARTS)
        first = next((each for each in reversed(found) if each.id != wanted.id), None)
        if first is not None:
            raise Refused("restart_under_way", operation=first.id, actor=first.actor)

    async def need_two(
        self, actor: Actor, device: str, kind: Kind, arguments: Mapping[str, Json], reason: str, ticket: str | None
    ) -> None:
        """Let a write pass that one person may do alone; propose any other one, where a reason is given.

        Raises:
            Refused: it could take management away, and nobody else is asked: no reason, or an automatic rule.
            ApprovalNeeded: it is proposed, and another person must approve it.
        """
        found = protected_download(kind.name, arguments)
        if kind.writes_names:
            found = protected_among(kind.name, arguments) or await self._cut_off(device, kind.name, arguments)
        if found is None:
            return
        name, why = found
        if self.approvals is None or actor.kind in ("system", "cpe") or not reason.strip():
            raise Refused("protected", path=name, why=dict(why))
        wanted: dict[str, Json] = {"kind": kind.name, "arguments": dict(arguments)}
        proposal = Proposal(PROTECTED, f"device:{device}", wanted, reason, device=device, ticket=ticket or "")
        raise await self.approvals.needed(actor, proposal)

    async def _cut_off(self, device: str, kind: str, arguments: Mapping[str, Json]) -> Found | None:
        """What an operation deletes or changes of the connection that carries management; None: nothing."""
        writes = [(name, value) for name, value in written(kind, arguments) if may_cut(name)]
        if self._store is None or not writes:
            return None
        async with self._store.reading() as tx:
            known, tree = await devices.get(tx, device), await trees.read(tx, device)
        if known is None or tree is None:
            return None
        host = urlsplit(known.connection_request_url).hostname or ""
        values = {name: value for name, (value, _) in tree.values.items()}
        for carrier in carriers(values, host):
            for name, value in writes:
                if cuts(values, carrier, name, value):
                    return name, why_kept()
        return None

    async def refuse(
        self, tx: Transaction, wanted: OperationRecord, now: datetime, said: Mapping[str, str] | None = None
    ) -> None:
        """Refuse a restart that must not happen now. `said`: what the device says this moment, over what is known.

        Raises:
            Refused: it must not.
        """
        if wanted.arguments.get("override"):
            return
        found = await operations.list_operations(tx, device=wanted.device, limit=_LOOK)
        if any(_upgrades(each) for each in found if each.id != wanted.id):
            raise Refused("firmware_upgrade")
        since = now - timedelta(hours=self._config.reboot_window_h)
        restarts = [each for each in found if each.id != wanted.id and _restarted(each, since)]
        if wanted.kind == "reboot" and len(restarts) >= self._config.reboots:
            raise Refused("too_many_reboots", count=len(restarts), hours=self._config.reboot_window_h)
        if said is not None and await self._calls(tx, wanted.device, said):
            raise Refused("voice_call")

    async def questions(self, tx: Transaction, device: DeviceRecord) -> list[str]:
        """The parameters that tell whether somebody telephones; empty where the device has none."""
        profile, values = await self._known(tx, device)
        return [] if profile is None else [place.path for place in profile.settings.places(CALL, values)]

    async def _calls(self, tx: Transaction, key: str, said: Mapping[str, str]) -> bool:
        device = await devices.get(tx, key)
        profile, _ = (None, None) if device is None else await self._known(tx, device)
        if profile is None:
            return False
        return any(
            said[place.path].strip() not in ("", *place.setting.codes.values())
            for place in profile.settings.places(CALL, said)
        )

    async def _known(self, tx: Transaction, device: DeviceRecord) -> tuple[Profile | None, Mapping[str, str]]:
        tree = await trees.read(tx, device.key)
        values = {} if tree is None else {name: value for name, (value, _) in tree.values.items()}
        return profile_of(self._profiles, device, sorted(values)), values

    def _may_override(self, actor: Actor, wanted: OperationRecord) -> None:
        if actor.kind in ("system", "cpe"):
            raise Refused("never_automatic")
        actor.require(Scope.OVERRIDE)
        if not wanted.reason.strip():
            raise Refused("no_reason")


def protected_among(kind: str, arguments: Mapping[str, Json]) -> Found | None:
    """The first parameter, row or object that an operation would write and one person may not; None without one."""
    for name in written_names(kind, arguments):
        found = protected(name)
        if found is not None:
            return name, found.why
    for name, value in written(kind, arguments):
        found = beyond_limit(name, value)
        if found is not None:
            return name, found.why
    return None


def protected_download(kind: str, arguments: Mapping[str, Json]) -> Found | None:
    """The type of a file that one person may not send; None: he may."""
    file_type = str(arguments.get("file_type", ""))
    named = DOWNLOAD_TYPES.get(file_type, file_type)
    found = protected_file(named) if kind in _DOWNLOADS else None
    return None if found is None else (named, found.why)


def written(kind: str, arguments: Mapping[str, Json]) -> list[tuple[str, Json]]:
    """What an operation sets, each with its value, and the rows or objects that it deletes, with None."""
    if kind == "delete_object":
        return [(str(arguments.get("path", "")), None)]
    steps = arguments.get("steps")
    found: list[tuple[str, Json]] = []
    for part in steps if isinstance(steps, list) else [arguments]:
        if not isinstance(part, Mapping):
            continue
        values = part.get("values")
        if isinstance(values, Mapping) and not part.get("add"):
            found += [(name, _plain(value)) for name, value in values.items()]
        if part.get("delete"):
            found.append((str(part["delete"]), None))
    return found


def written_names(kind: str, arguments: Mapping[str, Json]) -> list[str]:
    """The parameters, and the rows ending in a point, that an operation writes, adds or deletes."""
    steps = arguments.get("steps")
    parts = [part for part in steps if isinstance(part, dict)] if isinstance(steps, list) else [dict(arguments)]
    if kind == "delete_object":
        return [str(arguments.get("path", ""))]
    if kind == "add_object":
        parts = [{"add": arguments.get("path"), "values": arguments.get("values")}]
    names: list[str] = []
    for part in parts:
        values = part.get("values")
        table = str(part["add"]) + "1." if part.get("add") else ""
        names += [table + str(name) for name in (values if isinstance(values, dict) else ())]
        names += [str(part["delete"])] if part.get("delete") else []
        names += [table] if table else []
    return names


def _plain(value: Json) -> Json:
    return value["value"] if isinstance(value, Mapping) else value


def _upgrades(operation: OperationRecord) -> bool:
    """Whether the device is being given new software: the request left, and the end was not seen."""
    left = operation.state in (OperationState.SENT, OperationState.UNKNOWN)
    return operation.kind in _DOWNLOADS and operation.state in DUE_STATES and left and is_firmware(operation)


def _restarted(operation: OperationRecord, since: datetime) -> bool:
    sent = operation.kind == "reboot" and operation.sent_at is not None and operation.sent_at >= since
    return sent and operation.state in _LEFT
