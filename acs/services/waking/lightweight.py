"""Lightweight notifications: whose they are, whether they are new, and what they say put into the device's tree.

The one rule: nothing is believed, and nothing is answered, before the signature is proved with a password of the device
and its time is newer than the last one, or the same with a cnonce that was not used.
"""

from typing import Final

import structlog

from acs.config import Config, read_secret
from acs.cwmp.identity import device_key
from acs.cwmp.lightweight import Notification
from acs.cwmp.structs import DeviceId
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.store import connection_requests as store
from acs.store import devices, trees
from acs.store.devices import CredentialKind
from acs.store.records import TreeUpdate
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: Seconds that a CPE's clock may be ahead of ours: beyond it one forged hour would silence the device for that long.
AHEAD_S: Final = 3_600
#: cnonces kept of the newest second
CNONCES: Final = 64


class Notifications:
    """Takes lightweight notifications."""

    def __init__(self, store_: Store, bus: Bus, config: Config, clock: Clock) -> None:
        self._store = store_
        self._bus = bus
        self._clock = clock
        self._enrol = ("", "")
        cwmp = config.cwmp
        if cwmp.enrol_username is not None and cwmp.enrol_password_file is not None:
            self._enrol = (
                cwmp.enrol_username,
                read_secret(cwmp.enrol_password_file, "cwmp.enrol_password_file"),
            )

    async def take(self, notification: Notification) -> str:
        """Take a notification and return what became of it: taken, unknown, forged, repeated, ahead."""
        now = self._clock()
        if notification.ts > now.timestamp() + AHEAD_S:
            return "ahead"
        identity = DeviceId("", notification.oui, notification.product_class, notification.serial_number)
        key = str(device_key(identity))
        async with self._store.transaction() as tx:
            if await devices.get(tx, key) is None:
                return "unknown"
            if not await self._is_signed(tx, key, notification):
                return "forged"
            ts, used = await store.get_mark(tx, key)
            if notification.ts < ts or (notification.ts == ts and notification.cnonce in used):
                return "repeated"
            cnonces = [notification.cnonce, *used][:CNONCES] if notification.ts == ts else [notification.cnonce]
            await store.put_mark(tx, key, notification.ts, cnonces)
            known = await trees.read(tx, key)
            types = {} if known is None else known.values
            values = {name: (value, types.get(name, ("", "xsd:string"))[1]) for name, value in notification.values}
            if values:
                await trees.merge(tx, key, TreeUpdate(values, now))
        self._bus.publish(f"notification:{key}", values)
        log.info("notification.taken", device=key, parameters=len(values))
        return "taken"

    async def _is_signed(self, tx: Transaction, key: str, notification: Notification) -> bool:
        """Whether it was signed with the password by which the CPE proves itself to us."""
        own = await devices.get_credentials(tx, key, CredentialKind.CWMP)
        if own is not None:
            return own.username == notification.username and notification.signed_with(own.secret)
        username, password = self._enrol
        return bool(password) and username == notification.username and notification.signed_with(password)
