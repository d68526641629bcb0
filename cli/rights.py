"""`secondline device secrets`, `secondline line groups`: what rights decide about, of one device or line."""

from pathlib import Path

import click

from cli import output
from cli.client import connect, segment
from cli.files import read_text
from cli.options import server_options
from cli.texts import _

_KINDS = ("pppoe", "wifi", "connection_request", "cwmp", "other")


@click.command(help=_("Show the secrets of a device; it takes its own right and leaves an audit line."))
@click.argument("key")
@click.option("--reason", required=True, help=_("Why it is needed; kept in the audit trail."))
@click.option("--kind", type=click.Choice(_KINDS), help=_("Only these; else all."))
@click.option("--ticket", help=_("The ticket that it is for."))
@server_options
def secrets(
    key: str,
    reason: str,
    kind: str | None,
    ticket: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show secrets."""
    with connect(url, token_file) as client:
        body = {"reason": reason, "kind": kind, "ticket": ticket}
        found = client.post(f"/devices/{segment(key)}/secrets", body)
    if as_json:
        output.print_json(found)
        return
    columns = [_("kind"), _("name"), _("user name"), _("secret"), _("read at")]
    rows = [[s["kind"], s["name"], s["username"], s["value"], output.instant(s["at"])] for s in output.items(found)]
    output.print_table(columns, rows)


@click.command(help=_("Show or set region, operator and tags of a line: what rights are given by."))
@click.argument("line_id")
@click.option("--region", help=_("The region; empty for none."))
@click.option("--operator", help=_("The operator; empty for none."))
@click.option("--tag", "tags", multiple=True, help=_("A tag in the place of the former ones; may be repeated."))
@server_options
def groups(
    line_id: str,
    region: str | None,
    operator: str | None,
    tags: tuple[str, ...],
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show or set groups."""
    path = f"/lines/{segment(line_id)}/groups"
    with connect(url, token_file) as client:
        known = client.get(path)
        if region is not None or operator is not None or tags:
            known = {
                "region": known["region"] if region is None else region,
                "operator": known["operator"] if operator is None else operator,
                "tags": list(tags) or known["tags"],
            }
            client.put(path, known)
    if as_json:
        output.print_json(known)
    else:
        pairs = [
            (_("region"), known["region"]),
            (_("operator"), known["operator"]),
            (_("tags"), " ".join(known["tags"])),
        ]
        output.print_pairs(pairs)


@click.command("import-groups", help=_("Import a CSV of id, region, operator, tags: all of it or nothing."))
@click.argument("csv_file", type=click.Path(path_type=Path, allow_dash=True))
@server_options
def import_groups(csv_file: Path, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Import groups."""
    text = read_text(csv_file)
    with connect(url, token_file) as client:
        found = client.post_text("/lines/groups/import", text)
    if as_json:
        output.print_json(found)
    else:
        output.print_line(_("{count} lines changed.").format(count=found["changed"]))
