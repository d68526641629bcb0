"""`secondline file`: firmware and configurations for devices, and what devices sent."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_read, not_written
from cli.options import server_options
from cli.texts import _
from cli.titles import titled

#: what a person writes → TR-069's file type
TYPES = {
    "firmware": "1 Firmware Upgrade Image",
    "web": "2 Web Content",
    "config": "3 Vendor Configuration File",
    "tone": "4 Tone File",
    "ringer": "5 Ringer File",
}


@click.group(help=_("Files for devices and from devices."))
def file() -> None:
    """Group of the file commands."""


@file.command(help=_("Add a file that devices may fetch."))
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--type", "file_type", default="firmware", show_default=True, help=_("firmware, config, web, or as sent.")
)
@click.option("--version", default="", help=_("The software version that devices show when they run it."))
@click.option("--model", "models", multiple=True, help=_("PRODUCT-CLASS or OUI:PRODUCT-CLASS, * at will; repeatable."))
@click.option("--name", default=None, help=_("Another name than that of the file."))
@click.option("--note", default="", help=_("Anything worth knowing."))
@click.option("--sha256", default=None, help=_("Refuse the file when its digest is another one."))
@server_options
def add(
    path: Path,
    file_type: str,
    version: str,
    models: tuple[str, ...],
    name: str | None,
    note: str,
    sha256: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Add a file."""
    query = [("name", name or path.name), ("file_type", TYPES.get(file_type, file_type)), ("version", version)]
    query += [("note", note), *(("model", model) for model in models)]
    query += [("sha256", sha256)] if sha256 else []
    try:
        source = path.open("rb")
    except OSError as error:
        raise not_read(path, error) from error
    with source, connect(url, token_file) as client:
        added = client.send_file("/files", source, path.stat().st_size, query)
    _print(added, as_json)


@file.command("list", help=_("List files, the newest first."))
@click.option("--uploads/--own", "uploads", default=None, help=_("Only what devices sent, or only what was added."))
@click.option("--device", default=None, help=_("Only what this device sent."))
@click.option("--operation", default=None, help=_("Only what this upload brought."))
@server_options
def list_files(
    uploads: bool | None,
    device: str | None,
    operation: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """List files."""
    wanted = None if uploads is None else str(uploads).lower()
    with connect(url, token_file) as client:
        found = client.get("/files", uploads=wanted, device=device, operation=operation)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            each["id"],
            each["name"],
            each["version"],
            ", ".join(each["models"]),
            each["size_bytes"],
            each["device"],
            output.instant(each["created_at"]),
        ]
        for each in found
    ]
    columns = [_("file"), _("name"), _("version"), _("models"), _("bytes"), _("sent by"), _("added")]
    output.print_table(columns, rows)


@file.command(help=_("Show a file and who fetched it."))
@click.argument("file_id", metavar="FILE")
@server_options
def show(file_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show one file."""
    with connect(url, token_file) as client:
        found = client.get(f"/files/{segment(file_id)}")
    if as_json:
        output.print_json(found)
        return
    transfers = found.pop("transfers")
    _print(found, as_json=False)
    rows = [
        [t["device"], output.instant(t["created_at"]), output.instant(t["completed_at"]), t["sent_bytes"], t["address"]]
        for t in transfers
    ]
    if rows:
        output.print_table([_("device"), _("told"), _("fetched"), _("bytes"), _("address")], rows)


@file.command(help=_("Write the content of a file to a new one here; a configuration may hold passwords."))
@click.argument("file_id", metavar="FILE")
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@server_options
def fetch(file_id: str, target: Path, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Fetch a file."""
    try:
        sink = target.open("xb")
    except OSError as error:
        raise not_written(target, error, ExitStatus.USAGE) from error
    with sink:
        target.chmod(0o600)
        try:
            with connect(url, token_file) as client:
                size = client.fetch_file(f"/files/{segment(file_id)}/content", sink)
        except CliError:
            target.unlink()
            raise
    if as_json:
        output.print_json({"path": str(target), "size_bytes": size})
    else:
        output.print_line(_("Written: {path}").format(path=target))


@file.command(help=_("Remove a file."))
@click.argument("file_id", metavar="FILE")
@click.option("--force", is_flag=True, help=_("Even where devices were told to fetch it and have not."))
@server_options
def remove(file_id: str, force: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Remove a file."""
    with connect(url, token_file) as client:
        client.delete(f"/files/{segment(file_id)}", force="true" if force else None)
    if as_json:
        output.print_json({"removed": file_id})
    else:
        output.print_line(_("Removed: {file}").format(file=file_id))


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    output.print_pairs(titled(found.items()))
