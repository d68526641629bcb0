"""`secondline device do`: what a second line does on a device: confirmation, steps as they happen, before and after.

The one rule: what disturbs the subscriber asks first, unless --yes is given; a failure is told in words that can be
repeated to the subscriber.
"""

import difflib
import secrets
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.asking import AFTER_DEADLINE_S, QUIET_S, confirm, finish, wait_options
from cli.client import Client, connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.operation import STATUS_OF_STATE, exit_for, follow
from cli.options import server_options
from cli.rpcs import argument, ask, confirming, show
from cli.texts import _, language
from cli.titles import titled

#: how alike a word and an action are when the action was meant; no kind of operation is as like one
_ALIKE = 0.75


@click.command(
    help=_(
        "Do something on a device: ACTION ARGUMENT=VALUE...; --list says what this model can. Any kind of operation "
        "can be named too; a value is JSON or plain text."
    )
)
@click.argument("key", metavar="DEVICE")
@click.argument("action", metavar="[ACTION]", required=False)
@click.argument("given", metavar="[ARGUMENT=VALUE]...", nargs=-1)
@click.option("--list", "listing", is_flag=True, help=_("What this model can, and why not for the others."))
@click.option("--reason", default="", help=_("Why; it is kept with the operation."))
@click.option("--ticket", default=None, help=_("The ticket that it belongs to."))
@click.option("--override", is_flag=True, help=_("Set a limit aside; it needs a reason."))
@click.option(
    "--secret-file",
    "secret_files",
    metavar="ARGUMENT=FILE",
    multiple=True,
    help=_("Take an argument, such as a password, from a file."),
)
@confirming
@wait_options
@server_options
def do(key: str, action: str | None, given: tuple[str, ...], listing: bool, **options: Any) -> None:
    """Do an action, or ask for any kind of operation."""
    with connect(options["url"], options["token_file"]) as client:
        if action is None and not listing:
            raise CliError(_("Name an action; --list shows what this model can."), ExitStatus.USAGE)
        offers = output.items(client.get(f"/devices/{segment(key)}/actions"))
        if listing or action is None:
            _print_offers(offers, options["as_json"])
            return
        offer = next((each for each in offers if each["action"] == action.replace("_", "-")), None)
        if offer is not None:
            _do(client, key, offer, given, options)
            return
        _refuse_misspelt(action, [str(each["action"]) for each in offers])
    _any_kind(key, action, given, options)


def _refuse_misspelt(action: str, names: list[str]) -> None:
    near = difflib.get_close_matches(action.replace("_", "-"), names, 1, _ALIKE)
    if near:
        text = _("There is no action {action}; did you mean {near}? --list shows what this model can.")
        raise CliError(text.format(action=action, near=near[0]), ExitStatus.USAGE)


def _any_kind(key: str, kind: str, given: tuple[str, ...], options: dict[str, Any]) -> None:
    for name in ("ticket", "override", "secret_files"):
        options.pop(name)
    yes = options.pop("yes")
    ended = ask(kind.replace("-", "_"), dict(map(argument, given)), yes=yes, key=key, **options)
    if ended.get("result"):
        show(ended, output.print_json, **options)
    else:
        finish(ended, options["wait"], options["as_json"])


def do_action(client: Client, key: str, name: str, arguments: dict[str, object], options: dict[str, Any]) -> None:
    """Do one action by its name with these arguments; `options` are those of `do`."""
    offers = output.items(client.get(f"/devices/{segment(key)}/actions"))
    offer = next(each for each in offers if each["action"] == name)
    _run(client, key, offer, arguments, options)


def _do(client: Client, key: str, offer: dict[str, Any], given: tuple[str, ...], options: dict[str, Any]) -> None:
    arguments: dict[str, object] = dict(map(argument, given))
    for each in options["secret_files"]:
        name, file = argument(each)
        arguments[name] = _secret(str(file))
    _run(client, key, offer, arguments, options)


def _run(
    client: Client, key: str, offer: dict[str, Any], arguments: dict[str, object], options: dict[str, Any]
) -> None:
    if not offer["available"] and not options["override"]:
        raise CliError(_said(offer["why_not"]), ExitStatus.CONFLICT)
    _confirm(key, offer, options["yes"])
    for name in offer["secrets"]:
        if name not in arguments:
            arguments[name] = click.prompt(_("{name} (not shown)").format(name=name), hide_input=True, err=True)
    body = {
        "arguments": arguments,
        "reason": options["reason"],
        "ticket": options["ticket"],
        "override": options["override"],
        "deadline_s": options["deadline_s"],
    }
    headers = {"idempotency-key": secrets.token_hex(16)}
    path = f"/devices/{segment(key)}/actions/{segment(offer['action'])}"
    done = client.post(path, body, headers=headers)
    if not options["wait"]:
        output.print_json(done) if options["as_json"] else _print_asked(done)
        return
    ended = _follow(client, done, options)
    if options["as_json"]:
        output.print_json({**done, "operations": ended})
    elif done.get("note"):
        output.print_line(_said(done["note"]))
    _tell(ended, offer, key, options["as_json"])


def _follow(client: Client, done: dict[str, Any], options: dict[str, Any]) -> list[dict[str, Any]]:
    """Show the steps of each operation as they happen; what follows one that failed is not waited for."""
    ended: list[dict[str, Any]] = []
    patience_s = options["deadline_s"] + AFTER_DEADLINE_S if options["deadline_s"] else QUIET_S
    for queued in done["operations"]:
        if len(done["operations"]) > 1 and not options["as_json"]:
            output.print_note(f"{queued['kind']}:")
        ended.append(follow(client, queued, timeout_s=patience_s, quiet=options["as_json"]))
        if ended[-1].get("state") != "succeeded":
            break
    return ended


def _tell(ended: list[dict[str, Any]], offer: dict[str, Any], key: str, as_json: bool) -> None:
    changes = [row for each in ended for row in _changes(each)]
    if changes and not as_json:
        rows = [[row.get("path"), row.get("before"), row.get("after")] for row in changes]
        output.print_table([_("parameter"), _("before"), _("after")], rows)
    for each in ended:
        if each.get("state") != "succeeded":
            words = each.get("words")
            if words:
                status = STATUS_OF_STATE.get(str(each.get("state")), ExitStatus.FAILURE)
                raise CliError(_said(words), status)
            exit_for(each)
    if as_json or not ended:
        return
    for each in ended:
        _print_values(each)
        if each.get("words"):
            output.print_line(_said(each["words"]))
    text = _("Done: {action} of {device}.")
    output.print_line(text.format(action=_said(offer["title"]), device=key))


def _print_values(ended: dict[str, Any]) -> None:
    result = ended.get("result")
    values = result.get("values") if isinstance(result, dict) else None
    for name, value in values.items() if isinstance(values, dict) else ():
        output.print_line(f"{name} = {value.get('value') if isinstance(value, dict) else value}")
    detail = str(ended.get("detail") or "")
    if detail and ended.get("kind") in ("restore", "backup"):
        output.print_line(detail)


def _changes(ended: dict[str, Any]) -> list[dict[str, Any]]:
    result = ended.get("result")
    return output.items(result.get("changes")) if isinstance(result, dict) else []


def _confirm(key: str, offer: dict[str, Any], yes: bool) -> None:
    if not yes and offer.get("risk"):
        text = _("{action} on {device}? {risk}")
        asked = text.format(action=_said(offer["title"]), device=key, risk=_said(offer["risk"]))
        confirm(asked)


def _print_offers(offers: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        output.print_json(offers)
        return
    rows = []
    for offer in offers:
        taken = ", ".join(offer["arguments"].get("properties", {}))
        choice = ", ".join(f"{row['number']} {row['title']}".strip() for row in offer["rows"][:8])
        why = "" if offer["available"] else _said(offer["why_not"])
        rows.append([offer["action"], offer["available"], _said(offer["title"]), taken, why or choice])
    output.print_table([_("action"), _("possible"), _("what it does"), _("takes"), _("why not, or of what")], rows)


def _print_asked(done: dict[str, Any]) -> None:
    for queued in done["operations"]:
        output.print_pairs(titled((name, queued.get(name)) for name in ("id", "kind", "state", "device")))
    if done.get("note"):
        output.print_line(_said(done["note"]))


def _said(texts: dict[str, str]) -> str:
    return texts.get(language()) or texts.get("en", "")


def _secret(file: str) -> str:
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        text = _("{file} cannot be read: {why}")
        raise CliError(text.format(file=file, why=error.strerror), ExitStatus.USAGE) from error
