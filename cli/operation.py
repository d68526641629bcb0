"""`secondline operation`: what is wanted on CPEs, and what became of it; also how others follow one live."""

import json
from pathlib import Path
from typing import Any

import click

from cli import output, titles
from cli.client import Client, connect, segment
from cli.connection_request import detail_of
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import same_server, server_options
from cli.texts import N_, _

STATES = ("queued", "sent", "unknown", "succeeded", "failed", "expired", "cancelled")
FINAL = ("succeeded", "failed", "expired", "cancelled")

#: Characters of a result that are shown to a person; --json shows all.
RESULT_CHARS = 4_000
#: step → what a person reads
STEPS = {
    "connection_request_sent": N_("connection request sent"),
    "connection_request_tried": N_("connection request not answered this way, another is tried"),
    "connection_request_failed": N_("connection request failed"),
    "connection_request_accepted": N_("connection request accepted"),
    "session_opened": N_("session opened"),
    "rpc_sent": N_("RPC sent"),
    "rpc_answered": N_("RPC answered"),
    "refused": N_("refused for now: asked again later"),
    "reported": N_("the device reported the end"),
    "cancel_wanted": N_("it is to be broken off"),
    "boot_seen": N_("boot seen"),
    "resent": N_("proven never to have arrived: sent again"),
    **titles.STATES,
}

STATUS_OF_STATE = {
    "succeeded": ExitStatus.OK,
    "failed": ExitStatus.FAILURE,
    "expired": ExitStatus.TIMEOUT,
    "cancelled": ExitStatus.CONFLICT,
}


@click.group(help=_("Operations on CPEs."))
def operation() -> None:
    """Group of the operation commands."""


@operation.command("list", help=_("List operations, the newest first."))
@click.option("--device", help=_("Only those of this device key."))
@click.option("--state", type=click.Choice(STATES))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@server_options
def list_operations(
    device: str | None, state: str | None, limit: int, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """List operations."""
    with connect(url, token_file) as client:
        found = client.get("/operations", device=device, state=state, limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [o["id"], output.instant(o.get("created_at")), o.get("kind"), o.get("state"), o.get("device"), o.get("detail")]
        for o in output.items(found)
    ]
    output.print_table([_("id"), _("created"), _("kind"), _("state"), _("device"), _("detail")], rows)
    output.print_more(len(rows), limit)


@operation.command(help=_("Show one operation with its steps."))
@click.argument("operation_id")
@server_options
def show(operation_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show one operation."""
    with connect(url, token_file) as client:
        found = client.get(f"/operations/{segment(operation_id)}")
    print_operation(found, as_json)


@operation.command(help=_("Take back an operation that was not sent yet, or break off a test that runs."))
@click.argument("operation_id")
@server_options
def cancel(operation_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Cancel an operation."""
    with connect(url, token_file) as client:
        found = client.post(f"/operations/{segment(operation_id)}/cancel")
    print_operation(found, as_json)
    if found.get("state") not in FINAL:
        text = _("It runs on the device; whether it is broken off shows: secondline operation show {id}")
        output.print_note(text.format(id=found.get("id")) + same_server())


def print_operation(found: dict[str, Any], as_json: bool) -> None:
    """Print one operation for a person, or as JSON."""
    if as_json:
        output.print_json(found)
        return
    names = ("id", "device", "kind", "state", "created_at", "deadline_at", "finished_at", "actor", "reason", "detail")
    output.print_pairs(titles.titled((name, found.get(name)) for name in names))
    result = found.get("result")
    if result not in (None, {}, []):
        text = json.dumps(result, ensure_ascii=False)
        shown = text if len(text) <= RESULT_CHARS else f"{text[:RESULT_CHARS]}…"
        output.print_pairs(titles.titled([("result", shown)]))
    for step in found.get("steps") or []:
        if isinstance(step, dict):
            output.print_line("  " + step_text(step))


def follow(client: Client, queued: dict[str, Any], *, timeout_s: float, quiet: bool) -> dict[str, Any]:
    """Show the steps of an operation as they happen, and return it when it has ended.

    Ctrl-C ends the waiting, not the operation, and so does a silence of `timeout_s` without a step; that is said.

    Raises:
        CliError: TIMEOUT where nothing more happened, or the server stopped telling; the operation itself goes on.
    """
    operation_id = str(queued["id"])
    until = output.instant(queued.get("deadline_at"))
    text = _("Waiting for the device, until {until} UTC at most").format(until=until) if until else ""
    try:
        with output.progress(text or _("Waiting for the device"), quiet=quiet) as progress:
            for event in client.events(f"/operations/{operation_id}/events", timeout_s=timeout_s):
                if event.name == "step":
                    progress.step(step_text(event.data))
                elif event.name == "end":
                    ended: dict[str, Any] = event.data
                    return ended
    except KeyboardInterrupt:
        text = _(
            "Operation {id} goes on without you; look with: secondline operation show {id}{server}, "
            "take it back while it is queued with: secondline operation cancel {id}{server}"
        )
        output.print_note(text.format(id=operation_id, server=same_server()))
        raise
    except CliError as error:
        if error.status is not ExitStatus.TIMEOUT:
            raise
        raise _silent(operation_id, timeout_s, until) from error
    known: dict[str, Any] = client.get(f"/operations/{operation_id}")
    if known.get("state") in FINAL:
        return known
    text = _("The server stopped telling about operation {id}; look again with: secondline operation show {id}")
    raise CliError(text.format(id=operation_id) + same_server(), ExitStatus.TIMEOUT)


def _silent(operation_id: str, timeout_s: float, until: str | None) -> CliError:
    """What is said where nothing happened for so long that nobody waits any longer."""
    text = _(
        "Nothing happened for {seconds} s, so this command waits no longer. Operation {id} goes on in the server until "
        "{until} UTC; look with: secondline operation show {id}{server}, take it back while it is queued with: "
        "secondline operation cancel {id}{server}; --deadline says how long is waited"
    )
    told = text.format(id=operation_id, seconds=round(timeout_s), until=until or "?", server=same_server())
    return CliError(told, ExitStatus.TIMEOUT)


def step_text(step: dict[str, Any]) -> str:
    """Return one step as a line: when, what, and the detail if there is one."""
    at = str(step.get("at", ""))[11:19]
    detail = f": {detail_of(str(step['detail']))}" if step.get("detail") else ""
    return f"{at}  {_(STEPS.get(str(step.get('name')), str(step.get('name'))))}{detail}"


def exit_for(found: dict[str, Any]) -> None:
    """End with the exit code of an operation's final state; nothing where it succeeded."""
    status = STATUS_OF_STATE.get(str(found.get("state")), ExitStatus.FAILURE)
    if status is not ExitStatus.OK:
        text = _("Operation {id} {state}: {detail}")
        state = _(STEPS.get(str(found.get("state")), str(found.get("state"))))
        detail = found.get("detail") or found.get("fault_string") or ""
        raise CliError(text.format(id=found.get("id"), state=state, detail=detail), status)
