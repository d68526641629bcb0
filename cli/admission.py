"""`secondline device admit`, `quarantine`, `credentials`: who a CPE is, and whether it is served."""

from pathlib import Path

import click

from cli import output
from cli.client import connect, segment
from cli.operation import print_operation
from cli.options import server_options
from cli.texts import _


@click.command(help=_("Let a device out of quarantine: it is served from its next session on."))
@click.argument("key", metavar="DEVICE")
@click.option("--reason", default="", help=_("Why; it is kept."))
@server_options
def admit(key: str, reason: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Admit a device."""
    _set(key, True, reason, url, token_file, as_json)
    if not as_json:
        output.print_line(_("{device} is admitted.").format(device=key))


@click.command(help=_("Put a device into quarantine, so that it is only recorded; without DEVICE list those in it."))
@click.argument("key", metavar="[DEVICE]", required=False)
@click.option("--reason", default="", help=_("Why; it is kept."))
@server_options
def quarantine(key: str | None, reason: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Quarantine a device, or list those in quarantine."""
    if key is not None:
        _set(key, False, reason, url, token_file, as_json)
        if not as_json:
            output.print_line(_("{device} is in quarantine.").format(device=key))
        return
    with connect(url, token_file) as client:
        found = client.get("/quarantine", limit=1000)
    if as_json:
        output.print_json(found)
        return
    rows = [[q["device"], output.instant(q.get("since")), q.get("actor"), q.get("reason")] for q in output.items(found)]
    output.print_table([_("device"), _("since"), _("by"), _("why")], rows)


@click.command(help=_("Give a device a new credential of its own, or forget the one it has."))
@click.argument("key", metavar="DEVICE")
@click.option("--forget", is_flag=True, help=_("Let the shared credential in again, as after a factory reset."))
@server_options
def credentials(key: str, forget: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Renew or forget a device's own credential."""
    path = f"/devices/{segment(key)}/credentials"
    with connect(url, token_file) as client:
        if forget:
            client.delete(path)
        else:
            print_operation(client.post(path, {}), as_json)
            return
    if as_json:
        output.print_json({"device": key, "forgotten": True})
    else:
        output.print_line(_("{device} may use the shared credential again.").format(device=key))


def _set(key: str, admitted: bool, reason: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    body = {"admitted": admitted, "reason": reason}
    with connect(url, token_file) as client:
        client.put(f"/devices/{segment(key)}/admission", body)
    if as_json:
        output.print_json({"device": key, **body})
