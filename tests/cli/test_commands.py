"""The command line without a server: help, lazy loading, exit codes, and what it says to broken input."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli.client import Client
from cli.device import ELSEWHERE, parse_assignment
from cli.errors import CliError
from cli.exit_status import ExitStatus, for_verdict
from cli.main import COMMANDS
from cli.own_server import clean_environment
from cli.ports import free_port
from probes.linetest.model import VerdictKind
from tests.cli.conftest import run

HEAVY = ("rich", "httpx", "acs", "probes", "sqlalchemy", "twisted", "lxml", "pydantic", "fastapi", "asyncio")


def test_help_loads_only_click() -> None:
    code = "import sys; from cli.main import cli\ntry: cli(['--help'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.split(".")[0] for name in out.splitlines()[-1].split()}
    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_showing_a_device_loads_no_library_but_click() -> None:
    """Of 0.48 s of CPU that the card took, 0.3 s were imports."""
    code = "import sys; import cli.device; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.split(".")[0] for name in out.split()}
    assert not loaded & (set(HEAVY) - {"probes"})


@pytest.mark.parametrize("name", list(ELSEWHERE))
def test_every_command_of_devices_is_where_the_table_says(name: str) -> None:
    assert run("device", name, "--help").stdout.startswith(f"Usage: secondline device {name}")


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_the_help_is_in_the_chosen_language() -> None:
    out = run("--lang", "ru", "--help").stdout
    assert "Абонентские линии" in out


def test_every_verdict_has_an_exit_code_of_its_own() -> None:
    codes = [for_verdict(kind.value) for kind in VerdictKind]
    assert len(set(codes)) == len(codes) == 10
    assert min(codes) >= 20
    assert for_verdict("NONSENSE") is ExitStatus.FAILURE


@pytest.mark.parametrize(
    "words",
    [["nothing"], ["line"], ["line", "list", "--limit", "0"], ["device", "reboot"], ["token", "create", "x"]],
)
def test_a_broken_command_line_is_a_usage_error(words: list[str]) -> None:
    assert run(*words).exit_code == ExitStatus.USAGE


def one_line(words: list[str], status: ExitStatus) -> str:
    result = run(*words)
    assert result.exit_code == status, result.stderr
    assert result.stderr.startswith("secondline: ")
    assert "Traceback" not in result.stderr
    return result.stderr


def test_no_server_says_how_to_start_one() -> None:
    port = free_port()
    text = one_line(["line", "list", "--url", f"http://127.0.0.1:{port}"], ExitStatus.UNREACHABLE)
    assert "secondline serve" in text


def test_a_wrong_address_is_said() -> None:
    assert "http://" in one_line(["line", "list", "--url", "localhost:8080"], ExitStatus.USAGE)


def test_a_missing_token_file_is_said(tmp_path: Path) -> None:
    text = one_line(["line", "list", "--token-file", str(tmp_path / "none")], ExitStatus.USAGE)
    assert "none" in text


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff\xfe"])
def test_a_token_file_must_hold_one_token(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    assert str(path) in one_line(["line", "list", "--token-file", str(path)], ExitStatus.USAGE)


def test_a_broken_client_toml_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secondline").mkdir()
    (tmp_path / "secondline" / "client.toml").write_text("url = ")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "client.toml" in one_line(["line", "list"], ExitStatus.USAGE)


def test_client_toml_says_where_the_server_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secondline").mkdir()
    port = free_port()
    (tmp_path / "secondline" / "client.toml").write_text(f'url = "http://127.0.0.1:{port}"')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert str(port) in one_line(["line", "list"], ExitStatus.UNREACHABLE)


def test_a_file_that_is_not_there_or_not_utf_8_is_said(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    assert str(path) in one_line(["line", "import", str(path)], ExitStatus.USAGE)
    path.write_bytes(b"id,technology\nL1,\xd6\n")
    text = one_line(["line", "import", str(path)], ExitStatus.USAGE)
    assert "line 2" in text and "0xD6" in text
    assert "CSV UTF-8" in text and "iconv -f cp1251 -t utf-8" in text


def test_a_broken_configuration_names_the_key(tmp_path: Path) -> None:
    path = tmp_path / "secondline.toml"
    path.write_text("[api]\nprot = 8080\n")
    text = one_line(["serve", "--config", str(path)], ExitStatus.USAGE)
    assert "api.prot" in text
    path.write_text("[api\n")
    assert str(path) in one_line(["db", "upgrade", "--config", str(path)], ExitStatus.USAGE)
    assert "serve --init" in one_line(["token", "list", "--config", str(tmp_path / "no.toml")], ExitStatus.USAGE)


def test_a_first_configuration_has_no_default_password(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    result = run("serve", "--init", str(folder))
    assert result.exit_code == 0, result.stderr
    secrets = [(folder / name).read_text() for name in ("enrol.password", "vault.key")]
    assert all(len(secret.strip()) > 20 for secret in secrets)
    for name in ("enrol.password", "vault.key"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    other = tmp_path / "two"
    run("serve", "--init", str(other))
    assert secrets[0] != (other / "enrol.password").read_text()
    again = run("serve", "--init", str(folder))
    assert again.exit_code == ExitStatus.CONFLICT
    config = str(folder / "secondline.toml")
    token = folder / "token"
    made = run("token", "create", "me", "--scope", "admin", "--config", config, "--out", str(token))
    assert made.exit_code == 0, made.stderr
    assert token.read_text().startswith("sl_")
    upgraded = run("db", "upgrade", "--config", config, "--json")
    assert upgraded.exit_code == 0 and json.loads(upgraded.stdout)["revision"]


@pytest.mark.parametrize("words", [["--fault", "flood:L0001"], ["--fault", "power-off:X"], ["--fault", "power-off"]])
def test_simulate_names_the_faults_and_lines_there_are(tmp_path: Path, words: list[str]) -> None:
    password = tmp_path / "password"
    password.write_text("secret")
    text = one_line(["simulate", "--password-file", str(password), "--no-feed", *words], ExitStatus.USAGE)
    assert "power-off" in text or "L0001" in text


@pytest.mark.parametrize("fault", ["weak-wifi:L0020", "memory:L0020", "hung-stb:L0001"])
def test_a_fault_that_nothing_in_the_home_would_show_is_refused(tmp_path: Path, fault: str) -> None:
    password = tmp_path / "password"
    password.write_text("secret")
    words = ["simulate", "--password-file", str(password), "--no-feed", "--fault", fault]
    text = one_line(words, ExitStatus.USAGE)
    assert "no device that would show" in text and "L0131" in text


def test_assignments() -> None:
    assert parse_assignment("Device.A.B=x=y") == ("Device.A.B", "x=y")
    assert parse_assignment("Device.A.B=5:xsd:unsignedInt") == ("Device.A.B", {"value": "5", "type": "xsd:unsignedInt"})
    assert parse_assignment("Device.A.B=") == ("Device.A.B", "")
    with pytest.raises(CliError):
        parse_assignment("Device.A.B")


def test_the_server_of_the_demo_gets_a_clean_environment() -> None:
    dirty = {"PATH": "/bin", "http_proxy": "x", "SECONDLINE_CONFIG": "y", "PYTHONSTARTUP": "z", "HOME": "/h"}
    kept = clean_environment(dirty)
    assert not {"http_proxy", "SECONDLINE_CONFIG", "PYTHONSTARTUP"} & set(kept)
    assert kept["PATH"] == "/bin"


def test_a_proxy_of_the_shell_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Client(f"http://127.0.0.1:{free_port()}", None) as client, pytest.raises(CliError) as error:
        client.get("/health")
    assert ":9" not in error.value.message


def test_a_closed_pipe_is_no_traceback() -> None:
    command = f"{sys.executable} -m cli.main --help | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=os.environ, check=True)
    assert "Traceback" not in done.stderr


def test_modules_are_imported_without_a_search_for_garbage() -> None:
    code = (
        "import gc, sys; from cli.serve import importing\n"
        "with importing():\n    assert not gc.isenabled()\n    import json.tool\n"
        "assert gc.isenabled()"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_terminal_without_our_letters_still_gets_its_verdict(as_json: list[str]) -> None:
    case = '{"technology": "pon", "facts": {"account.state": "blocked"}}'
    command = [sys.executable, "-m", "cli.main", "--lang", "ru", "linetest", "judge", "-", *as_json]
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, input=case.encode(), capture_output=True, env=environ, check=False, timeout=60)
    assert done.returncode == ExitStatus.VERDICT_GUIDE_CUSTOMER, done.stderr
    assert b"account_blocked" in done.stdout
    if as_json:
        assert json.loads(done.stdout)["title"]["ru"] == "Счёт заблокирован"


def test_the_server_loads_its_api_only_where_it_serves_it() -> None:
    code = "import sys, acs.app; sys.exit(bool({'fastapi', 'uvicorn', 'alembic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
