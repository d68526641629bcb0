"""Roles as data: a name, what it is for, its verbs. `acs/services/roles.toml` has ours; a site's file adds to them.

The rule of this file: a role says which verbs, never on which lines; that is said where it is given (`GrantRecord`).
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from acs.errors import ConfigError, InvalidInput
from acs.services.actor import Grant, Scope
from acs.store.reach import parse_groups
from acs.store.records import GrantRecord

#: grants that one token or person may have
_GRANTS = 50


class Role(BaseModel):
    """One role of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: what it is for, shown by `secondline role list`
    title: Annotated[str, Field(max_length=200)] = ""
    #: its verbs
    verbs: frozenset[Scope]


class Roles:
    """Every role of this server."""

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self.by_name = dict(roles)

    def check(self, wanted: Sequence[GrantRecord]) -> None:
        """Refuse grants of unknown roles or with groups that are none.

        Raises:
            InvalidInput: the message names the grant.
        """
        if len(wanted) > _GRANTS:
            raise InvalidInput(f"{len(wanted)} grants; at most {_GRANTS} are given, so join groups or add a tag")
        for each in wanted:
            if each.role not in self.by_name:
                raise InvalidInput(f"there is no role {each.role[:80]!r}; the roles are {', '.join(self.by_name)}")
            parse_groups(each.groups)

    def grants(self, given: Iterable[GrantRecord]) -> tuple[Grant, ...]:
        """The verbs and lines of what was given; a role that is gone gives nothing."""
        return tuple(
            Grant(frozenset(role.verbs), parse_groups(each.groups))
            for each in given
            if (role := self.by_name.get(each.role)) is not None
        )


def load_roles(path: Path | None = None) -> Roles:
    """Our roles, and those of the operator's file.

    Raises:
        ConfigError: the file is missing or wrong; the message names the place.
    """
    packaged = _parse((files("acs.services") / "roles.toml").read_text(encoding="utf-8"), "roles.toml")
    if path is None:
        return Roles(packaged)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"rights.roles_file: {path} cannot be read: {error}") from error
    return Roles({**packaged, **_parse(text, str(path))})


def parse_grant(text: str) -> GrantRecord:
    """The grant that `role` or `role@group+group` writes, such as `second-line@region:north+tag:vip`.

    Raises:
        InvalidInput: it has no role, or an `@` or `+` with no group: what was to be limited never becomes all lines.
    """
    role, limited, rest = text.partition("@")
    groups = tuple(part.strip() for part in rest.split("+")) if limited else ()
    if not role.strip() or not all(groups):
        raise InvalidInput(f"grant {text[:80]!r}: write ROLE or ROLE@GROUP, such as first-line@region:north")
    return GrantRecord(role.strip(), groups)


def _parse(text: str, where: str) -> dict[str, Role]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}; mend that line") from error
    found: dict[str, Role] = {}
    for name, body in table.items():
        try:
            found[name] = Role.model_validate(body)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ConfigError(f"{where}: role {name}: {place}: {first['msg']}; verbs are {', '.join(Scope)}") from error
    return found
