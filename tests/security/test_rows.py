"""Each weakness that was read elsewhere has a test: those of no other file stand here, the table names the rest."""

import ast
import inspect
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from acs.api.docs_page import page
from acs.app import App, build
from acs.config import AuthPolicy, Config
from acs.cwmp.identity import device_key
from acs.cwmp.messages import SetParameterValues
from acs.cwmp.soap import Envelope, decode, encode
from acs.cwmp.structs import DeviceId, ParameterValueStruct
from acs.errors import Forbidden, InvalidInput, NotFound
from acs.server import cwmp as cwmp_server
from acs.services.actor import Actor, Scope, local_actor
from acs.services.secret_sight import SecretSight, kind_of
from acs.services.signatures import HEADER, signed
from acs.store import Vault, devices, trees
from acs.store.devices import CredentialKind
from acs.store.records import Credentials, Json
from tests.api.conftest import (
    NobodyAnswers,
    config_of,
    made_once,
    postgres_server,
    postgres_template,
    sqlite_template,
    store_url,
    url,
    vault,
)
from tests.api.conftest import app as app
from tests.api.conftest import app_on_both as app_on_both
from tests.security.held import WEAKNESSES
from tests.shared_data import shared
from tests.store.make import opening

__all__ = ["postgres_server", "postgres_template", "sqlite_template", "store_url", "url", "vault"]

ROOT = Path(__file__).resolve().parents[2]
KEY = "00AA11-ONT-0001"
WIFI = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.PreSharedKey.1.PreSharedKey"
PPPOE = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Password"
EXPERT = Actor("ann", "person", frozenset({Scope.READ, Scope.SECRETS}), "192.0.2.1", person="ann")


def names_in(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {each.name for each in ast.walk(tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_row_has_a_test_that_is_there() -> None:
    for name, held in WEAKNESSES.items():
        assert held, name
        for place in held:
            file, _, test = place.partition("::")
            assert test in names_in(file), f"row {name}: {place} is gone; name the test that holds the row now"


def test_the_rows_are_those_of_the_lessons() -> None:
    text = shared("facts/peers.md").read_text(encoding="utf-8")
    weaknesses = text.split("### 6.2")[1].split("### 6.3")[0]
    rows = [line for line in weaknesses.splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(WEAKNESSES)


def test_row_1_a_session_is_named_by_chance() -> None:
    source = inspect.getsource(cwmp_server)
    assert source.count("secrets.token_hex(16)") == source.count("_sessions.open("), "128 bits, minted here"


def test_row_2_a_device_is_its_maker_its_class_and_its_serial() -> None:
    alike = (("00AA11", "ONT"), ("00AA11", "STB"), ("00BB22", "ONT"))
    assert len({device_key(DeviceId("A", oui, product, "1")) for oui, product in alike}) == 3


def test_row_7_an_emoji_comes_back_as_it_was() -> None:
    name = "Кафе ☕ 🛰️ 𐍈"
    setting = ParameterValueStruct("Device.WiFi.SSID.1.SSID", name, "xsd:string")
    envelope = Envelope(SetParameterValues((setting,), "k"), "1")
    assert decode(encode(envelope)) == envelope


def test_row_8_defaults_are_safe(tmp_path: Path) -> None:
    config = Config.from_table({}, tmp_path / "secondline.toml")
    assert config.cwmp.auth is AuthPolicy.DIGEST and not config.connection_requests.basic
    assert config.cwmp.enrol_username is None, "there is no user name, and no password, that comes with the product"
    assert config.rights.lock_after <= 10 and config.rights.token_days <= 366
    assert "administrator" in config.rights.totp_roles


async def test_row_8_a_new_store_knows_nobody(app: App) -> None:
    assert await app.northbound.access.list(local_actor()) == []
    assert await app.northbound.people.list(local_actor()) == []


def calls() -> Iterator[tuple[Path, ast.Call]]:
    for folder in ("acs", "probes", "cli"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call):
                    yield path, node


def test_row_10_there_is_no_shell_anywhere() -> None:
    forbidden = {"system", "popen", "create_subprocess_shell", "getoutput", "getstatusoutput", "eval", "exec"}
    for path, call in calls():
        where = f"{path}:{call.lineno}"
        if isinstance(call.func, ast.Attribute):
            module = call.func.value.id if isinstance(call.func.value, ast.Name) else ""
            assert not (module in ("os", "subprocess", "asyncio") and call.func.attr in forbidden), where
        else:
            assert not (isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec")), where
        assert not any(each.arg == "shell" for each in call.keywords), where


def test_row_11_nothing_is_open_unless_somebody_says_so(tmp_path: Path) -> None:
    config = Config.from_table({}, tmp_path / "secondline.toml")
    assert config.api.host == "127.0.0.1", "the API stays on this machine until somebody says more"
    assert config.cwmp.auth is not AuthPolicy.OPEN
    assert config.connection_requests.allowed_networks == ()


async def secrets_in(app: App) -> None:
    now = datetime.now(UTC)
    await app.store.sessions.open(opening(now, root="InternetGatewayDevice."))
    async with app.store.transaction() as tx:
        stem = PPPOE.rpartition(".")[0]
        told = {WIFI: "wifi-s3cret", PPPOE: "ppp-s3cret", f"{stem}.Username": "user1", f"{stem}.Name": "internet"}
        await trees.write(tx, KEY, {name: (value, "xsd:string") for name, value in told.items()}, now)
        await devices.set_credentials(tx, KEY, CredentialKind.CONNECTION_REQUEST, Credentials("acs", "cr-s3cret"), now)


async def test_row_12_secrets_are_masked_and_shown_by_right_alone(app_on_both: App) -> None:
    app = app_on_both
    await secrets_in(app)
    masked = await app.northbound.devices.parameters(local_actor(), KEY)
    assert "s3cret" not in str(masked)
    sight = SecretSight(app.store)
    with pytest.raises(Forbidden, match="'secrets'"):
        await sight.reveal(Actor("boss", "token", frozenset({Scope.ADMIN})), KEY, reason="I am the administrator")
    with pytest.raises(InvalidInput, match="reason"):
        await sight.reveal(EXPERT, KEY, reason=" ")
    with pytest.raises(NotFound):
        await sight.reveal(EXPERT, "none", reason="x")
    shown = await sight.reveal(EXPERT, KEY, reason="the subscriber forgot it", ticket="INC-1")
    assert {(each.kind, each.username, each.value) for each in shown} == {
        ("wifi", "", "wifi-s3cret"),
        ("pppoe", "user1", "ppp-s3cret"),
        ("connection_request", "acs", "cr-s3cret"),
    }
    assert "s3cret" not in repr(shown)
    assert [each.value for each in await sight.reveal(EXPERT, KEY, reason="x", kind="wifi")] == ["wifi-s3cret"]
    trail = await app.northbound.audit_trail.list(local_actor(), action="secret.revealed", ticket="INC-1")
    assert [(each.actor, each.target) for each in trail] == [("ann", f"device:{KEY}")]
    detail: Json = trail[0].detail
    assert "s3cret" not in str(detail) and WIFI in str(detail) and "forgot" in str(detail)


def test_row_12_a_secret_is_known_by_what_it_opens() -> None:
    assert kind_of("Device.ManagementServer.ConnectionRequestPassword") == "connection_request"
    assert kind_of("Device.ManagementServer.Password") == "cwmp"
    assert kind_of("Device.PPP.Interface.1.Password") == "pppoe"
    assert kind_of("Device.WiFi.AccessPoint.1.Security.KeyPassphrase") == "wifi"
    assert kind_of("Device.Users.User.1.Password") == "other"


@pytest.fixture
async def filing(store_url: str, tmp_path: Path) -> AsyncIterator[App]:
    """A server that keeps files."""
    Vault.create(tmp_path / "vault.key")
    files = {"directory": str(tmp_path / "files"), "host": "127.0.0.1"}
    built = await build(config_of(store_url, tmp_path, files=files), caller=NobodyAnswers())
    yield built
    await built.stop()


async def test_row_12_the_content_of_a_file_leaves_an_audit_line(filing: App) -> None:
    async def blocks() -> AsyncIterator[bytes]:
        yield b"password=s3cret"

    made = await filing.northbound.access.create(local_actor(), "boss", ["admin"])
    transport = httpx.ASGITransport(made_once(filing.northbound), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {made.secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1", headers=headers) as client:
        query = {"name": "x.cfg", "file_type": "3 Vendor Configuration File"}
        answer = await client.post("/files", params=query, content=blocks())
        assert answer.status_code == 201, answer.text
        added = answer.json()
        assert (await client.get(f"/files/{added['id']}/content")).content == b"password=s3cret"
    trail = await filing.northbound.audit_trail.list(local_actor(), action="file.read")
    assert [(each.actor, each.target) for each in trail] == [("boss", f"file:{added['id']}")]


async def test_closures_ask_for_the_right_before_they_look_at_the_list(app: App) -> None:
    made = await app.northbound.access.create(local_actor(), "viewer", ["read"])
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    headers = {"Authorization": f"Bearer {made.secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1", headers=headers) as client:
        assert (await client.post("/closures", json={"closures": []})).status_code == 403


async def test_row_12_pages_run_no_script(app: App) -> None:
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        answer = await client.get("/docs")
    assert answer.status_code == 200 and "<script" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    hostile = {"info": {"title": "<script>x</script>", "version": "1", "description": ""}, "paths": {}, "tags": []}
    assert "<script>" not in page(hostile)


async def test_a_replayed_signature_is_refused_and_audited(store_url: str, tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault.key")
    secret = tmp_path / "helpdesk.secret"
    secret.write_text("shared with the help desk\n")
    secret.chmod(0o600)
    system = {
        "name": "helpdesk",
        "adapter": "generic-crm",
        "url": "https://crm.example",
        "poll_s": 0,
        "secret_file": str(secret),
    }
    built = await build(config_of(store_url, tmp_path, adapters={"systems": [system]}), caller=NobodyAnswers())
    try:
        body = b'{"id": "17"}'
        headers = {HEADER: signed(["shared with the help desk"], body, datetime.now(UTC))}
        old = {HEADER: signed(["shared with the help desk"], body, datetime(2026, 1, 1, tzinfo=UTC))}
        other = {HEADER: signed(["somebody else's"], body, datetime.now(UTC))}
        transport = httpx.ASGITransport(made_once(built.northbound), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1") as client:
            first = await client.post("/webhooks/helpdesk", content=body, headers=headers)
            assert first.status_code != 401, first.text
            for wrong in (headers, old, other, {}):
                answer = await client.post("/webhooks/helpdesk", content=body, headers=wrong)
                assert answer.status_code == 401, answer.text
            changed = await client.post("/webhooks/helpdesk", content=body + b" ", headers=headers)
            assert changed.status_code == 401
        trail = await built.northbound.audit_trail.list(local_actor(), action="access.refused")
        assert len(trail) == 5
    finally:
        await built.stop()
