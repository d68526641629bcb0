"""Records for store tests: plausible, and different only where the test says."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from acs.store import Store, operations
from acs.store.records import LineRecord, OperationRecord, OperationState, SessionOpened, SessionOpening
from acs.store.schema import digest_nonces
from acs.store.transaction import Transaction


def opening(now: datetime, **different: Any) -> SessionOpening:
    fields: dict[str, Any] = {
        "key": "00AA11-ONT-0001",
        "manufacturer": "Example",
        "oui": "00AA11",
        "product_class": "ONT",
        "serial_number": "0001",
        "root": "Device.",
        "software_version": "V1",
        "hardware_version": "H1",
        "connection_request_url": "http://192.0.2.1:7547/cr",
        "address": "192.0.2.1",
        "namespace": "urn:dslforum-org:cwmp-1-0",
        "at": now,
        "session_id": "session-1",
        "events": (("2 PERIODIC", ""),),
        "values": (
            ("Device.DeviceInfo.HardwareVersion", "H1", "xsd:string"),
            ("Device.DeviceInfo.SoftwareVersion", "V1", "xsd:string"),
        ),
    }
    return SessionOpening(**(fields | different))


def operation(now: datetime, n: int = 1, **different: Any) -> OperationRecord:
    fields: dict[str, Any] = {
        "id": f"operation-{n:04}",
        "device": "00AA11-ONT-0001",
        "kind": "reboot",
        "arguments": {},
        "state": OperationState.QUEUED,
        "command_key": f"key-{n}",
        "created_at": now,
        "deadline_at": now + timedelta(hours=1),
        "actor": "engineer",
    }
    return OperationRecord(**(fields | different))


def line(id_: str = "line-1", **different: Any) -> LineRecord:
    fields: dict[str, Any] = {
        "technology": "pon",
        "address": "Example street 1",
        "node": "olt-1",
        "frame": 0,
        "slot": 1,
        "port": 2,
        "splitter": "s1",
        "ont": 3,
        "gpon_serial": "EXMP00000001",
        "account": "acc-1",
        "services": ("internet", "iptv"),
        "pppoe_login": "user1",
        "cable_length_m": 120.5,
        "device_serials": ("0001",),
    }
    return LineRecord(id=id_, **(fields | different))


async def with_operation(store: Store, now: datetime, n: int = 1, **different: Any) -> SessionOpened:
    """Open a session of the device, and queue an operation for it."""
    opened = await store.sessions.open(opening(now))
    async with store.transaction() as tx:
        await operations.add(tx, operation(now, n, **different))
    return opened


async def nonce_counts(tx: Transaction) -> dict[int, int]:
    """Nonce → the highest count of it that was ever used."""
    return {row.id: row.nc for row in await tx.rows(select(digest_nonces))}
