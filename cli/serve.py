"""`secondline serve`: run the server, or write a first configuration."""

import gc
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_written
from cli.local import DEFAULT_CONFIG, config_option, load_config, translated
from cli.options import json_option
from cli.texts import _

#: what --init writes; everything that is not said here has its default
CONFIG_TEXT = """\
# The configuration of secondline. Every key, its unit and its default: docs/reference/configuration.md

[cwmp]
host = "127.0.0.1"                      # the CPEs' side; 0.0.0.0 lets the network in
port = 7547
enrol_username = "enrol"                # what a CPE without a credential of its own logs in with
enrol_password_file = "enrol.password"

[[cwmp.networks]]
network = "127.0.0.0/8"                 # the simulator's CPEs all have one address
connections_per_address = 2000

[files]
directory = "files"                     # firmware for CPEs, and what they send
host = "127.0.0.1"
port = 7549

[provisioning]
directory = "rules"                     # rules in TOML files; docs/provisioning.md

[connection_requests]
allowed_networks = ["127.0.0.0/8"]      # where CPEs may be called; the simulator lives on loopback

[api]
host = "127.0.0.1"                      # put TLS in front before you open it
port = 8080

[store]
url = "sqlite:///secondline.db"
vault_key_file = "vault.key"            # seals the credentials in the store; keep a copy apart from it
"""


@click.command(help=_("Run the server until SIGTERM or Ctrl-C; its log is JSON, a line an event."))
@config_option
@click.option(
    "--init",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help=_("Write a first configuration with a random enrolment password and a vault key into this folder, and end."),
)
@json_option
def serve(config_file: Path, directory: Path | None, as_json: bool) -> None:
    """Run the server."""
    if directory is not None:
        write_first_config(directory, as_json=as_json)
        return
    with importing():
        config = load_config(config_file)
        from acs.app import run
        from acs.config import Role
        from acs.errors import AcsError

        if config.server.role in (Role.API, Role.ALL):
            import acs.api.serving  # noqa: F401 - here, where nothing waits for it

    try:
        run(config_file)
    except AcsError as error:
        raise translated(error) from error
    except OSError as error:
        text = _("The server cannot start: {error}. Is another one running on the same ports?").format(error=error)
        raise CliError(text) from error


@contextmanager
def importing() -> Iterator[None]:
    """Import without looking for garbage, of which there is none: a seventh of the start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def write_first_config(directory: Path, *, as_json: bool = False) -> None:
    """Write configuration, enrolment password and vault key into a folder and say how to go on.

    Raises:
        CliError: CONFLICT when there is a configuration already: nothing is overwritten.
    """
    from acs.errors import AcsError
    from acs.store.vault import Vault
    from cli import output

    target, written = directory / DEFAULT_CONFIG, list[Path]()
    key, password = directory / "vault.key", directory / "enrol.password"
    try:
        there = next((path for path in (target, key, password) if path.exists()), None)
        if there is not None:
            text = _("{path} exists already; nothing was changed. Choose an empty folder.").format(path=there)
            raise CliError(text, ExitStatus.CONFLICT)
        (directory / "rules").mkdir(parents=True, exist_ok=True)
        write_secret(password, secrets.token_urlsafe(18))
        written.append(password)
        Vault.create(key)
        written.append(key)
        write_new(target, CONFIG_TEXT, 0o644)
    except (OSError, AcsError) as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise not_written(directory, error) from error
    if as_json:
        output.print_json(
            {"configuration": str(target), "enrol_password_file": str(password), "vault_key_file": str(key)}
        )
        return
    output.print_line(_("Written: {path}").format(path=target))
    output.print_line(_("Now run:"))
    for command in (
        f"secondline serve --config {target}",
        f"secondline token create me --scope admin --config {target} --out {directory / 'token'}",
        f"secondline simulate --token-file {directory / 'token'} --password-file {directory / 'enrol.password'}",
        f"secondline line list --token-file {directory / 'token'}",
    ):
        output.print_line(f"  {command}")


def write_secret(path: Path, secret: str) -> None:
    """Write a secret to a new file that only its owner may read; an existing file is an OSError."""
    write_new(path, secret + "\n", 0o600)


def write_new(path: Path, text: str, mode: int) -> None:
    """Write a new file, whole or not at all; one that is there already is an OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
