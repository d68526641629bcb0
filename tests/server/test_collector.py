"""Bulk data over HTTP at the ports of CWMP (TR-069 Annex N), with a real client."""

import gzip
import itertools
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from acs.store import bulk, devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials
from tests.fakes.acs_server import Running, config_for, running
from tests.fakes.cpe import Cpe

QUERY = {"oui": "001122", "pc": "ONT", "sn": "TEST0001", "extra": "1"}
CSV = {"Content-Type": "text/csv; charset=UTF-8", "BBF-Report-Format": '"ParameterPerColumn"'}
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
BODY = f"ReportTimestamp,Device.DeviceInfo.UpTime\n{int(AT.timestamp())},77\n".encode()


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(config_for(tmp_path)) as server:
        await Cpe(server.port).session(("1 BOOT", ""))
        yield server


@pytest.fixture
async def client(server: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        yield client


async def stored(server: Running) -> list[bulk.BulkReport]:
    async with server.store.reading() as tx:
        return list(await bulk.of_device(tx, Cpe(0).key, since=AT - timedelta(days=1), limit=10))


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_report_is_stored_once_whatever_way_it_comes(
    server: Running, client: httpx.AsyncClient, method: str
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield BODY[:20]
        yield BODY[20:]

    plain = await client.request(method, "/bulk", params=QUERY, headers=CSV, content=BODY)
    chunked = await client.request(method, "/bulk/", params=QUERY, headers=CSV, content=pieces())
    packed = CSV | {"Content-Encoding": "gzip"}
    zipped = await client.request(method, "/bulk", params=QUERY, headers=packed, content=gzip.compress(BODY))
    assert (plain.status_code, chunked.status_code, zipped.status_code) == (200, 200, 200)
    (report,) = await stored(server)
    assert report.at == AT
    assert report.values == {"Device.DeviceInfo.UpTime": ("77", "xsd:string"), "extra": ("1", "xsd:string")}


@pytest.mark.parametrize(
    ("query", "headers", "body", "status"),
    [
        ({"pc": "ONT"}, CSV, BODY, 400),
        (QUERY, CSV, b"a,b\n1\n", 400),
        (QUERY, {"Content-Type": "text/xml"}, b"<a/>", 415),
        (QUERY, CSV | {"Content-Encoding": "br"}, BODY, 415),
        (QUERY, CSV | {"Content-Encoding": "gzip"}, BODY, 400),
        (QUERY | {"sn": "NOBODY"}, CSV, BODY, 403),
        (QUERY, CSV | {"BBF-Report-Format": "Sideways"}, BODY, 415),
    ],
    ids=itertools.count(),  # an instant in a name differs in each worker
)
async def test_what_is_refused_is_not_worth_another_try(
    server: Running, client: httpx.AsyncClient, query: dict[str, str], headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = await client.post("/bulk", params=query, headers=headers, content=body)
    assert answer.status_code == status
    assert not await stored(server)
    after = await client.post("/bulk", params=QUERY, headers=CSV, content=BODY)
    assert after.status_code == 200, "the connection, and the server, live"


async def test_a_busy_server_puts_reports_off(
    server: Running, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crowded:
        crowded.setattr(server.endpoint._overload, "is_busy", lambda: True)
        answer = await client.post("/bulk", params=QUERY, headers=CSV, content=BODY)
        assert answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
    assert (await client.post("/bulk", params=QUERY, headers=CSV, content=BODY)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_with_digest_only_the_device_itself_reports(tmp_path: Path, method: str) -> None:
    async with running(config_for(tmp_path)) as server:
        await Cpe(server.port).session(("1 BOOT", ""))
        async with server.store.transaction() as tx:
            own = Credentials("it", "secret-of-it")
            await devices.set_credentials(tx, Cpe(0).key, CredentialKind.CWMP, own, AT)
    async with (
        running(config_for(tmp_path, cwmp={"auth": "digest"})) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client,
    ):

        async def sent(query: dict[str, str], auth: httpx.DigestAuth | None) -> httpx.Response:
            return await client.request(method, "/bulk", params=query, headers=CSV, content=BODY, auth=auth)

        asked = await sent(QUERY, None)
        assert asked.status_code == 401
        assert asked.headers["www-authenticate"].startswith("Digest")
        assert (await sent(QUERY, httpx.DigestAuth("it", "guess"))).status_code == 401
        assert (await sent(QUERY | {"sn": "OTHER"}, httpx.DigestAuth("it", own.secret))).status_code == 401
        proved = await sent(QUERY, httpx.DigestAuth("it", own.secret))
        assert proved.status_code == 200
        assert len(await stored(server)) == 1
        assert server.endpoint.auth.counts._unwritten, "other processes are told of the count that was used"
        again = {"authorization": proved.request.headers["authorization"]}
        assert (await client.request(method, "/bulk", params=QUERY, headers=CSV | again)).status_code == 401
