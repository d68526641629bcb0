"""TMF621: every body that is sent to a ticket system by the official definition; events of both versions; outages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from acs.app import App
from acs.config import Config
from acs.errors import ConfigError
from acs.services.actor import local_actor
from acs.services.deliveries import NotTaken
from acs.services.identifiers import new_id
from acs.services.tmf import TroubleTicket, parse_event, service_of
from acs.services.tmf.incoming import EVENT_TYPES
from acs.services.tmf.stories import (
    Manner,
    failure_story,
    outage_end_story,
    outage_story,
    repair_story,
    verdict_story,
)
from acs.services.tmf.ticket_patches import Outage, Story, TicketVersion, creation, is_told, patch
from acs.services.tmf_places import TmfPlaces
from acs.services.tmf_sender import TicketSender
from acs.services.tmf_systems import TicketSystem as Calls
from acs.store import line_tests as test_store
from acs.store import tickets as ticket_store
from acs.store import tmf as tmf_store
from acs.store.deliveries import Delivery, DeliveryState
from acs.store.records import Json, LineRecord, LineTestRecord, LineTestState, TicketRecord
from probes.linetest.after_fix import Said
from tests.fakes.ticket_system import TicketSystem
from tests.tmf_definitions import definition

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
VERSIONS = [TicketVersion.V4, TicketVersion.V5]
OUTAGE: dict[str, Json] = {
    "outage": "o-1", "state": "candidate", "level": "pon_port", "scope": "OLT-3/0/2/5", "kind": "fibre", "hit": 31,
    "members": 32, "since": AT.isoformat(), "detail": "", "note": "",
}  # fmt: skip
VERDICT: dict[str, Json] = {
    "verdict": "DISPATCH_HOME", "cause": "drop_fibre_cut", "posterior": 0.77, "queue": "l3-home", "due_at": "soon",
    "title": {"en": "Drop cut", "ru": "Обрыв"}, "text": {"en": "No light.", "ru": "Нет света."},
    "needs_human": True, "human_reasons": ["low_margin"], "not_measured": ["led.los"],
}  # fmt: skip
CHECKUP: dict[str, Json] = {
    "ticket": "TT-1", "line": "L-1", "checkup": "c-1", "action": "reboot", "line_test": "t-1", "verdict": VERDICT,
}  # fmt: skip


def manner(language: str = "en") -> Manner:
    return Manner("secondline", language, {"DISPATCH_HOME": "inProgress", "ATTACH_OUTAGE": "held"},
                  "resolved", "closed", "inProgress")  # fmt: skip


def line_test(**more: Any) -> LineTestRecord:
    values: dict[str, Any] = {
        "id": "t-1", "line": "L-1", "state": LineTestState.DONE, "created_at": AT, "deadline_at": AT, "actor": "x",
        "verdict": VERDICT, "finished_at": AT,
    }  # fmt: skip
    return LineTestRecord(**values | more)


def stories(language: str) -> list[Story]:
    how, parent = manner(language), Outage("TT-900", "o-1", "https://acs.example/p/o-1")
    with_document = {"document": {"id": "t-1"}, "test_href": "https://acs.example/t/t-1"}
    told = verdict_story(how, line_test(), AT)
    return [
        Story(told.marker, AT, told.text, told.status, told.status_from, told.reason, told.test, **with_document),
        Story("m", AT, "x", test="t-2", document={}, document_href="https://acs.example/t/t-2"),
        verdict_story(how, line_test(), AT, Said("REMOTE_FIX", "cpe_memory")),
        failure_story(how, line_test(state=LineTestState.FAILED, verdict=None, detail="broken"), AT),
        *(repair_story(how, event, CHECKUP, AT) for event in ("fixed", "not_fixed", "fell_back")),
        outage_story(how, OUTAGE, parent, AT),
        *(outage_end_story(how, OUTAGE | {"state": state}, AT) for state in ("restored", "closed", "dismissed")),
    ]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_every_change_of_a_ticket_is_what_the_definition_allows(version: TicketVersion, language: str) -> None:
    schema = {TicketVersion.V4: "TroubleTicket_Update", TicketVersion.V5: "TroubleTicket_MVO"}[version]
    system = TicketSystem(version.value)
    for story in stories(language):
        ticket = system.add("TT-1")
        body = patch(ticket, story, version, "secondline", whole=True)
        definition(f"tmf621-{version}").check(schema, body)
        assert body["note"][0]["author"] == "agent", "what others wrote goes along"
        ticket |= body
        definition(f"tmf621-{version}").check("TroubleTicket", ticket)
        assert patch(ticket, story, version, "secondline", whole=True) == {}, "told once is told"
        renamed = ticket | {"note": [{**note, "id": f"n{n}"} for n, note in enumerate(ticket["note"])]}
        assert is_told(renamed, story.marker), "the text tells where the system gave its own id"
        added = patch(system.add("TT-2"), story, version, "secondline", whole=False)
        assert len(added["note"]) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_of_ours_is_what_the_definition_allows(version: TicketVersion) -> None:
    schema = {TicketVersion.V4: "TroubleTicket_Create", TicketVersion.V5: "TroubleTicket_FVO"}[version]
    body = creation("secondline:outage:o-1", "31 of 32", "Critical", "outage", version, "secondline")
    definition(f"tmf621-{version}").check(schema, body)


def test_the_verdict_is_in_note_attachment_entity_and_status() -> None:
    body = patch({"id": "TT-1", "status": "acknowledged"}, stories("en")[0], TicketVersion.V4, "secondline", whole=True)
    assert "drop_fibre_cut 0.77 -> DISPATCH_HOME" in body["note"][0]["text"]
    assert "Queue l3-home" in body["note"][0]["text"]
    assert body["attachment"][0]["mimeType"] == "application/json"
    assert body["relatedEntity"][0] == {
        "id": "t-1", "role": "lineTest", "@referredType": "ServiceTest", "href": "https://acs.example/t/t-1",
    }  # fmt: skip
    assert body["status"] == "inProgress"
    assert body["statusChangeReason"].endswith("[secondline:t-1 inProgress]")


@pytest.mark.parametrize(
    ("now", "before", "verdict", "then"),
    [
        ("acknowledged", None, "DISPATCH_HOME", "inProgress"),
        ("inProgress", None, "DISPATCH_HOME", None),
        ("resolved", None, "DISPATCH_HOME", None),
        ("closed", None, "DISPATCH_HOME", None),
        ("acknowledged", None, "NFF", None),
        ("resolved", ("DISPATCH_HOME", "drop_fibre_cut"), "NFF", "closed"),
        ("resolved", ("DISPATCH_HOME", "drop_fibre_cut"), "DISPATCH_HOME", "inProgress"),
        ("resolved", ("DISPATCH_HOME", "drop_fibre_cut"), "INCONCLUSIVE", None),
        ("closed", ("DISPATCH_HOME", "drop_fibre_cut"), "DISPATCH_HOME", None),
        ("inProgress", ("DISPATCH_HOME", "drop_fibre_cut"), "NFF", None),
    ],
)
def test_the_status_follows_the_verdict_and_never_an_ended_ticket(
    now: str, before: tuple[str, str] | None, verdict: str, then: str | None
) -> None:
    cause = "drop_fibre_cut" if verdict == "DISPATCH_HOME" else verdict.lower()
    test = line_test(verdict={"verdict": verdict, "cause": cause})
    story = verdict_story(manner(), test, AT, Said(*before) if before is not None else None)
    body = patch({"id": "TT-1", "status": now}, story, TicketVersion.V4, "secondline", whole=True)
    assert body.get("status") == then


BROKEN = Said("DISPATCH_HOME", "drop_fibre_cut")


@pytest.mark.parametrize(
    ("verdict", "then"),
    [
        ({"verdict": "NFF", "cause": "nff"}, "closed"),
        ({"verdict": "NFF", "cause": "restored"}, "closed"),
        ({"verdict": "NFF", "cause": "nff", "needs_human": True}, None),
        ({"verdict": "MONITOR_24H", "cause": "restored_unmeasured"}, None),
        ({"verdict": "MONITOR_24H", "cause": "repeat_green"}, None),
    ],
)
def test_what_a_person_must_look_at_leaves_a_resolved_ticket_resolved(verdict: Json, then: str | None) -> None:
    story = verdict_story(manner(), line_test(verdict=verdict), AT, BROKEN)
    body = patch({"id": "TT-1", "status": "resolved"}, story, TicketVersion.V4, "secondline", whole=True)
    assert body.get("status") == then


@pytest.mark.parametrize(
    ("verdict", "then"),
    [
        ({"verdict": "NFF", "cause": "nff"}, "closed"),
        ({"verdict": "NFF", "cause": "nff", "needs_human": True, "human_reasons": ["gate_unknown:x"]}, "resolved"),
        ({"verdict": "INCONCLUSIVE", "cause": "not_determined"}, "resolved"),
    ],
)
def test_an_action_of_ours_that_helped_ends_a_ticket_only_where_nobody_must_look(
    verdict: dict[str, Json], then: str
) -> None:
    story = repair_story(replace(manner(), when_fixed="closed"), "fixed", CHECKUP | {"verdict": verdict}, AT)
    assert story.status == then
    assert ("A person has to confirm it: unknown: x" in story.text) is ("needs_human" in verdict)


@pytest.mark.parametrize(
    ("verdict", "well"),
    [
        ({"verdict": "NFF", "cause": "nff"}, True),
        ({"verdict": "NFF", "cause": "nff", "needs_human": True}, False),
        ({"verdict": "MONITOR_24H", "cause": "restored_unmeasured"}, False),
        ({"verdict": "INCONCLUSIVE", "cause": "not_determined"}, False),
        ({}, False),
    ],
)
def test_an_action_that_helped_is_no_word_for_what_was_not_measured(verdict: dict[str, Json], well: bool) -> None:
    """It helped where the sign of the fault is gone; whether the line is well says its test."""
    said = {
        lang: repair_story(replace(manner(), language=lang), "fixed", CHECKUP | {"verdict": verdict}, AT).text
        for lang in ("en", "ru")
    }
    assert ("the line is well" in said["en"]) is well and ("линия исправна" in said["ru"]) is well
    assert ("does not show any more" in said["en"]) is not well and ("больше не видно" in said["ru"]) is not well


@pytest.mark.parametrize(("needs_human", "then"), [(False, "closed"), (True, None)])
def test_a_verdict_that_a_person_must_confirm_ends_no_open_ticket(needs_human: bool, then: str | None) -> None:
    how = replace(manner(), status={"NFF": "closed"})
    test = line_test(verdict={"verdict": "NFF", "cause": "nff", "needs_human": needs_human})
    body = patch({"id": "TT-1", "status": "pending"}, verdict_story(how, test, AT), TicketVersion.V4, "x", whole=True)
    assert body.get("status") == then


@pytest.mark.parametrize("version", ["v4", "v5"])
@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_of_both_versions_is_read(version: str, event_type: str) -> None:
    system = TicketSystem(version)
    line = {"id": "L-1", "role": "line", "@referredType": "Line"}
    service = {"id": "SVC-1-IPTV", "role": "x", "@referredType": "Service"}
    more: dict[str, Any] = {"relatedEntity": [line, service], "externalId": "CRM-1"}
    if version == "v5":
        more = {
            "relatedEntity": [
                {"@type": "RelatedEntity", "role": one.pop("role"), "entity": {"@type": "EntityRef", **one}}
                for one in (line, service)
            ],
            "externalIdentifier": [{"@type": "ExternalIdentifier", "id": "CRM-1"}],
            "troubleTicketCharacteristic": [{"@type": "StringCharacteristic", "name": "led.los", "value": "red"}],
        }
    system.add("TT-1", **more)
    ticket: TroubleTicket = parse_event(system.event("e-1", event_type, "TT-1"), EVENT_TYPES).event.trouble_ticket
    assert ticket.id == "TT-1"
    if (version, event_type) == ("v5", "TroubleTicketDeleteEvent"):
        return  # a deleted ticket is named and no more
    assert [one.id for one in ticket.related_entity] == ["L-1", "SVC-1-IPTV"]
    assert ticket.related_entity[0].referred_type == "Line"
    assert (ticket.external_id, service_of(ticket), ticket.status) == ("CRM-1", "iptv", "acknowledged")


# --- the sender over a real store and a real socket ------------------------------------------------------------------


def section(folder: Path, system: TicketSystem, **more: Any) -> Config:
    (folder / "token").write_text("hush\n")
    (folder / "token").chmod(0o600)
    one = {
        "name": "bss",
        "url": system.url,
        "version": system.version,
        "token_file": "token",
        "timeout_s": 30.0,
        **more,
    }
    tmf = {"plain_networks": ["127.0.0.0/8"], "ticket_systems": [one], "public_url": "https://acs.example"}
    return Config.from_table({"tmf": tmf}, folder / "secondline.toml")


def sender_of(app: App, folder: Path, system: TicketSystem, **more: Any) -> TicketSender:
    config = section(folder, system, **more)
    one = config.tmf.ticket_systems[0]
    calls = Calls(one, config.tmf.plain_networks)
    return TicketSender(app.store, one, config.tmf, calls, app.clock)


def delivery(event_type: str, body: dict[str, Json]) -> Delivery:
    return Delivery(new_id(), "tmf621-bss", event_type, body, DeliveryState.PENDING, AT, AT)


async def ticket_of(app: App, ticket: str, source: str = "bss") -> None:
    await app.northbound.lines.put(local_actor(), LineRecord("L-1", "pon"))
    async with app.store.transaction() as tx:
        await test_store.add(tx, line_test(id=f"t-{ticket}", ticket=ticket))
        await ticket_store.add(tx, TicketRecord(ticket, f"e-{ticket}", AT, source, {}, "L-1", f"t-{ticket}"))


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_an_outage_has_one_ticket_and_its_lines_tickets_are_children(
    app: App, tmp_path: Path, version: str
) -> None:
    system = TicketSystem(version)
    async with system.serving():
        sender = sender_of(app, tmp_path, system, outage_tickets=True)
        await ticket_of(app, "TT-1")
        system.add("TT-1")
        system.failures.extend(["", "drop_after"])  # it is made, and nobody hears of it
        with pytest.raises(NotTaken):
            await sender.send(delivery("outage.opened", OUTAGE))
        await sender.send(delivery("outage.opened", OUTAGE))
        await sender.send(delivery("outage.ticket_attached", OUTAGE | {"ticket": "TT-1", "line": "L-1"}))
        ours = [id_ for id_ in system.tickets if id_ != "TT-1"]
        assert len(ours) == 1, "made once, though the answer was lost"
        child = system.tickets["TT-1"]
        assert [one["id"] for one in child["troubleTicketRelationship"]] == ours
        assert child["status"] == "held"
        assert "https://acs.example/tmf-api/serviceProblemManagement/v4/serviceProblem/o-1" in str(child)
        await sender.send(delivery("outage.closed", OUTAGE | {"state": "closed", "note": "splice mended"}))
        assert system.tickets[ours[0]]["status"] == "closed"
        assert system.faults == []


async def test_without_tickets_of_outages_the_service_problem_stands_for_it(app: App, tmp_path: Path) -> None:
    system = TicketSystem("v4")
    async with system.serving():
        sender = sender_of(app, tmp_path, system)
        assert not sender.wants("outage.opened", OUTAGE)
        system.add("TT-1")
        await sender.send(delivery("outage.ticket_attached", OUTAGE | {"ticket": "TT-1"}))
        assert [one["id"] for one in system.tickets["TT-1"]["troubleTicketRelationship"]] == ["o-1"]
        assert list(system.tickets) == ["TT-1"]
        assert system.faults == []


async def test_a_ticket_that_changes_meanwhile_is_read_again(app: App, tmp_path: Path) -> None:
    system = TicketSystem("v4", etags=True)
    async with system.serving():
        sender = sender_of(app, tmp_path, system, lists="whole")
        await ticket_of(app, "TT-1")
        ticket, calls = system.add("TT-1"), sender._system
        read = calls.ticket

        async def overtaken(id_: str) -> tuple[dict[str, Any], str]:
            found = await read(id_)
            if len(ticket["note"]) == 1:
                ticket["note"] = [*ticket["note"], {"id": "n1", "author": "agent", "text": "called again"}]
            return found

        calls.ticket = overtaken  # type: ignore[method-assign]
        told: dict[str, Json] = {"ticket": "TT-1", "line": "L-1", "line_test": "t-TT-1", "verdict": VERDICT}
        assert await sender.send(delivery("line_test.verdict", told)) == "HTTP 200"
        assert [note["author"] for note in ticket["note"]] == ["agent", "agent", "secondline"]
        assert await sender.send(delivery("line_test.verdict", told)) == "the ticket has it already"


async def test_a_ticket_of_another_system_is_left_alone(app: App, tmp_path: Path) -> None:
    system = TicketSystem("v4")
    async with system.serving():
        sender = sender_of(app, tmp_path, system, sources=["crm"])
        await ticket_of(app, "TT-1", source="other")
        told: dict[str, Json] = {"ticket": "TT-1", "line": "L-1", "line_test": "t-TT-1"}
        assert await sender.send(delivery("line_test.verdict", told)) == "the ticket is of another system"
        config = section(tmp_path, system).tmf
        calls = Calls(config.ticket_systems[0], config.plain_networks)
        names = frozenset({"other"})
        beside = TicketSender(app.store, config.ticket_systems[0], config, calls, app.clock, names)
        assert await beside.send(delivery("line_test.verdict", told)) == "the ticket is of another system"
        assert system.calls == []


async def test_a_ticket_is_told_under_the_number_that_it_came_with(app: App, tmp_path: Path) -> None:
    system = TicketSystem("v4")
    async with system.serving():
        sender = sender_of(app, tmp_path, system, sources=["bss"])
        await app.northbound.lines.put(local_actor(), LineRecord("L-1", "pon"))
        async with app.store.transaction() as tx:
            await test_store.add(tx, line_test(id="t-1", ticket="@bss:TT-1"))
            told_so = TicketRecord("@bss:TT-1", "e-1", AT, "bss", {}, "L-1", "t-1", outside_id="TT-1")
            await ticket_store.add(tx, told_so)
        system.add("TT-1")
        told: dict[str, Json] = {"ticket": "@bss:TT-1", "line": "L-1", "line_test": "t-1", "verdict": VERDICT}
        assert await sender.send(delivery("line_test.verdict", told)) == "HTTP 200"
        assert len(system.tickets["TT-1"]["note"]) == 2
        assert system.faults == []


@pytest.mark.parametrize("version", ["v4", "v5"])
async def test_our_place_in_a_hub_is_taken_once_and_left_for_another(app: App, tmp_path: Path, version: str) -> None:
    system = TicketSystem(version)
    async with system.serving():
        for callback, calls in (("https://acs.example/l", 1), ("https://acs.example/l", 1), ("https://new.example", 3)):
            config = section(tmp_path, system, callback=callback)
            await TmfPlaces(app.store, config.tmf, app.clock).look()
            assert len(system.calls) == calls
        assert list(system.hubs.values()) == ["https://new.example"]
        assert system.faults == []


async def test_old_events_are_thrown_away(app: App) -> None:
    old = tmf_store.TicketEventRecord("bss", "e-1", "TT-1", EVENT_TYPES[1], "", AT - timedelta(days=900))
    async with app.store.transaction() as tx:
        await tmf_store.add_ticket_event(tx, old)
    await app.northbound.tmf.listener.prune()
    async with app.store.reading() as tx:
        assert await tmf_store.ticket_event(tx, ["bss"], "e-1") is None


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"username": "x"}, "username and password_file belong together"),
        ({"username": "x", "password_file": "p"}, "not both"),
        ({"attachment": "link"}, ""),
        ({"url": "https://user:x@tickets.example"}, "without user or password"),
    ],
)
def test_a_wrong_ticket_system_is_refused_with_what_to_do(tmp_path: Path, more: dict[str, Any], told: str) -> None:
    system = TicketSystem("v4", port=1)
    if not told:
        assert section(tmp_path, system, **more).tmf.ticket_systems[0].attachment == "link"
        return
    with pytest.raises(ConfigError, match=told):
        config = section(tmp_path, system, **more)
        Calls(config.tmf.ticket_systems[0], ())
