"""Adapters: paths and templates; each file held against payloads written from the system's documentation."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.errors import ConfigError, InvalidInput
from acs.services.adapters import paths
from acs.services.adapters.mapping import (
    calls,
    creation_event,
    instant,
    number_of,
    own_status_event,
    status_event,
    ticket_of,
    verdict_words,
)
from acs.services.adapters.schema import Adapter, load, packaged
from acs.services.tmf import parse_event
from acs.services.tmf.incoming import EVENT_TYPES
from acs.services.tmf.ticket_patches import OwnChange, own_change

CASES = Path(__file__).resolve().parents[2] / "fixtures" / "adapters"
VERDICT = {"verdict": "NFF", "cause": "nff", "posterior": 0.912, "queue": "l1", "needs_human": False, "title": {}}


def case(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{name}.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("name", packaged())
def test_a_ticket_of_theirs_is_read_as_documented(name: str) -> None:
    told, adapter = case(name), load(name)
    ticket = ticket_of(adapter, told["message"], told["variables"])
    for field, value in told["expected"].items():
        found = getattr(ticket, field)
        assert (found.isoformat() if isinstance(found, datetime) else found) == value, field
    event = parse_event(creation_event("desk", ticket))
    assert event.event.trouble_ticket.id == f"desk:{ticket.id}"
    assert event.event.trouble_ticket.related_entity[0].id == "L-7"
    assert number_of("desk", event.event.trouble_ticket.id) == ticket.id
    assert (
        parse_event(
            status_event("desk", ticket, "held", datetime(2026, 11, 21, tzinfo=UTC)), EVENT_TYPES
        ).event.trouble_ticket.status
        == ticket.status
    )
    ours = own_status_event("desk", ticket, "closed", datetime(2026, 11, 21, tzinfo=UTC), "acs")
    reason = parse_event(ours, EVENT_TYPES).event.trouble_ticket.status_reason
    assert own_change(reason, "acs") == OwnChange("acs:adapter", "")


@pytest.mark.parametrize("name", packaged())
def test_what_they_are_told_is_as_documented(name: str) -> None:
    told, adapter = case(name), load(name)
    number = told["expected"]["id"]
    status = adapter.status_out.get("closed", "61" if name.startswith("jira") else "")
    words = {**adapter.variables, **told["variables"], **verdict_words(adapter, VERDICT, "en"), "status": status}
    words |= {"id": number, "text": "told", "mark": "secondline:T1", "line_test": "T1", "user": "agent", "key": "hush"}
    made = [[one.method, one.path, json.loads(one.body)] for one in calls(adapter, words)]
    assert made == told["told"]


@pytest.mark.parametrize("name", packaged())
def test_each_says_where_it_was_written_from_and_on_what_it_was_tried(name: str) -> None:
    adapter = load(name)
    assert all(re.match("https://|docs/", one) for one in (*adapter.sources, *case(name)["sources"]))
    assert bool(adapter.tried) is (name == "redmine"), "only that one was tried on a real server"
    assert adapter.poll is not None and adapter.read is not None and adapter.write


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", [1]),
        ("list[0].x", ["one"]),
        ("list[].x", ["one", "two"]),
        ("list[name=B].x", ["two"]),
        ("list[7].x", []),
        ("nothing.there", []),
        ("a[0]", []),
        ("list[name=B.C].x", []),
    ],
)
def test_a_path_finds_what_stands_there(path: str, found: list[Any]) -> None:
    thing = {"a": {"b": 1}, "list": [{"name": "A", "x": "one"}, {"name": "B", "x": "two"}]}
    assert paths.values(thing, path) == found


def test_a_list_at_the_top_is_walked_too() -> None:
    assert paths.values([{"x": 1}, {"x": 2}], "[].x") == [1, 2]


@given(st.text(max_size=40), st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=10))
def test_a_path_is_read_or_refused_whatever_it_is(path: str, thing: Any) -> None:
    try:
        found = paths.values(thing, path)
    except InvalidInput:
        return
    assert isinstance(found, list)


def test_what_has_no_value_is_left_out_of_a_template() -> None:
    template = {
        "note": "{text} [{mark}]",
        "status": "{status}",
        "fields": [{"id": "{one}", "value": "{text}"}, {"id": "2", "value": "{status}"}, {"id": "3", "value": "x"}],
        "{status}": "{text}",
        "deep": {"er": {"owner": "{owner}"}},
        "count": "{limit}",
        "kept": True,
    }
    words = {"text": "{mark} is no hole", "mark": "m", "one": "", "limit": "50"}
    assert paths.filled(template, words) == {
        "note": "{mark} is no hole [m]",
        "fields": [{"id": "3", "value": "x"}],
        "count": 50,
        "kept": True,
    }


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-21T11:30:00Z", "2026-11-21T11:30:00+00:00"),
        ("2026-11-21 11:30:00", "2026-11-21T11:30:00+00:00"),
        ("2026-11-21T13:30:00.000+0200", "2026-11-21T11:30:00+00:00"),
        ("1795260600", "2026-11-21T11:30:00+00:00"),
        ("1795260600000", "2026-11-21T11:30:00+00:00"),
        ("yesterday", None),
        ("99999999999", None),
        ("9" * 400, None),
        ("9" * 5000, None),
        ("0001-01-01T00:00:00+03:00", None),
        ("", None),
    ],
)
def test_instants_are_read_as_systems_write_them(text: str, at: str | None) -> None:
    found = instant(text)
    assert (None if found is None else found.isoformat()) == at


def test_rules_name_queue_and_assignee() -> None:
    table = {**load("generic-crm").model_dump(), "name": "ours"}
    rules = [
        {"verdicts": ["DISPATCH_*"], "causes": ["drop_*"], "queue": "Field", "assignee": "7"},
        {"needs_human": True, "queue": "Second line"},
    ]
    adapter = Adapter.model_validate({**table, "rules": rules})

    def of(**verdict: Any) -> tuple[str, str, str]:
        words = verdict_words(adapter, {"queue": "l2", **verdict}, "en", "by rule of tickets")
        return words["queue"], words["queue_out"], words["assignee"]

    assert of(verdict="DISPATCH_HOME", cause="drop_fibre_cut") == ("by rule of tickets", "Field", "7")
    assert of(verdict="NFF", cause="nff", needs_human=True)[1:] == ("Second line", "")
    assert of(verdict="NFF", cause="nff")[1:] == ("by rule of tickets", "")
    assert verdict_words(adapter, {"queue": "l2"}, "en")["queue_out"] == "", "without a rule it stays where it is"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('extends = "redmin"', "is none of"),
        ("name = ", "not TOML"),
        ('extends = "redmine"\n[ticket]\nline = ["a[b"]', "breaks at"),
        ('extends = "redmine"\n[ticket]\nline = ["{nobody}"]', "nothing is called {nobody}"),
        ('extends = "redmine"\n[statuses]\nNew = "open"', "statuses.New"),
        ('extends = "redmine"\ncolour = "red"', "colour"),
        (
            'extends = "redmine"\n[[write]]\nmethod = "PUT"\npath = "/x"\nbody = { notes = "{text}" }',
            "brings no {mark}",
        ),
        ('extends = "redmine"\n[[write]]\nmethod = "PUT"\npath = "/x"\nbody = { a = "{mark}" }', "brings {text}"),
        ('name = "x"\ntitle = "X"\nsources = ["docs/x"]\n[ticket]\nid = []\nline = ["l"]', "ticket.id"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=re.escape(told)):
        load(path)


def test_a_name_that_is_none_and_a_message_that_is_none_are_told() -> None:
    with pytest.raises(ConfigError, match="no adapter is called so"):
        load("remedy")
    with pytest.raises(InvalidInput, match="no ticket number"):
        ticket_of(load("zammad"), {"ticket": {"title": "x"}}, {})
