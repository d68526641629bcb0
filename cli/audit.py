"""`secondline audit`: who did what, on the server's own store: list, verify, export."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.local import config_option, load_config, plain, with_store
from cli.options import json_option
from cli.texts import _

if TYPE_CHECKING:
    from acs.services.audit_trail import AuditTrail, Verified
    from acs.store.records import AuditRecord
    from acs.store.store import Store

_INSTANT = click.DateTime(formats=["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.group(help=_("The audit trail: who did what, for which ticket, from where."))
def audit() -> None:
    """Group of the audit commands."""


@audit.command("list", help=_("List entries, the newest first."))
@click.option("--target", help=_("Only about this thing, such as device:KEY or line:ID."))
@click.option("--by", help=_("Only of this person or token."))
@click.option("--action", help=_("Only this action, or a beginning that ends with a dot."))
@click.option("--ticket", help=_("Only for this ticket."))
@click.option("--since", type=_INSTANT, help=_("Only since then, UTC."))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@config_option
@json_option
def list_entries(
    target: str | None,
    by: str | None,
    action: str | None,
    ticket: str | None,
    since: datetime | None,
    limit: int,
    config_file: Path,
    as_json: bool,
) -> None:
    """List entries."""
    from acs.services.actor import local_actor

    async def work(store: "Store") -> "list[AuditRecord]":
        return await _trail(store, config_file).list(
            local_actor(), target=target, by=by, action=action, ticket=ticket, since=_utc(since), limit=limit
        )

    found = with_store(config_file, work)
    if as_json:
        output.print_json([_view(each) for each in found])
        return
    columns = [_("id"), _("at"), _("who"), _("what"), _("about"), _("ticket")]
    rows = [
        [each.id, each.at.isoformat(timespec="seconds"), each.actor, each.action, each.target, each.ticket]
        for each in found
    ]
    output.print_table(columns, rows)
    output.print_more(len(rows), limit)


@audit.command(help=_("Compute the whole chain again; the exit code says whether the trail holds."))
@config_option
@json_option
def verify(config_file: Path, as_json: bool) -> None:
    """Verify the trail."""
    from acs.services.actor import local_actor

    async def work(store: "Store") -> "Verified":
        return await _trail(store, config_file).verify(local_actor())

    found = with_store(config_file, work)
    if as_json:
        names = ("good", "entries", "before_chain", "anchors", "problems", "last_hash")
        output.print_json({name: plain(getattr(found, name)) for name in names})
    else:
        for problem in found.problems:
            output.print_line(problem)
        text = _("{entries} entries and {anchors} anchors hold.") if found.good else _("The trail does NOT hold.")
        output.print_line(text.format(entries=found.entries, anchors=found.anchors))
    if not found.good:
        raise click.exceptions.Exit(int(ExitStatus.FAILURE))


@audit.command(help=_("Write the trail as JSON lines, the oldest first; the last line is its sealed end."))
@click.option("--since", type=_INSTANT, help=_("Only since then, UTC."))
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help=_("A new file."))
@config_option
@json_option
def export(since: datetime | None, out: Path, config_file: Path, as_json: bool) -> None:
    """Export the trail."""
    from acs.services.actor import local_actor

    if out.exists():
        raise CliError(_("{path} exists already; name a new file.").format(path=out))

    async def work(store: "Store") -> int:
        count = 0
        with out.open("x", encoding="utf-8") as stream:
            async for line in _trail(store, config_file).export(local_actor(), since=_utc(since)):
                stream.write(line)
                count += 1
        return count - 1

    count = with_store(config_file, work)
    if as_json:
        output.print_json({"file": str(out), "entries": count})
    else:
        output.print_line(_("{entries} entries are written to {path}.").format(entries=count, path=out))


def _trail(store: "Store", config_file: Path) -> "AuditTrail":
    from acs.services.audit_trail import AuditTrail
    from acs.store.vault import Vault

    config = load_config(config_file)
    key = config.store.vault_key_file
    return AuditTrail(store, Vault.from_file(key), config.audit.anchor_file or key.with_name("audit.anchors"))


def _view(record: "AuditRecord") -> dict[str, Any]:
    names = ("id", "at", "actor", "action", "target", "ticket", "detail", "hash")
    return {name: plain(getattr(record, name)) for name in names}


def _utc(at: datetime | None) -> datetime | None:
    from datetime import UTC

    return None if at is None else at.replace(tzinfo=UTC)
