"""Clauses of the checklist that no other file's tests hold, and the list of them all against the text."""

import ast
import asyncio
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import structlog
from fastapi.routing import APIRoute

from acs import log
from acs.app import App
from acs.config import ConnectionRequestsSection
from acs.cwmp import auth
from acs.cwmp.messages import Inform
from acs.cwmp.soap import NS_1_0, Envelope, encode
from acs.cwmp.structs import DeviceId, EventStruct, ParameterValueStruct
from acs.cwmp.stun import Endpoint
from acs.errors import ConfigError
from acs.services.waking.udp_method import UdpMethod
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials
from cli.ports import free_port
from tests.api.conftest import app as app
from tests.api.conftest import made_once, postgres_server, postgres_template, sqlite_template, store_url, vault
from tests.certificates import Authority
from tests.conftest import plain_logs
from tests.fakes.acs_server import config_for, running
from tests.fakes.cpe import Cpe, Http
from tests.security.checklist import CHECKLIST, NOT_HELD, clauses
from tests.security.test_rows import ROOT, names_in
from tests.server.test_tls import tls_config
from tests.shared_data import shared

__all__ = ["postgres_server", "postgres_template", "sqlite_template", "store_url", "vault"]

#: what the checklist has: to be raised by whoever adds a clause to it, with its tests
CLAUSES = 93
#: options of a parser that make XML of strangers harmless
SAFE = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}


def pieces(line: str) -> Iterator[str]:
    """The clauses of a line: what stands between `;` and `,` outside of brackets and quoted code."""
    piece, depth, quoted = "", 0, False
    for letter in f"{line};":
        quoted ^= letter == "`"
        depth += (letter == "(") - (letter == ")")
        if letter in ";," and not depth and not quoted:
            yield piece.strip(" .*")
            piece = ""
        else:
            piece += letter


def written() -> list[tuple[str, str]]:
    """(line, clause) of the checklist's text."""
    text = shared("facts/peers.md").read_text(encoding="utf-8").split("### 6.3")[1].split("\n## ")[0]
    lines = re.findall(r"^([A-Z][A-Za-z ]+): (.+)$", text, re.MULTILINE)
    return [(name, clause) for name, line in lines for clause in pieces(line)]


def test_no_clause_of_the_text_is_forgotten() -> None:
    told, known = written(), list(clauses())
    assert len(told) == len(known) == CLAUSES
    for (line, clause), (name, words, _) in zip(told, known, strict=True):
        assert line == name and clause.startswith(words), f"{line}: {clause!r} is not {words!r}"


def test_every_clause_has_a_test_that_is_there_or_says_why_not() -> None:
    for line, words, tests in clauses():
        assert tests or (line, words) in NOT_HELD, f"{line}: {words}"
        for place in tests:
            file, _, test = place.partition("::")
            assert test in names_in(file), f"{line}, {words}: {place} is gone; name the test that holds it now"


def test_what_is_not_held_is_a_clause() -> None:
    for line, words in NOT_HELD:
        assert words in CHECKLIST[line]


# XML


def parsers() -> Iterator[tuple[str, ast.Call]]:
    """Every call that makes a parser of lxml, or parses with one."""
    for folder in ("acs", "probes", "cli"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    name = ast.unparse(node.func)
                    if name.startswith("etree."):
                        yield f"{path}:{node.lineno}", node


def test_every_parser_of_xml_leaves_entities_the_network_and_huge_trees_alone() -> None:
    made = 0
    for where, call in parsers():
        name = ast.unparse(call.func).removeprefix("etree.")
        if name in ("XMLParser", "XMLPullParser"):
            given = {each.arg: ast.literal_eval(each.value) for each in call.keywords if each.arg in SAFE}
            assert given == SAFE, where
            made += 1
        if name in ("fromstring", "XML", "parse", "iterparse"):
            assert len(call.args) > 1 or any(each.arg == "parser" for each in call.keywords), f"{where}: no parser"
    assert made >= 2
    imports = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "acs").rglob("*.py"))
    assert not re.search(r"^(from|import) xml\b", imports, re.MULTILINE), "the library's own parsers expand entities"


def inform_with(count: int) -> bytes:
    values = tuple(ParameterValueStruct(f"Device.X.{n}", "1", "xsd:int") for n in range(count))
    device = DeviceId("Maker", "001122", "ONT", "MANY")
    return encode(Envelope(Inform(device, (EventStruct("2 PERIODIC", ""),), parameter_list=values), "1", NS_1_0))


async def test_an_inform_with_too_many_parameters_is_a_fault_and_nothing_is_stored(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        http = Http(server.port)
        answer = await http.post(inform_with(1_001))
        assert b"<FaultCode>8003</FaultCode>" in answer.body and b"at most 1000" in answer.body
        async with server.store.reading() as tx:
            assert await devices.get(tx, "001122-ONT-MANY") is None
        assert b"InformResponse" in (await http.post(inform_with(1_000))).body
        await http.close()


def test_what_a_device_says_makes_no_line_of_its_own_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    stream, hostile = io.StringIO(), 'x\n{"event": "forged"}\r\n\x1b[2J<script>alert(1)</script>'
    try:
        log.configure("info", stream)
        structlog.get_logger().warning("input.refused", why=hostile, device=hostile)
    finally:
        structlog.reset_defaults()
        plain_logs()
    (line,) = stream.getvalue().split("\n")[:-1]
    assert json.loads(line)["why"] == hostile
    assert line.isprintable() and "\x1b" not in line


# CPE auth


def test_an_answer_is_good_for_its_own_method_and_uri_alone() -> None:
    challenge = auth.parse_challenge(auth.challenge_header("acs", "n1"))
    ha1 = auth.ha1("u", "acs", "secret", "MD5")
    header = auth.answer(challenge, "POST", "/acs", "u", "secret", "c0ffee")
    given = auth.parse_authorization(header)
    assert isinstance(given, auth.DigestResponse)
    assert auth.verify(given, "POST", ha1) and not auth.verify(given, "GET", ha1)
    other = auth.parse_authorization(header.replace('uri="/acs"', 'uri="/bulk"'))
    assert isinstance(other, auth.DigestResponse)
    assert not auth.verify(other, "POST", ha1)


@pytest.mark.parametrize(
    "module",
    [
        "acs/cwmp/auth.py", "acs/cwmp/stun.py", "acs/cwmp/lightweight.py", "acs/cwmp/udp_request.py",
        "acs/services/access.py", "acs/services/signatures.py", "acs/services/file_addresses.py",
        "acs/services/oidc.py",
    ],
)  # fmt: skip
def test_secrets_are_compared_in_constant_time(module: str) -> None:
    tree = ast.parse((ROOT / module).read_text(encoding="utf-8"))
    calls = [ast.unparse(each.func) for each in ast.walk(tree) if isinstance(each, ast.Call)]
    assert "hmac.compare_digest" in calls
    secret = re.compile(r"secret|password|signature|response\.response|token_hash|digest$|expected")
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq):
            sides = [ast.unparse(each) for each in (node.left, *node.comparators)]
            plain = any(each.startswith(("len(", "'", '"', "None", "b'")) or each.isdigit() for each in sides)
            assert plain or not any(secret.search(each) for each in sides), f"{module}:{node.lineno} {sides}"


# TLS


async def test_the_plain_port_can_stand_in_a_network_of_its_own(tmp_path: Path) -> None:
    config = tls_config(tmp_path, Authority(tmp_path), tls={"host": "127.0.0.1"}, host="127.0.0.2")
    async with running(config) as server:
        assert server.endpoint.tls_port is not None
        _, writer = await asyncio.open_connection("127.0.0.2", server.port)
        writer.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.2", server.endpoint.tls_port)


async def test_the_plain_port_can_be_left_out(tmp_path: Path) -> None:
    config = tls_config(tmp_path, Authority(tmp_path), plain=False, port=free_port())
    async with running(config) as server:
        assert (server.port, bool(server.endpoint.tls_port)) == (0, True)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", config.cwmp.port)
    with pytest.raises(ConfigError, match="no CPE could come in"):
        config_for(tmp_path, cwmp={"plain": False})


# Connection request


async def test_each_device_is_given_a_password_of_its_own_for_calls(tmp_path: Path) -> None:
    config = config_for(tmp_path, cwmp={"first_contact": {"enabled": True}})
    async with running(config) as server:
        fleet = [Cpe(server.port, serial=f"CR{n}") for n in range(3)]
        for cpe in fleet:
            await cpe.session(("0 BOOTSTRAP", ""))
        name = "Device.ManagementServer.ConnectionRequestPassword"
        given = [cpe.values[name][0] for cpe in fleet]
        assert len(set(given)) == 3 and all(len(each) >= 32 for each in given)
        async with server.store.reading() as tx:
            kind = CredentialKind.CONNECTION_REQUEST
            kept = [await devices.get_credentials(tx, cpe.key, kind) for cpe in fleet]
        assert [each.secret for each in kept if each] == given


def test_datagrams_carry_times_and_numbers_that_never_go_back() -> None:
    nobody: object = None
    method = UdpMethod(nobody, nobody, ConnectionRequestsSection(), nobody, nobody)  # type: ignore[arg-type]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = []
    for seconds in (0.0, 0.0, 5.0, -3600.0, 5.0):
        sent = method._signed(Endpoint("192.0.2.1", 7547), Credentials("u", "p"), now + timedelta(seconds=seconds))
        matched = re.search(rb"ts=(\d+)&id=(\d+)&un=u&cn=(\w+)&sig=(\w{40})", sent)
        assert matched is not None
        found.append(matched)
    times, numbers = [int(each[1]) for each in found], [int(each[2]) for each in found]
    assert times == sorted(times)
    assert numbers == sorted(set(numbers)), "each greater than the one before, though the clock was set back"
    assert len({each[3] for each in found}) == len(found)


# Ticket hooks


async def test_hooks_are_four_verbs_and_no_other(app: App) -> None:
    made = made_once(app.northbound)
    posts = {
        route.path.rpartition("/hooks/")[2]
        for route in made.routes
        if isinstance(route, APIRoute) and "/hooks/" in route.path and "POST" in route.methods
    }
    assert posts <= {"reboot", "line-test", "resync", "is-it-fixed"}
    transport = httpx.ASGITransport(made, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1") as client:
        for verb in ("set", "factory-reset", "download", "reboot/now"):
            answer = await client.post(f"/hooks/{verb}", json={"line": "L-1"}, headers={"Idempotency-Key": "x"})
            assert answer.status_code in (401, 404, 405), answer.text


# Ops


async def test_no_cookie_is_set_and_none_is_believed(app: App) -> None:
    """Nothing that a browser sends by itself lets anybody in, so that there is nothing to forge."""
    from acs.services.actor import local_actor  # noqa: PLC0415 - beside its one use

    secret = (await app.northbound.access.create(local_actor(), "boss", ["admin"])).secret
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1") as client:
        good = await client.get("/lines", headers={"Authorization": f"Bearer {secret}"})
        assert good.status_code == 200 and "set-cookie" not in good.headers
        for name in ("Authorization", "token", "session", "sid"):
            answer = await client.get("/lines", headers={"Cookie": f"{name}={secret}"})
            assert answer.status_code == 401
        assert (await client.get(f"/lines?token={secret}")).status_code in (401, 422)
    text = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "acs" / "api").rglob("*.py"))
    assert "set_cookie" not in text and "request.cookies" not in text
