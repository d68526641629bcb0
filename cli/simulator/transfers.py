"""How a CPE moves files: over real HTTP, with basic or digest credentials, and what it makes of them.

    firmware        the file's first line `VERSION x` becomes the software version, and the device restarts
    configuration   lines NAME=VALUE are written into the tree; an upload gives the tree in the same form
    anything else   is fetched and forgotten

The one rule: whatever goes wrong is a fault code in the report, never an exception.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from acs.cwmp import messages as m
from acs.cwmp.structs import FaultStruct, InstallOpStruct, OperationStruct, OpResultStruct, UninstallOpStruct
from cli.simulator.stock import Stock
from cli.simulator.tree import HIDDEN, Tree

#: seconds that one transfer may take
TIMEOUT_S = 30.0
#: bytes of the head of a file that are looked at
HEAD_BYTES = 262_144

DOWNLOAD_FAILURE = 9010
UPLOAD_FAILURE = 9011
AUTHENTICATION = 9012
PROTOCOL = 9013
UNREACHABLE = 9015
INACCESSIBLE = 9016
CORRUPTED = 9018
UNKNOWN_UNIT = 9028


@dataclass(frozen=True, slots=True)
class Moved:
    """How a transfer ended; `version` is the firmware that the device restarts with."""

    fault: FaultStruct
    version: str | None = None


async def move(request: m.Message, tree: Tree) -> Moved:
    """Fetch or send the file of a Download, ScheduleDownload or Upload."""
    assert isinstance(request, m.Download | m.ScheduleDownload | m.Upload)
    fault, content = await _exchange(request, tree)
    if fault.fault_code or isinstance(request, m.Upload):
        return Moved(fault)
    if request.file_type.startswith("1 "):
        first = content.split(b"\n", 1)[0].decode("latin-1").strip()
        if not first.startswith("VERSION "):
            return Moved(FaultStruct(CORRUPTED, "no firmware of this device"))
        return Moved(fault, first.removeprefix("VERSION ").strip())
    if request.file_type.startswith("3 "):
        _apply(content.decode("utf-8", "replace"), tree)
    return Moved(fault)


async def change_units(request: m.ChangeDUState, stock: Stock) -> m.DUStateChangeComplete:
    """Do the changes of a ChangeDUState in their order."""
    results = [await _change_unit(change, stock, n) for n, change in enumerate(request.operations, 1)]
    return m.DUStateChangeComplete(tuple(results), request.command_key)


async def _change_unit(change: OperationStruct, stock: Stock, n: int) -> OpResultStruct:
    uuid = change.uuid or f"00000000-0000-5000-8000-{n:012d}"
    if isinstance(change, UninstallOpStruct):
        if stock.units.pop(change.uuid, None) is None:
            return OpResultStruct(change.uuid, "", "", "Failed", fault=FaultStruct(UNKNOWN_UNIT, "Unknown unit"))
        return OpResultStruct(change.uuid, "", "", "Uninstalled", True)
    if not isinstance(change, InstallOpStruct) and uuid not in stock.units:
        return OpResultStruct(uuid, "", "", "Failed", fault=FaultStruct(UNKNOWN_UNIT, "Unknown unit"))
    if change.url:
        download = m.Download(url=change.url, username=change.username or "", password=change.password or "")
        fault, _ = await _exchange(download, None)
        if fault.fault_code:
            return OpResultStruct(uuid, "", "", "Failed", fault=fault)
    stock.units[uuid] = f"{int(stock.units.get(uuid, '0')) + 1}"
    return OpResultStruct(uuid, f"Device.SoftwareModules.DeploymentUnit.{n}.", stock.units[uuid], "Installed", True)


async def _exchange(
    request: m.Download | m.ScheduleDownload | m.Upload, tree: Tree | None
) -> tuple[FaultStruct, bytes]:
    if not request.url.startswith(("http://", "https://")):
        return FaultStruct(PROTOCOL, "Unsupported protocol for file transfer"), b""
    general = UPLOAD_FAILURE if isinstance(request, m.Upload) else DOWNLOAD_FAILURE
    auth = httpx.DigestAuth(request.username, request.password) if request.username else None
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, auth=auth) as client:
            status, content = await _ask(client, request, tree)
            if status == 401 and request.username:
                client.auth = httpx.BasicAuth(request.username, request.password)
                status, content = await _ask(client, request, tree)
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        return FaultStruct(UNREACHABLE, str(error)[:256]), b""
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return FaultStruct(general, str(error)[:256]), b""
    faults = {401: AUTHENTICATION, 403: AUTHENTICATION, 404: INACCESSIBLE, 410: INACCESSIBLE}
    code = 0 if status < 300 else faults.get(status, general)
    return (FaultStruct(code, f"HTTP {status}") if code else FaultStruct()), content


async def _ask(
    client: httpx.AsyncClient, request: m.Download | m.ScheduleDownload | m.Upload, tree: Tree | None
) -> tuple[int, bytes]:
    if isinstance(request, m.Upload):
        answer = await client.put(request.url, content=_upload_of(request, tree))
        return answer.status_code, b""
    head = b""
    async with client.stream("GET", request.url) as answer:
        async for part in _parts(answer):
            head += part[: HEAD_BYTES - len(head)]
        return answer.status_code, head


def _parts(answer: httpx.Response) -> AsyncIterator[bytes]:
    return answer.aiter_bytes()


def _upload_of(request: m.Upload, tree: Tree | None) -> bytes:
    if tree is None or not request.file_type.startswith(("1 ", "3 ")):
        return b"log: everything is well\n"
    lines = (f"{value.name}={value.value}" for value in tree.get(("",)) if not value.name.endswith(HIDDEN))
    return "\n".join(lines).encode()


def _apply(text: str, tree: Tree) -> None:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name in tree:
            tree.put(name, value)
