"""Asking something of a device: how every command does it, and how it tells the end."""

import secrets
from typing import Any

import click

from cli import output
from cli.client import Client, segment
from cli.errors import CliError
from cli.operation import exit_for, follow, print_operation
from cli.options import AnyFunction
from cli.texts import _

#: seconds without any step after which --wait gives up: a device that nothing wakes comes by itself, hours later
QUIET_S = 600.0
#: seconds after a deadline in which the server must have told the end
AFTER_DEADLINE_S = 30.0


def wait_options(function: AnyFunction) -> AnyFunction:
    """Add --wait/--no-wait and --deadline, passed on as `wait` and `deadline_s`."""
    text = _(
        "Wait for the end. Without --deadline ten minutes in which nothing happens end the waiting, not the operation."
    )
    wait = click.option("--wait/--no-wait", default=True, show_default=True, help=text)
    deadline = click.option(
        "--deadline", "deadline_s", type=click.IntRange(1, 31 * 86400), help=_("Seconds until it expires.")
    )
    return wait(deadline(function))


def confirm(question: str) -> None:
    """Ask a person; return where the answer is yes.

    Raises:
        CliError: it is not, or nobody can answer.
    """
    try:
        said = click.confirm(question, err=True)
    except click.Abort:
        said = False
        output.print_note("")
    if not said:
        raise CliError(_("Nothing was done. Answer y, or give --yes where nobody can be asked."))


def request(
    client: Client,
    key: str,
    kind: str,
    arguments: dict[str, object],
    wait: bool,
    deadline_s: int | None,
    as_json: bool,
    *,
    reason: str = "",
) -> dict[str, Any]:
    """Ask for an operation; with `wait`, show its steps and return it when it has ended."""
    body: dict[str, object] = {"kind": kind, "arguments": arguments, "reason": reason}
    if deadline_s is not None:
        body["deadline_s"] = deadline_s
    headers = {"idempotency-key": secrets.token_hex(16)}
    queued: dict[str, Any] = client.post(f"/devices/{segment(key)}/operations", body, headers=headers)
    if not wait:
        print_operation(queued, as_json)
        return queued
    return follow(client, queued, timeout_s=deadline_s + AFTER_DEADLINE_S if deadline_s else QUIET_S, quiet=as_json)


def finish(ended: dict[str, Any], wait: bool, as_json: bool) -> None:
    """Tell the end of an operation, and end with its exit status."""
    if not wait:
        return
    if as_json:
        output.print_json(ended)
    exit_for(ended)
    if not as_json:
        output.print_line(_("Done: {kind} of {device}.").format(kind=ended.get("kind"), device=ended.get("device")))
