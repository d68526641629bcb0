"""Options that many commands share: --json, --lang, and where the server is. One rule: same name, same meaning."""

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.texts import LANGUAGES, _, choose

AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])

DEFAULT_URL = "http://127.0.0.1:8080"


def _choose_language(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value:
        choose(value)


def lang_option(function: AnyFunction) -> AnyFunction:
    """Add --lang; it takes effect by itself and is not passed on."""
    option = click.option(
        "--lang",
        type=click.Choice(LANGUAGES),
        callback=_choose_language,
        expose_value=False,
        is_eager=True,
        help=_("Language of the texts; else LC_ALL or LANG decides."),
    )
    return option(function)


def json_option(function: AnyFunction) -> AnyFunction:
    """Add --json, passed on as `as_json`, and --lang."""
    option = click.option("--json", "as_json", is_flag=True, help=_("Print one JSON document instead of text."))
    return lang_option(option(function))


def server_options(function: AnyFunction) -> AnyFunction:
    """Add --url and --token-file (passed on as `url`, `token_file`), --json and --lang."""
    url = click.option(
        "--url",
        envvar=None,
        help=_("Address of the API; else url in ~/.config/secondline/client.toml, else http://127.0.0.1:8080."),
    )
    token = click.option(
        "--token-file",
        type=click.Path(path_type=Path, dir_okay=False),
        help=_("File that holds the bearer token; else token_file in ~/.config/secondline/client.toml."),
    )
    return url(token(json_option(function)))


def same_server() -> str:
    """Return the options with which this command was told its server, for a command that it advises; empty for none."""
    context = click.get_current_context(silent=True)
    given = {} if context is None else context.params
    told = [(option, given.get(name)) for option, name in (("--url", "url"), ("--token-file", "token_file"))]
    return "".join(f" {option} {shlex.quote(str(value))}" for option, value in told if value is not None)
