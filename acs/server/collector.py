"""The collector of bulk data: reports that CPEs send by POST or PUT, on the ports and with the credentials of CWMP.

    POST /bulk?oui=…&pc=…&sn=…   →   who it is, as for an Inform   →   stored   →   200

The one rule: a report is acknowledged when it is on disk; one that was refused is never worth sending again, so that
a device does not fill its memory with it: only 401 and 503 ask for another try.

Source: TR-069 Amendment 6, Annex N.
"""

import asyncio
from dataclasses import replace
from typing import Final
from urllib.parse import parse_qs

from acs.cwmp import bulk
from acs.cwmp.identity import device_key
from acs.cwmp.messages import Inform
from acs.cwmp.structs import DeviceId
from acs.cwmp.types import STRING
from acs.errors import InvalidInput, NotFound, ProtocolError
from acs.server.bodies import plain_body
from acs.server.entry import Answer, Entry
from acs.server.http import Connection
from acs.server.http_messages import Request
from acs.services.bulk_data import BulkData

#: The path that devices are told; what is behind it is theirs.
PATH: Final = b"/bulk"
#: What may send a report.
METHODS: Final = frozenset((b"POST", b"PUT"))
#: Headers that reports have besides those of CWMP.
HEADERS: Final = frozenset((b"bbf-report-format",))
#: Parameters of a query: three that say who it is, and those of the profile.
_PARAMETERS: Final = 64
_WHO: Final = ("oui", "pc", "sn")


class Collector:
    """Takes reports."""

    def __init__(self, entry: Entry, reports: BulkData, inflated_bytes: int) -> None:
        self._entry = entry
        self._reports = reports
        self._inflated_bytes = inflated_bytes

    async def answer(self, connection: Connection, request: Request) -> Answer:
        """Take the reports of a request, and say what it is answered."""
        try:
            given = _query(request.target)
            device = _device_in(given)
            arrival = await self._entry.arrival(connection, request, Inform(device_id=device))
            if isinstance(arrival, Answer):
                return arrival
            if arrival.principal is not None and arrival.principal.nonce is not None:
                self._entry.auth.counts.seen(*arrival.principal.nonce)
            body = await plain_body(request.body, request.headers.get(b"content-encoding", b""), self._inflated_bytes)
            kind = request.headers.get(b"content-type", b"").decode("latin-1")
            form = request.headers.get(b"bbf-report-format", b"").decode("latin-1")
            found = await asyncio.to_thread(bulk.decode, body, kind, form)
            if arrival.principal is not None:
                await self._entry.came_in(arrival.principal, device_key(device))
            others = _others(given)
            if others:
                found = tuple(replace(report, values={**others, **report.values}) for report in found)
            await self._reports.take(device_key(device), found)
        except ProtocolError as error:
            return Answer(error.status_hint, why=f"bulk data: {error}")
        except NotFound as error:
            return Answer(403, why=f"bulk data: {error}")
        except InvalidInput as error:
            return Answer(400, why=f"bulk data: {error}")
        return Answer(200)


def _query(target: bytes) -> dict[str, list[str]]:
    """The parameters of an address.

    Raises:
        ProtocolError: they cannot be read.
    """
    query = target.partition(b"?")[2].decode("latin-1")
    try:
        return parse_qs(query, max_num_fields=_PARAMETERS)
    except ValueError as error:
        raise ProtocolError(f"the query of a report cannot be read: {error}") from error


def _device_in(given: dict[str, list[str]]) -> DeviceId:
    """Who the query says that the device is.

    Raises:
        ProtocolError: it does not say so.
    """
    oui, product_class, serial = (given.get(name, [""])[0].strip() for name in _WHO)
    if not oui or not serial or max(map(len, (oui, product_class, serial))) > 128:
        raise ProtocolError("the address of a report must say oui, pc and sn of its device")
    return DeviceId(oui=oui, product_class=product_class, serial_number=serial)


def _others(given: dict[str, list[str]]) -> dict[str, tuple[str, str]]:
    """What the profile's RequestURIParameter rows put into the address besides, as values of the report."""
    return {name: (values[0], STRING) for name, values in given.items() if name not in _WHO}
