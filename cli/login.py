"""`secondline login`, `logout`, `whoami`: a person at a terminal; the session is in a file for his eyes only."""

import hashlib
import os
import secrets
import webbrowser
from base64 import urlsafe_b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import click

from cli import output
from cli.client import Client, connect, session_path
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_written
from cli.options import server_options
from cli.texts import _

#: seconds that a person has for the identity provider's page
_BROWSER_S = 300.0


@click.command(help=_("Sign in: with name, password and code, or through the identity provider."))
@click.argument("name", required=False)
@click.option("--sso", is_flag=True, help=_("Through the identity provider, in a browser."))
@click.option("--no-browser", is_flag=True, help=_("Only print the address."))
@server_options
def login(
    name: str | None, sso: bool, no_browser: bool, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Sign in."""
    with connect(url, token_file) as client:
        anonymous = Client(client.url, None)
    with anonymous:
        session = _through_browser(anonymous, no_browser=no_browser) if sso else _with_password(anonymous, name)
        path = session_path(anonymous.url)
        _keep(path, str(session["token"]))
    shown = {"person": session["person"], "expires_at": session["expires_at"], "file": str(path)}
    if as_json:
        output.print_json(shown)
    else:
        text = _("{person} is signed in until {at}.")
        output.print_line(text.format(person=shown["person"], at=output.instant(shown["expires_at"])))


@click.command(help=_("Sign out everywhere."))
@server_options
def logout(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Sign out."""
    with connect(url, token_file) as client:
        path = session_path(client.url)
        try:
            client.delete("/sessions/me")
        finally:
            path.unlink(missing_ok=True)
    if as_json:
        output.print_json({"signed_in": False})
    else:
        output.print_line(_("Signed out."))


@click.command(help=_("Show who asks and what he may."))
@server_options
def whoami(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show who asks."""
    with connect(url, token_file) as client:
        found = client.get("/sessions/me")
    if as_json:
        output.print_json(found)
        return
    output.print_pairs(
        [
            (_("name"), found["name"]),
            (_("kind"), found["kind"]),
            (_("for all lines"), " ".join(found["scopes"])),
            (_("for some lines"), "; ".join(found["grants"])),
        ]
    )


def _with_password(client: Client, name: str | None) -> dict[str, Any]:
    name = name or click.prompt(_("Name"))
    password = click.prompt(_("Password"), hide_input=True)
    code = click.prompt(_("Code of the second factor, empty where there is none"), default="", show_default=False)
    session: dict[str, Any] = client.post("/sessions", {"name": name, "password": password, "code": code})
    return session


def _through_browser(client: Client, *, no_browser: bool) -> dict[str, Any]:
    verifier = secrets.token_urlsafe(48)
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with _Waiter() as waiter:
        begun = client.post("/sessions/oidc", {"port": waiter.server_port, "challenge": challenge})
        output.print_note(_("Open this address, and sign in there: {address}").format(address=begun["address"]))
        if not no_browser:
            webbrowser.open(begun["address"])
        code = waiter.code(_BROWSER_S)
    session: dict[str, Any] = client.post("/sessions/oidc/redeem", {"code": code, "verifier": verifier})
    return session


class _Waiter(HTTPServer):
    """Listens on this machine alone until the browser brings the code."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.found = ""

    def code(self, patience_s: float) -> str:
        """Return the code.

        Raises:
            CliError: TIMEOUT, nobody came.
        """
        self.timeout = patience_s
        self.handle_request()
        if not self.found:
            raise CliError(_("Nobody came back from the identity provider; sign in again."), ExitStatus.TIMEOUT)
        return self.found


class _Answer(BaseHTTPRequestHandler):
    """One answer to the browser."""

    def do_GET(self) -> None:
        """Take the code."""
        assert isinstance(self.server, _Waiter)
        self.server.found = parse_qs(urlsplit(self.path).query).get("code", [""])[0][:200]
        text = _("You are signed in; close this page and go back to the terminal.").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the code stands in the address."""


def _keep(path: Path, token: str) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(token + "\n")
        new.replace(path)
    except OSError as error:
        raise not_written(path, error) from error
