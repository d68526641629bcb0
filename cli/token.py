"""`secondline token`: API tokens, on the server's own store."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_written
from cli.local import config_option, load_config, plain, with_store
from cli.options import json_option
from cli.serve import write_secret
from cli.texts import _

if TYPE_CHECKING:
    from acs.services.access import CreatedToken
    from acs.store.records import TokenRecord
    from acs.store.store import Store

SCOPES = (
    "read", "operate", "write", "tickets", "admin", "test", "campaigns", "override", "outages", "inventory", "context",
    "packs", "files", "secrets", "approve", "propose", "freeze", "audit", "people", "reports", "self_check",
)  # fmt: skip

#: bytes that are kept free for a token before there is one
SECRET_ROOM = 64


@click.group(help=_("API tokens: who may use the server."))
def token() -> None:
    """Group of the token commands."""


@token.command("create", help=_("Make a token and print it; it is shown only now."))
@click.argument("name")
@click.option("--scope", "scopes", type=click.Choice(SCOPES), multiple=True, help=_("For all lines; may be repeated."))
@click.option("--role", "roles", multiple=True, help=_("A role, for the lines of --group; may be repeated."))
@click.option(
    "--group", "groups", multiple=True, help=_("region:NAME, operator:NAME, tag:NAME or unbound; may be repeated.")
)
@click.option("--days", type=click.IntRange(1, 3650), help=_("Days until it expires; else rights.token_days."))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help=_("Write it to a new file that only you may read, instead of printing it."),
)
@config_option
@json_option
def create(
    name: str,
    scopes: tuple[str, ...],
    roles: tuple[str, ...],
    groups: tuple[str, ...],
    days: int | None,
    out: Path | None,
    config_file: Path,
    as_json: bool,
) -> None:
    """Make a token."""
    from acs.services.access import Access
    from acs.services.actor import local_actor
    from acs.store.records import GrantRecord

    if groups and not roles:
        raise CliError(_("--group says for which lines a --role is; name the role."), ExitStatus.USAGE)
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    rights, grants = load_config(config_file).rights, [GrantRecord(role, groups) for role in roles]

    async def work(store: "Store") -> "CreatedToken":
        return await Access(store, rights).create(local_actor(), name, scopes, expires_at, grants=grants)

    with _reserved(out) as keep:
        made = with_store(config_file, work)
        keep(made.secret)
    if as_json:
        output.print_json(_view(made.record) | ({} if out is not None else {"token": made.secret}))
    elif out is not None:
        output.print_line(_("Written: {path}").format(path=out))
    else:
        output.print_line(made.secret)


@contextmanager
def _reserved(out: Path | None) -> Iterator[Callable[[str], object]]:
    """Make the new file before the token, which nobody could read without it; give what puts the token there.

    Raises:
        CliError: it cannot be written; then there is no file, and no token yet.
    """
    if out is None:
        yield str
        return
    try:
        write_secret(out, " " * SECRET_ROOM)
    except OSError as error:
        raise not_written(out, error) from error
    try:
        with out.open("r+", encoding="utf-8") as stream:
            yield lambda secret: stream.truncate(stream.write(secret + "\n"))
    except BaseException:
        out.unlink(missing_ok=True)
        raise


@token.command("list", help=_("List tokens, revoked and expired ones too."))
@config_option
@json_option
def list_tokens(config_file: Path, as_json: bool) -> None:
    """List tokens."""
    from acs.services.access import Access, shown_grant
    from acs.services.actor import local_actor

    records = with_store(config_file, lambda store: Access(store).list(local_actor()))
    if as_json:
        output.print_json([_view(record) for record in records])
        return
    columns = [_("id"), _("name"), _("scopes and roles"), _("created"), _("expires"), _("revoked"), _("last used")]
    rows = [
        [
            record.id,
            record.name,
            " ".join([*record.scopes, *map(shown_grant, record.grants)]),
            *(
                output.instant(plain(at))
                for at in (record.created_at, record.expires_at, record.revoked_at, record.last_used_at)
            ),
        ]
        for record in records
    ]
    output.print_table(columns, rows)


@token.command(help=_("End a token for good."))
@click.argument("token_id")
@config_option
@json_option
def revoke(token_id: str, config_file: Path, as_json: bool) -> None:
    """Revoke a token."""
    from acs.services.access import Access
    from acs.services.actor import local_actor

    async def work(store: "Store") -> None:
        await Access(store).revoke(local_actor(), token_id)

    with_store(config_file, work)
    if as_json:
        output.print_json({"id": token_id, "revoked": True})
    else:
        output.print_line(_("Token {id} is revoked.").format(id=token_id))


def _view(record: "TokenRecord") -> dict[str, Any]:
    names = ("id", "name", "scopes", "created_at", "created_by", "expires_at", "revoked_at", "last_used_at")
    from acs.services.access import shown_grant

    shown = {name: plain(getattr(record, name)) for name in names}
    return shown | {"grants": [shown_grant(each) for each in record.grants], "person": record.person}
