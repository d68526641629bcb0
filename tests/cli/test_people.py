"""Accounts, signing in and approvals from a terminal, over a server of its own: what works, and each refusal."""

import json
import stat
import threading
import webbrowser
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
from click.testing import CliRunner, Result

from cli import texts
from cli.exit_status import ExitStatus
from cli.local import with_store
from cli.main import cli
from cli.own_server import OwnServer
from cli.ports import free_port
from tests.oidc_provider import running_provider
from tests.store.make import opening

PASSWORD = "several words are easy"
DEVICE = "00AA11-ONT-0001"
PROTECTED = "Device.ManagementServer.URL=http://elsewhere.example/"


class Terminal:
    """A shell with a folder of its own for what it remembers."""

    def __init__(self, server: OwnServer, home: Path) -> None:
        self.server, self.home = server, home
        self.runner = CliRunner(env={"XDG_CONFIG_HOME": str(home)})

    def run(self, *words: str, typed: str = "") -> Result:
        texts.choose("en")
        return self.runner.invoke(cli, list(words), input=typed, prog_name="secondline")

    def local(self, *words: str, typed: str = "") -> Result:
        """A command on the server's own store."""
        return self.run(*words, "--config", str(self.server.config_file), typed=typed)

    def remote(self, *words: str, typed: str = "") -> Result:
        """A command that asks the server, as who is signed in."""
        return self.run(*words, "--url", self.server.url, typed=typed)

    def json(self, *words: str) -> Any:
        result = self.remote(*words, "--json")
        assert result.exit_code == 0, result.output + result.stderr
        return json.loads(result.stdout)

    def signed_in(self, name: str, code: str = "") -> "Terminal":
        result = self.remote("login", name, typed=f"{PASSWORD}\n{code}\n")
        assert result.exit_code == 0, result.output + result.stderr
        return self


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with running_provider() as address:
        yield address


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, provider: str) -> Iterator[OwnServer]:
    made = OwnServer(tmp_path_factory.mktemp("people"))
    made.prepare()
    secret = made.folder / "client-secret"
    secret.write_text("known to the provider\n")
    secret.chmod(0o600)
    oidc = f"""
[oidc]
issuer = "{provider}"
client_secret_file = "client-secret"
public_url = "{made.url}"

[[oidc.roles]]
claim = "acs-second"
role = "second-line"
"""
    made.config_file.write_text(made.config_file.read_text("utf-8") + oidc, "utf-8")
    with_store(made.config_file, lambda store: store.sessions.open(opening(datetime.now(UTC))))
    made.start()
    yield made
    made.stop()


@pytest.fixture
def terminal(server: OwnServer, tmp_path: Path) -> Terminal:
    return Terminal(server, tmp_path)


def add(terminal: Terminal, name: str, *words: str) -> Result:
    return terminal.local("user", "add", name, *words, typed=f"{PASSWORD}\n{PASSWORD}\n")


def test_an_account_is_made_shown_changed_and_closed(terminal: Terminal) -> None:
    made = add(terminal, "ann", "--role", "second-line", "--full-name", "Ann", "--json")
    assert made.exit_code == 0, made.output + made.stderr
    assert PASSWORD not in made.output
    assert json.loads(made.stdout[made.stdout.index("{") :])["grants"] == ["second-line"]
    assert "Ann" in terminal.local("user", "list").stdout
    assert terminal.local("user", "grant", "ann", "--role", "viewer@region:north").exit_code == 0
    listed = {one["name"]: one for one in json.loads(terminal.local("user", "list", "--json").stdout)}
    assert listed["ann"]["grants"] == ["viewer@region:north"]
    assert terminal.local("user", "passwd", "ann", typed="another few words\nanother few words\n").exit_code == 0
    assert terminal.remote("login", "ann", typed=f"{PASSWORD}\n\n").exit_code == ExitStatus.REFUSED
    assert terminal.remote("login", "ann", typed="another few words\n\n").exit_code == 0
    disabled = terminal.local("user", "disable", "ann", "--json")
    assert json.loads(disabled.stdout) == {"name": "ann", "done": True}
    assert terminal.remote("whoami").exit_code == ExitStatus.REFUSED, "its sessions end"
    assert terminal.remote("login", "ann", typed="another few words\n\n").exit_code == ExitStatus.REFUSED
    assert terminal.local("user", "enable", "ann").exit_code == 0
    assert terminal.remote("login", "ann", typed="another few words\n\n").exit_code == 0


REFUSED: list[tuple[tuple[str, ...], str, ExitStatus, str]] = [
    (("user", "add", "bob", "--role", "nobody"), PASSWORD, ExitStatus.USAGE, "nobody"),
    (("user", "add", "bob", "--role", "viewer@"), PASSWORD, ExitStatus.USAGE, "viewer@"),
    (("user", "add", "bob", "--role", "viewer@region:north+"), PASSWORD, ExitStatus.USAGE, "ROLE@GROUP"),
    (("user", "add", "bob"), PASSWORD, ExitStatus.USAGE, "--role"),
    (("user", "add", "bob", "--role", "viewer"), "short", ExitStatus.USAGE, "12 to 256"),
    (("user", "add", "b b\u0007", "--role", "viewer"), PASSWORD, ExitStatus.USAGE, "name"),
    (("user", "grant", "nobody", "--role", "viewer"), "", ExitStatus.NOT_FOUND, "nobody"),
    (("user", "passwd", "nobody"), PASSWORD, ExitStatus.NOT_FOUND, "nobody"),
    (("user", "totp", "nobody"), "", ExitStatus.NOT_FOUND, "nobody"),
    (("user", "disable", "nobody"), "", ExitStatus.NOT_FOUND, "nobody"),
    (("user", "enable", "nobody"), "", ExitStatus.NOT_FOUND, "nobody"),
]


@pytest.mark.parametrize("number", range(len(REFUSED)))
def test_what_is_wrong_with_an_account_is_said(terminal: Terminal, number: int) -> None:
    words, password, status, said = REFUSED[number]
    result = terminal.local(*words, typed=f"{password}\n{password}\n")
    assert result.exit_code == status, result.output + result.stderr
    assert said in result.output + result.stderr
    assert password not in result.output or not password


def test_a_name_is_given_once(terminal: Terminal) -> None:
    assert add(terminal, "carl", "--role", "viewer").exit_code == 0
    again = add(terminal, "carl", "--role", "administrator")
    assert again.exit_code == ExitStatus.CONFLICT
    assert "carl" in again.output + again.stderr


def test_signing_in_with_a_second_factor(terminal: Terminal) -> None:
    made = add(terminal, "dora", "--role", "administrator", "--json")
    key = json.loads(made.stdout[made.stdout.index("{") :])["totp_key"]
    assert terminal.remote("login", "dora", typed=f"{PASSWORD}\n\n").exit_code == ExitStatus.REFUSED
    assert terminal.remote("login", "dora", typed=f"{PASSWORD}\n000000\n").exit_code == ExitStatus.REFUSED
    signed = terminal.remote("login", "dora", "--json", typed=f"{PASSWORD}\n{pyotp.TOTP(key).now()}\n")
    assert signed.exit_code == 0, signed.output + signed.stderr
    shown = json.loads(signed.stdout[signed.stdout.index("{") :])
    kept = Path(shown["file"])
    assert shown["person"] == "dora" and "token" not in shown
    assert kept.is_relative_to(terminal.home)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text().strip() not in signed.output
    assert terminal.json("whoami")["name"] == "dora"
    assert terminal.remote("logout").exit_code == 0
    assert not kept.exists()
    assert terminal.remote("whoami").exit_code == ExitStatus.REFUSED


def test_nobody_is_told_whether_a_name_is_there(terminal: Terminal) -> None:
    assert add(terminal, "emil", "--role", "viewer").exit_code == 0
    wrong = terminal.remote("login", "emil", typed="not this password\n\n")
    unknown = terminal.remote("login", "nobody-here", typed="not this password\n\n")
    assert (wrong.exit_code, unknown.exit_code) == (ExitStatus.REFUSED, ExitStatus.REFUSED)
    assert wrong.stderr == unknown.stderr


def test_a_server_that_is_not_there_is_said(terminal: Terminal) -> None:
    result = terminal.run("login", "ann", "--url", f"http://127.0.0.1:{free_port()}", typed=f"{PASSWORD}\n\n")
    assert result.exit_code == ExitStatus.UNREACHABLE


def test_signing_in_through_the_identity_provider(
    terminal: Terminal, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpx.put(f"{provider}/users/f-1", json={"preferred_username": "frieda", "groups": ["acs-second"]}, trust_env=False)
    monkeypatch.setattr(webbrowser, "open", lambda address: _browse(address, "f-1"))
    signed = terminal.remote("login", "--sso", "--json")
    assert signed.exit_code == 0, signed.output + signed.stderr
    assert terminal.json("whoami")["name"] == "frieda"
    httpx.put(f"{provider}/users/g-1", json={"preferred_username": "gast", "groups": []}, trust_env=False)
    monkeypatch.setattr(webbrowser, "open", lambda address: _browse(address, "g-1"))
    monkeypatch.setattr("cli.login._BROWSER_S", 3.0)
    refused = terminal.remote("login", "--sso")
    assert refused.exit_code in (ExitStatus.REFUSED, ExitStatus.TIMEOUT), refused.output + refused.stderr
    assert terminal.json("whoami")["name"] == "frieda", "the session before it is still there"


def _browse(address: str, subject: str) -> bool:
    """Somebody clicks through the provider's page."""

    def click_through() -> None:
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=30) as web:
            web.post(address, data={"sub": subject})

    threading.Thread(target=click_through, daemon=True).start()
    return True


def test_two_persons(server: OwnServer, tmp_path: Path) -> None:
    hans, ida, kurt = (Terminal(server, tmp_path / name) for name in ("hans", "ida", "kurt"))
    for terminal, name, role in ((hans, "hans", "operations"), (ida, "ida", "operations"), (kurt, "kurt", "viewer")):
        assert add(terminal, name, "--role", role, "--no-totp").exit_code == 0
        terminal.signed_in(name)
    proposed = hans.remote("device", "set", DEVICE, PROTECTED, "--reason", "it moves")
    assert proposed.exit_code == ExitStatus.CONFLICT, proposed.output + proposed.stderr
    assert "another person must approve" in proposed.stderr
    [waiting] = hans.json("approval", "list")
    id_ = waiting["id"]
    assert (waiting["proposed_by"], waiting["subject"]) == ("hans", f"device:{DEVICE}")
    assert id_ in hans.remote("approval", "list").stdout
    own = hans.remote("approval", "approve", id_)
    assert own.exit_code == ExitStatus.REFUSED, own.output + own.stderr
    assert kurt.remote("approval", "approve", id_).exit_code == ExitStatus.REFUSED
    assert kurt.remote("approval", "refuse", id_).exit_code == ExitStatus.REFUSED
    for verb in ("show", "approve", "refuse"):
        assert ida.remote("approval", verb, "nothing").exit_code == ExitStatus.NOT_FOUND
    approved = ida.json("approval", "approve", id_, "--note", "known")
    assert (approved["state"], approved["decided_by"]) == ("run", "ida")
    assert ida.remote("approval", "approve", id_).exit_code == ExitStatus.CONFLICT, "once"
    assert ida.json("approval", "list") == []
    assert ida.json("approval", "show", id_)["state"] == "run"
    assert hans.remote("device", "set", DEVICE, PROTECTED, "--reason", "once more").exit_code == ExitStatus.CONFLICT
    [again] = hans.json("approval", "list")
    assert ida.json("approval", "refuse", again["id"], "--note", "no")["state"] == "refused"
    assert ida.remote("approval", "approve", again["id"]).exit_code == ExitStatus.CONFLICT


def test_nobody_asks_without_signing_in(terminal: Terminal) -> None:
    for words in (("approval", "list"), ("whoami",), ("approval", "approve", "x")):
        assert terminal.remote(*words).exit_code == ExitStatus.REFUSED
