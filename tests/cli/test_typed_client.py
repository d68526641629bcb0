"""The typed client: its results and calls are those of the OpenAPI document, and it works against a real server."""

import re
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from cli import texts
from cli.client import Secondline
from cli.client.results import SCHEMAS, Line, read
from cli.client.typed import CALLS
from cli.errors import CliError
from cli.own_server import OwnServer
from tests.own_server import own_server
from tests.routed_api import described


def kinds_of(schema: dict[str, Any]) -> set[str]:
    """The JSON types, formats and schemas that a property may have; empty for anything."""
    if "$ref" in schema:
        return {schema["$ref"].rsplit("/", 1)[-1]}
    if "anyOf" in schema:
        return set().union(*(kinds_of(one) for one in schema["anyOf"]))
    if "type" not in schema:
        return set()
    return {"date-time" if schema.get("format") == "date-time" else schema["type"]}


def kinds_of_hint(hint: Any) -> set[str]:
    plain = {str: "string", int: "integer", float: "number", bool: "boolean", datetime: "date-time", type(None): "null"}
    if hint is Any:
        return set()
    if hint in plain:
        return {plain[hint]}
    if hint in SCHEMAS:
        return {SCHEMAS[hint]}
    if get_origin(hint) in (tuple, dict):
        return {"array" if get_origin(hint) is tuple else "object"}
    return set().union(*(kinds_of_hint(one) for one in get_args(hint)))


@pytest.mark.parametrize("kind", SCHEMAS, ids=lambda kind: kind.__name__)
def test_a_result_has_the_fields_of_its_schema(kind: type) -> None:
    properties = described()["components"]["schemas"][SCHEMAS[kind]]["properties"]
    hints = get_type_hints(kind)
    for field in fields(kind):
        assert field.name in properties, f"{kind.__name__}.{field.name}: the API has no such field any more"
        told = kinds_of(properties[field.name])
        assert not told or kinds_of_hint(hints[field.name]) in (told, set()), field.name


@pytest.mark.parametrize("name", CALLS)
def test_a_call_is_one_of_the_api(name: str) -> None:
    method, path = CALLS[name]
    assert method in described()["paths"].get(f"/api/v1{path}", {}), f"{name}: there is no {method} {path} any more"
    assert hasattr(Secondline, name)


def test_every_call_is_in_the_table() -> None:
    public = {name for name in vars(Secondline) if not name.startswith("_")}
    assert public == set(CALLS)
    text = (Path(__file__).resolve().parents[2] / "cli" / "client" / "typed.py").read_text(encoding="utf-8")
    for name, (_, path) in CALLS.items():
        ending = re.escape(re.sub(r"\{\w+\}", "{}", path).rsplit("{}", 1)[-1] or path.split("/")[1])
        assert re.search(ending, text), name


def test_what_is_no_answer_of_ours_is_named() -> None:
    with pytest.raises(ValueError, match=r"Line\.technology is missing"):
        read(Line, {"id": "L1"})
    with pytest.raises(ValueError, match="Line is list"):
        read(Line, [])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def test_it_works_against_a_server(server: OwnServer) -> None:
    with Secondline(server.url, server.token_file.read_text(encoding="utf-8").strip()) as acs:
        stored = acs.put_line("L 1", "pon", address="Lenina 5")
        assert acs.line("L 1") == stored
        assert [line.id for line in acs.lines()] == ["L 1"]
        assert [found.line for found in acs.search('"Lenina 5"')] == [stored]
        assert list(acs.devices()) == []
        begun = acs.test_line("L 1", depth="quick", idempotency_key="once")
        assert acs.test_line("L 1", depth="quick", idempotency_key="once").id == begun.id
        done = acs.wait_for_verdict(begun.id)
        assert done.state == "done"
        assert done.verdict["verdict"]
        entity = {"id": "L 1", "role": "line", "@referredType": "Line"}
        event = {
            "troubleTicket": {"id": "TT-1", "description": "x", "ticketType": "incident", "relatedEntity": [entity]}
        }
        sent = acs.send_ticket({"eventId": "e1", "eventType": "TroubleTicketCreateEvent", "event": event})
        assert acs.ticket("TT-1") == sent
        assert acs.wait_for_verdict(sent.line_test or "").ticket == "TT-1"
        assert acs.report(days=1, by="verdict").total.tests >= 1
        with pytest.raises(CliError, match="there is no device"):
            acs.device("none")


def test_what_the_server_says_is_in_the_language_of_the_command(server: OwnServer) -> None:
    texts.choose("ru")
    try:
        token = server.token_file.read_text(encoding="utf-8").strip()
        with Secondline(server.url, token) as acs, pytest.raises(CliError, match="нет устройства 'none'"):
            acs.device("none")
    finally:
        texts.choose("en")
