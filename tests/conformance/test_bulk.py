"""Items 119 to 121: bulk data over HTTP."""

import gzip
import json
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from acs.services.clock import utc_now
from acs.store import bulk, devices
from acs.store.bulk import BulkReport
from acs.store.devices import CredentialKind
from acs.store.records import Credentials
from tests.conformance.checklist import item
from tests.conformance.server import Acs
from tests.conformance.wire import Cpe

NAME = "Device.MoCA.Interface.1.Stats.BytesSent"
NOW = int(time.time()) - 600


async def sent(
    acs: Acs,
    cpe: Cpe,
    body: bytes,
    form: str,
    *,
    kind: str = "text/csv; charset=UTF-8",
    method: str = "POST",
    **more: str,
) -> int:
    """Send a report and return the status."""
    query = {"oui": cpe.oui, "pc": cpe.product_class, "sn": cpe.serial, **more}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{acs.port}", trust_env=False) as client:
        headers = {"Content-Type": kind, "BBF-Report-Format": f'"{form}"'}
        return (await client.post("/bulk", params=query, headers=headers, content=body)).status_code


async def reports(acs: Acs, cpe: Cpe) -> list[BulkReport]:
    """The reports that are kept, the oldest first."""
    async with acs.app.store.reading() as tx:
        since = utc_now().replace(year=utc_now().year - 1)
        found = await bulk.of_device(tx, cpe.key, since=since, limit=50)
    return sorted(found, key=lambda report: report.at)


async def known(acs: Acs) -> Cpe:
    """A device that came once."""
    cpe = acs.cpe()
    await cpe.session()
    return cpe


@item(119, "N.2.1", "oui, pc and sn tell the device; further parameters of the URL are kept with the report")
async def test_119_the_device_of_a_report(acs: Acs) -> None:
    cpe = await known(acs)
    body = f"ReportTimestamp,{NAME}\r\n{NOW},7\r\n".encode()
    assert await sent(acs, cpe, body, "ParameterPerColumn", line="L-7") == 200
    (report,) = await reports(acs, cpe)
    assert report.values[NAME][0] == "7"
    assert "L-7" in str(report)
    stranger = Cpe(acs.port, "NOBODY")
    assert await sent(acs, stranger, body, "ParameterPerColumn") in (403, 404)


FORMS = [
    ("ParameterPerRow", f"ReportTimestamp,ParameterName,ParameterValue,ParameterType\n{NOW},{NAME},7,unsignedLong\n"),
    ("ParameterPerRow", f"ParameterName,ParameterValue,ParameterType\n{NAME},7,unsignedLong\n"),
    ("ParameterPerColumn", f"ReportTimestamp,{NAME}\n{NOW},7\n"),
    ("ParameterPerColumn", f"{NAME}\n7\n"),
    ("ObjectHierarchy", {"CollectionTime": NOW, "Device": {"MoCA": {"Interface": {"1": {"Stats": {"BytesSent": 7}}}}}}),
    ("ObjectHierarchy", {"Device": {"MoCA": {"Interface": {"1": {"Stats": {"BytesSent": "7"}}}}}}),
    ("NameValuePair", {"CollectionTime": NOW, NAME: 7}),
    ("NameValuePair", {NAME: 7}),
]


@pytest.mark.parametrize(("form", "content"), FORMS)
@item(120, "N.3", "CSV by row and column, JSON as hierarchy and pairs, with and without times; several reports at once")
async def test_120_every_form(acs: Acs, form: str, content: str | dict[str, object]) -> None:
    cpe = await known(acs)
    if isinstance(content, str):
        assert await sent(acs, cpe, content.encode(), form) == 200
    else:
        body = json.dumps({"Report": [content]}).encode()
        assert await sent(acs, cpe, body, form, kind="application/json; charset=UTF-8") == 200
    (report,) = await reports(acs, cpe)
    assert report.values[NAME][0] == "7"
    assert (await acs.values(cpe))[NAME][0] == "7"
    if form == "NameValuePair":
        retained = [{"CollectionTime": NOW - 3600 * n, NAME: n} for n in (3, 2, 1)]
        body = json.dumps({"Report": retained}).encode()
        assert await sent(acs, cpe, body, form, kind="application/json; charset=UTF-8") == 200
        assert len(await reports(acs, cpe)) == 4


@item(121, "N.2.2", "200 for what was taken, challenge without credentials, duplicates once; chunked and gzip are read")
async def test_121_the_collector(acs: Acs, closed_acs: Acs) -> None:
    cpe = await known(acs)
    body = f"ReportTimestamp,{NAME}\r\n{NOW},7\r\n".encode()

    async def pieces() -> AsyncIterator[bytes]:
        yield body[:20]
        yield body[20:]

    query = {"oui": cpe.oui, "pc": cpe.product_class, "sn": cpe.serial}
    headers = {"Content-Type": "text/csv; charset=UTF-8", "BBF-Report-Format": "ParameterPerColumn"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{acs.port}", trust_env=False) as client:
        plain = await client.post("/bulk", params=query, headers=headers, content=body)
        chunked = await client.put("/bulk", params=query, headers=headers, content=pieces())
        packed = {**headers, "Content-Encoding": "gzip"}
        zipped = await client.post("/bulk", params=query, headers=packed, content=gzip.compress(body))
        broken = await client.post("/bulk", params=query, headers=headers, content=b'"a\x00')
    assert {each.status_code for each in (plain, chunked, zipped)} <= {200, 202}
    assert broken.status_code == 400
    assert len(await reports(acs, cpe)) == 1
    proven = closed_acs.cpe()
    async with closed_acs.app.store.transaction() as tx:
        stored = await devices.list_devices(tx, limit=1)
    if stored:
        async with closed_acs.app.store.transaction() as tx:
            login = Credentials("bulk-user", "bulk-secret")
            await devices.set_credentials(tx, stored[0].key, CredentialKind.CWMP, login, utc_now())
        closed_acs.app.auth.forget()
    query = {"oui": proven.oui, "pc": proven.product_class, "sn": stored[0].serial_number if stored else "X"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{closed_acs.port}", trust_env=False) as client:
        challenged = await client.post("/bulk", params=query, headers=headers, content=body)
        assert challenged.status_code == 401
        assert "Digest" in challenged.headers["WWW-Authenticate"]
        if stored:
            auth = httpx.DigestAuth("bulk-user", "bulk-secret")
            taken = await client.post("/bulk", params=query, headers=headers, content=body, auth=auth)
            assert taken.status_code in (200, 202)
