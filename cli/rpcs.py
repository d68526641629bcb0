"""`secondline device …`: every RPC of TR-069: the common ones by name, all of them by `do`.

The one rule: what disturbs the subscriber or cannot be undone asks first, unless --yes is given.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.asking import confirm, finish, request, wait_options
from cli.client import connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_read
from cli.options import AnyFunction, server_options
from cli.texts import N_, _

#: kind → what it does to the subscriber; a message id
DISRUPTIVE = {
    "reboot": N_("Reboot {device}? The subscriber is cut off for a minute or two."),
    "factory_reset": N_("Reset {device} to its factory settings? All settings of the subscriber are lost."),
    "download": N_("Let {device} fetch a file? Firmware or settings restart it, and cannot be taken back."),
    "schedule_download": N_("Let {device} fetch a file later? Firmware or settings restart it then."),
    "change_du_state": N_("Change the software modules of {device}?"),
    "delete_object": N_("Delete it from {device}? It cannot be taken back."),
}


def asking(function: AnyFunction) -> AnyFunction:
    """The options of every command here, in their order."""
    function = server_options(wait_options(function))
    function = click.option("--reason", default="", help=_("Why; it is kept with the operation."))(function)
    return click.argument("key", metavar="DEVICE")(function)


def confirming(function: AnyFunction) -> AnyFunction:
    """Add --yes."""
    return click.option("--yes", is_flag=True, help=_("Do not ask first."))(function)


def ask(kind: str, arguments: dict[str, object], *, yes: bool = True, **options: Any) -> dict[str, Any]:
    """Ask for an operation with the options of `asking`, after a confirmation where it disturbs."""
    key = options["key"]
    if not yes and kind in DISRUPTIVE:
        confirm(_(DISRUPTIVE[kind]).format(device=key))
    with connect(options["url"], options["token_file"]) as client:
        return request(
            client,
            key,
            kind,
            arguments,
            options["wait"],
            options["deadline_s"],
            options["as_json"],
            reason=options["reason"],
        )


def show(ended: dict[str, Any], print_result: Callable[[dict[str, Any]], None], **options: Any) -> None:
    """Print the result of a reading that succeeded, or the end of the operation."""
    if not options["wait"] or options["as_json"] or ended.get("state") != "succeeded":
        finish(ended, options["wait"], options["as_json"])
        return
    result = ended.get("result")
    print_result(result if isinstance(result, dict) else {})


@click.command(help=_("List the names below a path, with whether each can be written."))
@asking
@click.argument("path", default="")
@click.option("--next-level", is_flag=True, help=_("Only what is directly below it."))
def names(path: str, next_level: bool, **options: Any) -> None:
    """List names."""
    ended = ask("names", {"path": path, "next_level": next_level}, **options)
    show(ended, _print_names, **options)


@click.command(help=_("Read the attributes of parameters, or set them with --notification and --access."))
@asking
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--notification", type=click.IntRange(0, 6), help=_("0 off, 1 passive, 2 active, 3 to 6 lightweight."))
@click.option("--access", help=_("Who besides the server may write, comma separated; empty for nobody."))
def attributes(paths: tuple[str, ...], notification: int | None, access: str | None, **options: Any) -> None:
    """Read or set attributes."""
    wanted: dict[str, object] = {}
    if notification is not None:
        wanted["notification"] = notification
    if access is not None:
        wanted["access_list"] = [name for name in access.split(",") if name]
    if wanted:
        ended = ask("set_attributes", {"attributes": dict.fromkeys(paths, wanted)}, **options)
        finish(ended, options["wait"], options["as_json"])
    else:
        show(ask("attributes", {"names": list(paths)}, **options), _print_attributes, **options)


@click.command(help=_("Add a row to a table, with its first values: PATH NAME=VALUE..."))
@asking
@click.argument("path")
@click.argument("assignments", metavar="NAME=VALUE...", nargs=-1)
def add(path: str, assignments: tuple[str, ...], **options: Any) -> None:
    """Add a row."""
    arguments: dict[str, object] = {"path": path}
    if assignments:
        arguments["values"] = dict(map(_assignment, assignments))
    ended = ask("add_object", arguments, **options)
    show(ended, lambda result: output.print_line(str(result.get("path"))), **options)


@click.command(help=_("Delete a row of a table and all below it."))
@asking
@click.argument("path")
@confirming
def delete(path: str, yes: bool, **options: Any) -> None:
    """Delete a row."""
    finish(ask("delete_object", {"path": path}, yes=yes, **options), options["wait"], options["as_json"])


@click.command("factory-reset", help=_("Reset the device to its factory settings."))
@asking
@confirming
def factory_reset(yes: bool, **options: Any) -> None:
    """Reset a device."""
    finish(ask("factory_reset", {}, yes=yes, **options), options["wait"], options["as_json"])


def transfer_options(function: AnyFunction) -> AnyFunction:
    """Where a file is."""
    username = click.option("--username", help=_("For the file's server."))
    password = click.option("--password-file", type=click.Path(path_type=Path), help=_("For the file's server."))
    delay = click.option("--delay", "delay_s", type=click.IntRange(0), default=0, help=_("Seconds before it begins."))
    return username(password(delay(function)))


@click.command(help=_("Let the device fetch a file: firmware, config, web or the vendor's own type, from PLACE."))
@asking
@click.argument("file_type", metavar="TYPE")
@click.argument("place", metavar="PLACE")
@click.option("--version", default="", help=_("The software version that it must then show."))
@click.option("--size", "file_size", type=click.IntRange(0), default=0, help=_("The file's size in bytes."))
@click.option("--target", "target_file_name", default="", help=_("The file's name on the device."))
@transfer_options
@confirming
def download(file_type: str, place: str, yes: bool, **options: Any) -> None:
    """Fetch a file."""
    arguments: dict[str, object] = {"file_type": file_type, "url" if "://" in place else "file": place}
    _take(arguments, options, "version", "file_size", "target_file_name")
    finish(ask("download", arguments, yes=yes, **options), options["wait"], options["as_json"])


@click.command(help=_("Let the device send a file: config, log or the vendor's own type; to our file server or a URL."))
@asking
@click.argument("file_type", metavar="TYPE")
@click.argument("place", metavar="[URL]", default="")
@transfer_options
def upload(file_type: str, place: str, **options: Any) -> None:
    """Send a file."""
    arguments: dict[str, object] = {"file_type": file_type, **({"url": place} if place else {})}
    _take(arguments, options)
    finish(ask("upload", arguments, **options), options["wait"], options["as_json"])


@click.command(help=_("List the RPCs that the device has."))
@asking
def methods(**options: Any) -> None:
    """List methods."""
    ended = ask("rpc_methods", {}, **options)
    show(ended, _print_methods, **options)


@click.command(help=_("What the device told by itself, the newest first: events, transfers, wishes."))
@click.argument("key", metavar="DEVICE")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@server_options
def history(key: str, limit: int, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show the history of a device."""
    with connect(url, token_file) as client:
        found = client.get(f"/devices/{segment(key)}/history", limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [output.instant(t.get("at")), t.get("name"), t.get("command_key"), t.get("fault_code"), t.get("operation")]
        for t in output.items(found)
    ]
    output.print_table([_("at"), _("told"), _("command key"), _("fault"), _("operation")], rows)
    output.print_more(len(rows), limit)


def _take(arguments: dict[str, object], options: dict[str, Any], *own: str) -> None:
    """Move options that were given into the arguments."""
    for name in (*own, "username", "delay_s"):
        value = options.pop(name, None)
        if value:
            arguments[name] = value
    password_file = options.pop("password_file", None)
    if password_file is not None:
        try:
            arguments["password"] = password_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise not_read(password_file, error) from error


def _assignment(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise CliError(_("{text} is no assignment; write NAME=VALUE").format(text=repr(text)), ExitStatus.USAGE)
    return name.strip(), value


def argument(text: str) -> tuple[str, object]:
    """Name and value of NAME=VALUE, the value being JSON or plain text.

    Raises:
        CliError: USAGE, it is no assignment.
    """
    name, value = _assignment(text)
    try:
        return name, json.loads(str(value))
    except ValueError:
        return name, value


def _print_methods(result: dict[str, Any]) -> None:
    for name in result.get("methods", []):
        output.print_line(str(name))


def _print_names(result: dict[str, Any]) -> None:
    for each in result.get("names", []):
        output.print_line(f"{'rw' if each.get('writable') else 'r-'}  {each.get('name')}")


def _print_attributes(result: dict[str, Any]) -> None:
    rows = [
        [name, each.get("notification"), ", ".join(each.get("access_list", []))]
        for name, each in result.get("attributes", {}).items()
    ]
    output.print_table([_("parameter"), _("notification"), _("access list")], rows)
