"""A secret that a CPE reports, whatever way it comes, is nowhere in the store in clear, and still of use by right."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from sqlalchemy import select

from acs.cwmp.messages import Inform, SoapFault
from acs.cwmp.soap import decode, encode
from acs.cwmp.structs import ParameterValueStruct, SetParameterValuesFault
from acs.services.actor import Actor, Scope
from acs.services.secret_sight import SecretSight
from acs.store import trees
from acs.store.records import OperationState
from acs.store.schema import device_trees, metadata
from acs.store.store import Store
from acs.store.tree_secrets import MASK
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe

WIFI = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
WIFI_5 = "Device.WiFi.AccessPoint.2.Security.KeyPassphrase"
PPP = "Device.PPP.Interface.1.Password"
ADMIN = "Device.X_ANY_UserCfg.AdminPwd"
RADIUS = "Device.WiFi.AccessPoint.1.Security.RadiusSecret"
ALIAS = "Device.BulkData.Profile.1.Parameter.1."
#: a word that is in every secret here, and in nothing else
WORD = "hunter"
CSV = {"Content-Type": "text/csv; charset=UTF-8", "BBF-Report-Format": '"ParameterPerColumn"'}


@dataclass
class Telling(Cpe):
    """A CPE whose Informs carry more than is usual."""

    carried: dict[str, str] = field(default_factory=dict)

    def inform(self, *events: tuple[str, str]) -> bytes:
        envelope = decode(super().inform(*events))
        assert envelope is not None and isinstance(envelope.message, Inform)
        more = tuple(ParameterValueStruct(name, value, "xsd:string") for name, value in self.carried.items())
        message = replace(envelope.message, parameter_list=(*envelope.message.parameter_list, *more))
        return encode(envelope._replace(message=message))


def bodies(value: Any) -> Iterator[str]:
    """A stored value as text, and what it holds where it is squeezed."""
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        yield raw.decode("latin-1")
        for start in (0, 1):
            try:
                yield zstandard.ZstdDecompressor().decompressobj().decompress(raw[start:]).decode("latin-1")
            except zstandard.ZstdError:
                continue
    else:
        yield str(value)


def files_with(folder: Path, word: str) -> list[str]:
    """The files of the store, its log included, in which the word stands as it lies on disk."""
    return [file.name for file in sorted(folder.glob("test.db*")) if word.encode() in file.read_bytes()]


async def places_of(store: Store, word: str) -> list[str]:
    """Every column of every row in which the word stands."""
    found = []
    async with store.reading() as tx:
        for table in metadata.sorted_tables:
            for row in await tx.rows(select(table)):
                for name, value in row._mapping.items():
                    if any(word in body for body in bodies(value)):
                        found.append(f"{table.name}.{name}")
    return found


async def done(server: Running, cpe: Cpe, kind: str, arguments: dict[str, Any], wanted: OperationState) -> None:
    operation = await server.operations.request(ACTOR, cpe.key, kind, arguments)
    await cpe.session(("2 PERIODIC", ""))
    ended = await server.now(operation)
    assert ended.state is wanted, ended
    assert WORD not in str(ended)


async def report_everything(server: Running, cpe: Telling) -> None:
    """By Inform, by both ways of reading, by a write and its refusal, by bulk data under the path and another name."""
    cpe.values = {
        PPP: ("hunter-read", "xsd:string"),
        RADIUS: ("hunter-whole", "xsd:string"),
        ADMIN: ("hunter-before", "xsd:string"),
        f"{ALIAS}Name": ("Fifth", "xsd:string"),
        f"{ALIAS}Reference": (WIFI_5, "xsd:string"),
    }
    cpe.carried = {WIFI: "hunter-inform"}
    await cpe.session(("1 BOOT", ""), ("4 VALUE CHANGE", ""))
    await cpe.session(("2 PERIODIC", ""))
    cpe.carried = {}
    await done(server, cpe, "get", {"names": [PPP]}, OperationState.SUCCEEDED)
    await done(server, cpe, "refresh", {}, OperationState.SUCCEEDED)
    await done(server, cpe, "set", {"values": {ADMIN: "hunter-set"}}, OperationState.SUCCEEDED)
    named = SetParameterValuesFault(ADMIN, 9007, "hunter-refused is too weak")
    cpe.faults["SetParameterValues"] = SoapFault(9003, "Invalid arguments: 'hunter-refused'", "Client", (named,))
    await done(server, cpe, "set", {"values": {ADMIN: "hunter-refused"}}, OperationState.FAILED)
    del cpe.faults["SetParameterValues"]
    await done(server, cpe, "backup", {}, OperationState.SUCCEEDED)
    at = int(datetime.now(UTC).timestamp())
    body = f"ReportTimestamp,{WIFI},Fifth\n{at},hunter-bulk,hunter-alias\n".encode()
    query = {"oui": "001122", "pc": "ONT", "sn": cpe.serial}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        assert (await client.post("/bulk", params=query, headers=CSV, content=body)).status_code == 200


async def test_a_secret_that_a_cpe_reports_is_nowhere_in_the_store_in_clear(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running(config_for(tmp_path)) as server:
        cpe = Telling(server.port)
        await report_everything(server, cpe)
        assert await places_of(server.store, WIFI_5) == ["tree_schemas.body", "device_trees.vector"], "it sees all"
        assert await places_of(server.store, WORD) == []
        async with server.store.reading() as tx:
            tree = await trees.read(tx, cpe.key)
        assert tree is not None
        known = {name: value for name, (value, _) in tree.values.items()}
        assert {known[name] for name in (WIFI, WIFI_5, PPP, RADIUS, ADMIN)} == {MASK}
        seer = Actor("seer", "token", frozenset({Scope.SECRETS}), "192.0.2.1")
        seen = await SecretSight(server.store).reveal(seer, cpe.key, reason="a test")
        told = {each.name: each.value for each in seen}
        assert told == {
            WIFI: "hunter-bulk",
            WIFI_5: "hunter-alias",
            PPP: "hunter-read",
            RADIUS: "hunter-whole",
            ADMIN: "hunter-set",
        }
        assert await places_of(server.store, WORD) == [], "what was shown is in no audit line"
        assert files_with(tmp_path, WORD) == []
    assert files_with(tmp_path, WORD) == []
    out, err = capfd.readouterr()
    assert WORD not in out + err


async def test_the_worker_seals_what_a_release_of_before_wrote(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        cpe = Cpe(server.port)
        await cpe.session(("1 BOOT", ""))
        async with server.store.transaction() as tx:
            await trees.write(tx, cpe.key, {WIFI: ("", "xsd:string")}, datetime.now(UTC))
            vector = trees.encode_vector(["hunter-before"], [1])
            await tx.connection.execute(device_trees.update().values(vector=vector, sealed=None))
        await server.worker.seal()
        assert await places_of(server.store, WORD) == []
        async with server.store.reading() as tx:
            tree = await trees.read_open(tx, cpe.key)
        assert tree is not None and tree.values[WIFI] == ("hunter-before", "xsd:string")
