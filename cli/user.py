"""`secondline user`, `secondline role`: accounts of people, on the server's own store; the first is made here."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli import output
from cli.local import config_option, load_config, plain, with_store
from cli.options import json_option
from cli.texts import _

if TYPE_CHECKING:
    from acs.services.people import People
    from acs.store.people import PersonRecord
    from acs.store.store import Store

Result = TypeVar("Result")

_ROLE = _("ROLE for all lines, or ROLE@GROUP+GROUP, such as first-line@region:north; may be repeated.")


@click.group(help=_("Accounts of people: who may sign in."))
def user() -> None:
    """Group of the account commands."""


@user.command(help=_("Make an account; the password is asked for, and never stands on the command line."))
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help=_ROLE)
@click.option("--full-name", default="", help=_("Shown beside the name."))
@click.option("--no-password", is_flag=True, help=_("For sign-in through the identity provider only."))
@click.option("--totp/--no-totp", default=None, help=_("Give it a second factor; administrators get one anyway."))
@config_option
@json_option
def add(
    name: str,
    roles: tuple[str, ...],
    full_name: str,
    no_password: bool,
    totp: bool | None,
    config_file: Path,
    as_json: bool,
) -> None:
    """Make an account."""
    from acs.services.actor import local_actor
    from acs.services.roles import parse_grant

    password = None if no_password else click.prompt(_("Password"), hide_input=True, confirmation_prompt=True)
    needed = {each.partition("@")[0] for each in roles} & set(load_config(config_file).rights.totp_roles)
    wanted = bool(needed) if totp is None else totp

    async def work(people: "People") -> dict[str, Any]:
        grants = [parse_grant(each) for each in roles]
        made = await people.add(local_actor(), name, grants, password=password, full_name=full_name)
        factor = await people.new_factor(local_actor(), name) if wanted and password is not None else None
        return _view(made) | ({} if factor is None else {"totp_key": factor.key, "totp_address": factor.address})

    made = _with_people(config_file, work)
    if as_json:
        output.print_json(made)
        return
    output.print_line(_("Account {name} is made.").format(name=name))
    _print_factor(made)


@user.command("list", help=_("List the accounts."))
@config_option
@json_option
def list_users(config_file: Path, as_json: bool) -> None:
    """List accounts."""
    from acs.services.actor import local_actor

    found = [_view(each) for each in _with_people(config_file, lambda people: people.list(local_actor()))]
    if as_json:
        output.print_json(found)
        return
    columns = [_("name"), _("full name"), _("roles"), _("second factor"), _("signed in"), _("closed")]
    rows = [
        [
            each["name"],
            each["full_name"],
            " ".join(each["grants"]),
            _("yes") if each["second_factor"] else _("no"),
            each["last_login_at"],
            each["disabled_at"] or each["locked_until"],
        ]
        for each in found
    ]
    output.print_table(columns, rows)


@user.command(help=_("Give an account other roles; its sessions end."))
@click.argument("name")
@click.option("--role", "roles", multiple=True, required=True, help=_ROLE)
@config_option
@json_option
def grant(name: str, roles: tuple[str, ...], config_file: Path, as_json: bool) -> None:
    """Give other roles."""
    from acs.services.actor import local_actor
    from acs.services.roles import parse_grant

    async def work(people: "People") -> None:
        await people.set_grants(local_actor(), name, [parse_grant(each) for each in roles])

    _with_people(config_file, work)
    _done(as_json, name, _("Account {name} has these roles now: {roles}.").format(name=name, roles=" ".join(roles)))


@user.command(help=_("Give an account a new password; its sessions end."))
@click.argument("name")
@config_option
@json_option
def passwd(name: str, config_file: Path, as_json: bool) -> None:
    """Give a new password."""
    from acs.services.actor import local_actor

    password = click.prompt(_("Password"), hide_input=True, confirmation_prompt=True)
    _with_people(config_file, lambda people: people.set_password(local_actor(), name, password))
    _done(as_json, name, _("Account {name} has a new password.").format(name=name))


@user.command(help=_("Give an account a new second factor; the former one is good no more."))
@click.argument("name")
@config_option
@json_option
def totp(name: str, config_file: Path, as_json: bool) -> None:
    """Give a new second factor."""
    from acs.services.actor import local_actor

    made = _with_people(config_file, lambda people: people.new_factor(local_actor(), name))
    shown = {"name": name, "totp_key": made.key, "totp_address": made.address}
    if as_json:
        output.print_json(shown)
    else:
        _print_factor(shown)


@user.command(help=_("Close an account for good; its sessions end."))
@click.argument("name")
@config_option
@json_option
def disable(name: str, config_file: Path, as_json: bool) -> None:
    """Close an account."""
    from acs.services.actor import local_actor

    _with_people(config_file, lambda people: people.set_disabled(local_actor(), name, disabled=True))
    _done(as_json, name, _("Account {name} is closed.").format(name=name))


@user.command(help=_("Open an account again that was closed, or that wrong passwords closed."))
@click.argument("name")
@config_option
@json_option
def enable(name: str, config_file: Path, as_json: bool) -> None:
    """Open an account."""
    from acs.services.actor import local_actor

    _with_people(config_file, lambda people: people.set_disabled(local_actor(), name, disabled=False))
    _done(as_json, name, _("Account {name} is open.").format(name=name))


@click.group(help=_("Roles: what people and tokens may do."))
def role() -> None:
    """Group of the role commands."""


@role.command("list", help=_("List the roles and their verbs."))
@config_option
@json_option
def list_roles(config_file: Path, as_json: bool) -> None:
    """List roles."""
    from acs.errors import AcsError
    from acs.services.roles import load_roles
    from cli.local import translated

    try:
        roles = load_roles(load_config(config_file).rights.roles_file).by_name
    except AcsError as error:
        raise translated(error) from error
    found = [{"name": name, "title": each.title, "verbs": sorted(each.verbs)} for name, each in roles.items()]
    if as_json:
        output.print_json(found)
    else:
        rows = [[name, " ".join(sorted(each.verbs)), each.title] for name, each in roles.items()]
        output.print_table([_("role"), _("verbs"), _("what it is for")], rows)


def _with_people(config_file: Path, work: "Callable[[People], Awaitable[Result]]") -> Result:
    from acs.services.access import Access
    from acs.services.people import People

    rights = load_config(config_file).rights

    async def run(store: "Store") -> Result:
        return await work(People(store, Access(store, rights)))

    return with_store(config_file, run)


def _view(person: "PersonRecord") -> dict[str, Any]:
    from acs.services.access import shown_grant

    names = ("name", "full_name", "created_at", "created_by", "last_login_at", "locked_until", "disabled_at")
    shown = {name: plain(getattr(person, name)) for name in names}
    return shown | {"grants": [shown_grant(each) for each in person.grants], "second_factor": person.totp is not None}


def _print_factor(shown: dict[str, Any]) -> None:
    if "totp_key" in shown:
        output.print_line(_("Second factor, shown only now; type the key into an authenticator app:"))
        output.print_pairs([(_("key"), shown["totp_key"]), (_("address"), shown["totp_address"])])


def _done(as_json: bool, name: str, text: str) -> None:
    if as_json:
        output.print_json({"name": name, "done": True})
    else:
        output.print_line(text)
