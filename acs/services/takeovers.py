"""One device takes over from another: the line, and the settings of the line.

    swap OLD → serial NEW ─▶ the line names NEW's serial, OLD is on no line
                              ├─ NEW is known   ─▶ operation `restore` of OLD's configuration, now
                              └─ NEW comes later ─▶ the same, in its first session

The rule of this file: the old device's configuration is never changed by it, so that a swap can be taken back.
"""

import re
from dataclasses import replace
from datetime import datetime, timedelta

from acs.errors import Conflict, InvalidInput
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.identifiers import new_id
from acs.services.merging import same_serial
from acs.services.serials import serial_forms
from acs.services.visits import Visit
from acs.store import backups, devices, lines
from acs.store.backups import Takeover
from acs.store.records import DeviceRecord, Json, OperationRecord, OperationState, SessionCommit, SessionOpened
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.profiles.decode import canonical_serial

#: Days that a new device may take to get its settings once it has come.
_DAYS = 7
#: Four letters of the vendor and four octets of number (ITU-T G.984.3), as `canonical_serial` gives them.
_PON = re.compile(r"[A-Z0-9]{4}[0-9A-F]{8}")


class Takeovers:
    """Begins swaps, and ends them when the new device comes."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, actor: Actor, old: DeviceRecord, serial: str, reason: str) -> str | None:
        """Give the line to the device with the serial number; returns its key, or None where it has not come yet.

        Raises:
            InvalidInput: the serial number is the old device's own.
            Conflict: several devices have it, or the new one is on another line.
        """
        actor.require(Scope.OPERATE)
        actor.require(Scope.INVENTORY)
        if serial in serial_forms(old.serial_number):
            raise InvalidInput("serial: it is the serial number of the device that is to be replaced")
        now = self._clock()
        async with self._store.transaction() as tx:
            new = await _known(tx, serial, old)
            await self._pass_line(tx, old, new, serial, now)
            if new is None:
                takeover = Takeover(serial, old.key, old.line, now, actor.name, reason)
                await backups.put_takeover(tx, takeover)
            before: dict[str, Json] = {"device": old.key, "line": old.line}
            after: dict[str, Json] = {"serial": serial, "device": None if new is None else new.key, "line": old.line}
            await audit.note(tx, actor, "device.swapped", f"device:{old.key}", now, before=before, after=after)
        return None if new is None else new.key

    async def operation_for(self, visit: Visit, opened: SessionOpened, now: datetime) -> OperationRecord | None:
        """The stored operation for a device that comes and takes over from another; None for nearly all."""
        serial = opened.device.serial_number
        async with self._store.reading() as tx:  # nearly all replace no other, and keep no writer waiting
            if await _asked_for(tx, serial) is None:
                return None
        async with self._store.transaction() as tx:
            found = await _asked_for(tx, serial)
            if found is None:
                return None
            await backups.drop_takeover(tx, found.serial_number)
            if found.line is not None:
                await devices.set_line(tx, visit.key, found.line)
        wanted = _restoring(visit.key, found, now)
        await self._store.sessions.commit(SessionCommit(visit.key, visit.session.id, now, operations=(wanted,)))
        return replace(wanted, steps=1)

    async def _pass_line(
        self, tx: Transaction, old: DeviceRecord, new: DeviceRecord | None, serial: str, now: datetime
    ) -> None:
        if old.line is None:
            return
        line = (await lines.hold_many(tx, [old.line])).get(old.line)
        if line is None:
            return
        mine = serial_forms(old.serial_number)
        serials = (*(each for each in line.device_serials if each not in mine), serial)
        await devices.set_line(tx, old.key, None)
        passed = replace(line, device_serials=tuple(dict.fromkeys(serials)))
        if line.gpon_serial and same_serial(line.gpon_serial, old.serial_number):
            # it was the line's ONT: with its serial number the OLT is asked for an ONT that lies in a drawer
            passed = replace(passed, gpon_serial=serial if _is_pon(serial) else "")
        await lines.upsert(tx, [passed], now)
        if new is not None:
            await devices.set_line(tx, new.key, line.id)


def _is_pon(serial: str) -> bool:
    return _PON.fullmatch(canonical_serial(serial)) is not None


async def _asked_for(tx: Transaction, serial: str) -> Takeover | None:
    """The takeover by a device with this serial number, in whichever of its forms somebody gave it."""
    for form in sorted(serial_forms(serial)):
        found = await backups.get_takeover(tx, form)
        if found is not None:
            return found
    return None


async def _known(tx: Transaction, serial: str, old: DeviceRecord) -> DeviceRecord | None:
    found = await devices.by_serials(tx, sorted(serial_forms(serial)))
    if len(found) > 1:
        keys = ", ".join(each.key for each in found[:5])
        raise Conflict(f"serial: several devices have it: {keys}; put the right one on the line by hand")
    if found and found[0].line is not None and found[0].line != old.line:
        raise Conflict(f"device {found[0].key} is on line {found[0].line}; take it off that line first")
    return found[0] if found else None


def _restoring(key: str, takeover: Takeover, now: datetime) -> OperationRecord:
    id = new_id()
    return OperationRecord(
        id=id,
        device=key,
        kind="restore",
        arguments={"action": "swap", "device": takeover.old_device, "backup": "current"},
        state=OperationState.QUEUED,
        command_key=id,
        created_at=now,
        deadline_at=now + timedelta(days=_DAYS),
        actor=takeover.actor,
        reason=takeover.reason or f"takes over from {takeover.old_device}",
    )
