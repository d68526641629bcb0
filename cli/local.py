"""Commands that work on the server's own configuration and store, without the API. The rule: whoever may read them.

Errors of the server's core become CliErrors here, once.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli import output
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import AnyFunction
from cli.texts import _, language

if TYPE_CHECKING:  # the imports at run time are inside: they take half a second
    from acs.config import Config
    from acs.store.store import Store

Result = TypeVar("Result")

DEFAULT_CONFIG = "secondline.toml"

_STATUS = {
    "ConfigError": ExitStatus.USAGE,
    "InvalidInput": ExitStatus.USAGE,
    "NotFound": ExitStatus.NOT_FOUND,
    "Conflict": ExitStatus.CONFLICT,
    "Forbidden": ExitStatus.REFUSED,
}


def config_option(function: AnyFunction) -> AnyFunction:
    """Add --config, passed on as `config_file`."""
    option = click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="SECONDLINE_CONFIG",
        default=DEFAULT_CONFIG,
        show_default=True,
        help=_("The server's configuration file."),
    )
    return option(function)


def load_config(path: Path) -> "Config":
    """Return the configuration.

    Raises:
        CliError: USAGE with every error of the file.
    """
    from acs.config import Config
    from acs.errors import AcsError

    if not path.exists():
        text = _("There is no configuration file {path}; make one with: secondline serve --init DIR")
        raise CliError(text.format(path=path), ExitStatus.USAGE)
    try:
        return Config.load(path)
    except AcsError as error:
        raise translated(error) from error


def with_store(config_file: Path, work: "Callable[[Store], Awaitable[Result]]", *, quiet: bool = False) -> Result:
    """Open the store that the configuration names, do the work, close it, and return what the work returned.

    A new store takes seconds: a terminal shows that something goes on, unless `quiet`.

    Raises:
        CliError: for whatever the core refuses.
    """
    from acs.errors import AcsError
    from acs.store.store import Store
    from acs.store.vault import Vault

    config = load_config(config_file)

    async def run() -> Result:
        vault = Vault.open_or_create(config.store.vault_key_file)
        store = await Store.open(config.store.url, vault=vault)
        try:
            return await work(store)
        finally:
            await store.close()

    try:
        with output.progress(_("Opening the store"), quiet=quiet or not sys.stderr.isatty()):
            return asyncio.run(run())
    except AcsError as error:
        raise translated(error) from error
    except OSError as error:
        raise CliError(str(error)) from error


def translated(error: Exception) -> CliError:
    """Return an error of the core as one of the command line, in its language."""
    from acs.services.translation import translated as in_language

    return CliError(in_language(str(error), language()), _STATUS.get(type(error).__name__, ExitStatus.FAILURE))


def plain(value: Any) -> Any:
    """Return a record's field as JSON has it: times as RFC 3339, sets and tuples as lists."""
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return list(value) if isinstance(value, (tuple, set, frozenset)) else value
