"""`secondline demo`: twelve tickets of a simulated neighbourhood turn into verdicts, on a real server of its own.

    server + neighbourhood → CPEs inform, trees are read → faults → tickets by the TMF621 hook → cards → table

The rule: the product is used through its doors only; what is expected of it is known here and nowhere else.
"""

import asyncio
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.card import card, style
from cli.client import Client, connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.simulate import STAGES, until_stopped
from cli.texts import _

if TYPE_CHECKING:
    from cli.own_server import OwnServer
    from cli.simulator.faults import Fault
    from cli.simulator.neighbourhood import Home
    from cli.simulator.town import Town

#: seconds that each part may take; on two cores it takes a tenth of that
INFORM_S = 60.0
TREES_S = 60.0
VERDICTS_S = 60.0
#: seconds between two looks at something that is waited for
LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """One ticket: what happened at the line, and what the line test said."""

    ticket: str
    line: str
    fault: str
    complaint: str
    expected: Mapping[str, str]
    test: Mapping[str, Any]

    @property
    def verdict(self) -> Mapping[str, Any]:
        """The verdict; empty where the test gave none."""
        given = self.test.get("verdict")
        return given if isinstance(given, dict) else {}

    @property
    def agrees(self) -> bool:
        """Whether verdict, cause and location are the expected ones."""
        return all(self.verdict.get(name) == value for name, value in self.expected.items())


@click.command(help=_("Show the product at work on a simulated neighbourhood; it needs nothing but this command."))
@click.option("--keep", is_flag=True, help=_("Leave everything running afterwards, until Ctrl-C."))
@json_option
def demo(keep: bool, as_json: bool) -> None:
    """Run the demo."""
    until_stopped(lambda: _run_in_a_folder(keep, as_json))


async def _run_in_a_folder(keep: bool, as_json: bool) -> None:
    """The folder comes after `until_stopped` took the signals, so that none of them leaves it behind."""
    with tempfile.TemporaryDirectory(prefix="secondline-demo-", ignore_cleanup_errors=True) as folder:
        await _run(Path(folder), keep, as_json)


async def _run(folder: Path, keep: bool, as_json: bool) -> None:
    from cli.own_server import OwnServer

    server = OwnServer(folder)
    try:
        agreed = await _show(server, keep, as_json)
    except Exception:
        output.print_note(_("The end of the server's log:") + "\n" + server.log_tail())
        raise
    finally:
        await asyncio.to_thread(server.stop)
    if not agreed:
        raise CliError(_("Not every verdict is the expected one; see the table."), ExitStatus.FAILURE)


async def _show(server: "OwnServer", keep: bool, as_json: bool) -> bool:
    """Run everything, print what came of it, and return whether all verdicts are the expected ones."""
    began = time.monotonic()
    town: Town | None = None
    client: Client | None = None
    try:
        with output.progress(_("Starting the server"), quiet=as_json) as progress:
            await asyncio.to_thread(server.prepare)
            await asyncio.to_thread(server.start)
            client = connect(server.url, server.token_file)
            town = _town(server, client)
            await town.start(lambda stage: progress.update(_(STAGES[stage])))
            outcomes = await _play(town, client, progress)
        _report(outcomes, server, as_json, keep, time.monotonic() - began)
        if keep:
            await asyncio.Event().wait()
        return all(outcome.agrees for outcome in outcomes)
    finally:
        if town is not None:
            await town.stop()
        if client is not None:
            client.close()


def _town(server: "OwnServer", client: Client) -> "Town":
    from cli.simulator.neighbourhood import build
    from cli.simulator.town import Settings, Town

    settings = Settings(server.cwmp_url, server.enrol_username, server.enrol_password)
    return Town(build(datetime.now(UTC)), settings, client, output.print_note)


async def _play(town: "Town", client: Client, progress: output.Progress) -> list[Outcome]:
    """Let the CPEs inform, break things, hand in the tickets, and return what came of them."""
    from cli.simulator.faults import casting

    progress.update(_("Waiting for the first Informs of {count} CPEs").format(count=len(town.cpes)))
    await _in_time(town.informed(), INFORM_S, _("Not every CPE could hold a session: {why}"), town)
    progress.update(_("Reading the trees of {count} CPEs").format(count=len(town.cpes)))
    await asyncio.to_thread(_read_trees, client, [str(cpe.key) for cpe in town.cpes.values()])
    cast = casting(town.state)
    progress.update(_("Breaking things"))
    await town.strike(cast)
    await asyncio.sleep(2.0)
    progress.update(_("Handing in {count} tickets").format(count=len(cast)))
    tickets = await asyncio.to_thread(_hand_in, client, cast)
    progress.update(_("Waiting for the verdicts"))
    return await asyncio.to_thread(_collect, client, cast, tickets)


async def _in_time(work: Any, limit_s: float, text: str, town: "Town") -> None:
    try:
        async with asyncio.timeout(limit_s):
            await work
    except TimeoutError as error:
        silent = [f"{cpe.key} ({cpe.last_error or '-'})" for cpe in town.cpes.values() if not cpe.sessions]
        raise CliError(text.format(why=", ".join(silent[:5])), ExitStatus.TIMEOUT) from error


def _read_trees(client: Client, keys: list[str]) -> None:
    body = {"kind": "refresh", "arguments": {}, "deadline_s": TREES_S, "reason": "demo"}
    waiting = {client.post(f"/devices/{segment(key)}/operations", body)["id"]: key for key in keys}
    deadline = time.monotonic() + TREES_S
    while waiting:
        for operation_id, key in list(waiting.items()):
            found = client.get(f"/operations/{operation_id}")
            if found.get("state") == "succeeded":
                del waiting[operation_id]
            elif found.get("state") in ("failed", "expired", "cancelled") or time.monotonic() > deadline:
                text = _("The tree of {device} could not be read: {state} {detail}")
                detail = found.get("detail") or found.get("fault_string") or ""
                raise CliError(text.format(device=key, state=found.get("state"), detail=detail))
        time.sleep(LOOK_S)


def _hand_in(client: Client, cast: "list[tuple[Fault, Home]]") -> list[str]:
    tickets = [f"TT-{1001 + number}" for number in range(len(cast))]
    for ticket, (fault, home) in zip(tickets, cast, strict=True):
        client.post("/tickets/events", ticket_event(ticket, fault, home, datetime.now(UTC)))
    return tickets


def ticket_event(ticket: str, fault: "Fault", home: "Home", now: datetime) -> dict[str, object]:
    """Return the TMF621 event that a ticket system sends for a complaint."""
    at = now.isoformat(timespec="seconds")
    suffix = "IPTV" if fault.service == "iptv" else "INET"
    trouble: dict[str, object] = {
        "id": ticket,
        "href": f"/tmf-api/troubleTicket/v4/troubleTicket/{ticket}",
        "creationDate": at,
        "name": _(fault.complaint),
        "description": _(fault.complaint),
        "severity": "Major",
        "priority": "High",
        "ticketType": "incident",
        "status": "acknowledged",
        "relatedEntity": [
            {"id": home.line, "role": "line", "@referredType": "Line"},
            {"id": f"SVC-{home.line}-{suffix}", "role": "affectedService", "@referredType": "Service"},
        ],
    }
    if fault.said:
        trouble["troubleTicketCharacteristic"] = [{"name": name, "value": value} for name, value in fault.said.items()]
    return {
        "eventId": str(uuid.uuid4()),
        "eventTime": at,
        "eventType": "TroubleTicketCreateEvent",
        "domain": "troubleTicket",
        "title": "new ticket",
        "event": {"troubleTicket": trouble},
    }


def _collect(client: Client, cast: "list[tuple[Fault, Home]]", tickets: list[str]) -> list[Outcome]:
    deadline = time.monotonic() + VERDICTS_S
    outcomes = []
    for ticket, (fault, home) in zip(tickets, cast, strict=True):
        test = _test_of(client, ticket, home.line, deadline)
        expected = {
            "verdict": fault.expected.verdict,
            "cause": fault.expected.cause,
            "location": fault.expected.location,
        }
        outcomes.append(Outcome(ticket, home.line, _(fault.title), _(fault.complaint), expected, test))
    return outcomes


def _test_of(client: Client, ticket: str, line: str, deadline: float) -> dict[str, Any]:
    """Return the finished line test of a ticket; what there is of it when the time is over."""
    while True:
        found = client.get("/line-tests", ticket=ticket, line=line)
        tests = output.items(found)
        if tests and tests[0].get("state") != "running":
            test: dict[str, Any] = client.get(f"/line-tests/{tests[0]['id']}")
            return test
        if time.monotonic() > deadline:
            return dict(tests[0]) if tests else {}
        time.sleep(LOOK_S)


def _report(outcomes: list[Outcome], server: "OwnServer", as_json: bool, keep: bool, took_s: float) -> None:
    if as_json:
        output.print_json(_document(outcomes, server if keep else None, took_s))
        return
    for outcome in outcomes:
        title = f"{outcome.ticket}  {outcome.line}  {outcome.fault}"
        lines = [f"«{outcome.complaint}»", *card(outcome.verdict, outcome.test)]
        output.print_card(title, lines, style=style(outcome.verdict))
    rows = [
        [
            outcome.ticket,
            outcome.fault,
            _words(outcome.expected),
            _words(outcome.verdict),
            _("yes") if outcome.agrees else _("NO"),
        ]
        for outcome in outcomes
    ]
    output.print_line()
    output.print_table([_("ticket"), _("what happened"), _("expected"), _("given"), _("agree")], rows)
    right = sum(outcome.agrees for outcome in outcomes)
    text = _("{right} of {all} verdicts are right, after {seconds} s.")
    output.print_line(text.format(right=right, all=len(outcomes), seconds=round(took_s)))
    if keep:
        how_to_look(server, outcomes[-1].line)


def _document(outcomes: list[Outcome], server: "OwnServer | None", took_s: float) -> dict[str, object]:
    document: dict[str, object] = {
        "agree": all(outcome.agrees for outcome in outcomes),
        "seconds": round(took_s, 1),
        "tickets": [
            {
                "ticket": outcome.ticket,
                "line": outcome.line,
                "fault": outcome.fault,
                "complaint": outcome.complaint,
                "expected": dict(outcome.expected),
                "agrees": outcome.agrees,
                "verdict": dict(outcome.verdict),
            }
            for outcome in outcomes
        ],
    }
    if server is not None:
        document["server"] = {
            "url": server.url,
            "cwmp_url": server.cwmp_url,
            "token_file": str(server.token_file),
            "config": str(server.config_file),
            "log": str(server.log_file),
            "pid": server.pid,
        }
    return document


def _words(verdict: Mapping[str, Any]) -> str:
    return " ".join(str(verdict.get(name, "-")) for name in ("verdict", "cause", "location"))


def program_name() -> str:
    """Return how this command is called from a terminal: by its place where PATH does not know it."""
    return "secondline" if shutil.which("secondline") else sys.argv[0]


def how_to_look(server: "OwnServer", healthy: str) -> None:
    """Print commands that can be tried as they stand; `healthy`: a line whose device answers."""
    options = f"--url {server.url} --token-file {server.token_file}"
    program = program_name()
    with connect(server.url, server.token_file) as client:
        device = client.get(f"/lines/{segment(healthy)}")["devices"][0]["key"]
    output.print_line()
    output.print_line(_("Everything goes on running until Ctrl-C. Try, in another terminal:"))
    for command in (
        f"{program} line check {healthy} {options}",
        f"{program} line list {options}",
        f"{program} device list {options}",
        f"{program} device reboot {device} --wait {options}",
        f'curl -H "Authorization: Bearer $(cat {server.token_file})" {server.url}/api/v1/lines/{healthy}',
    ):
        output.print_line(f"  {command}")
    output.print_line(
        _("API: {url}/docs   token: {token}   log: {log}").format(
            url=server.url, token=server.token_file, log=server.log_file
        )
    )
