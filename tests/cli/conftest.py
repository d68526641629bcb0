"""What the command line's tests share: a runner, and one demo that goes on running for all of them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import texts
from cli.client import Client
from cli.main import cli

START_S = 110.0

# help texts are translated when a command is imported: the tests read English whatever the environment says
texts.choose("en")


@dataclass(frozen=True)
class Running:
    """The demo with --keep --json."""

    document: dict[str, Any]
    process: subprocess.Popen[bytes]

    @property
    def server(self) -> dict[str, Any]:
        return self.document["server"]

    def line(self, fault: str) -> str:
        return next(ticket["line"] for ticket in self.document["tickets"] if ticket["fault"] == fault)

    def run(self, *arguments: str) -> Result:
        return run(*arguments, "--url", self.server["url"], "--token-file", self.server["token_file"])

    def json(self, *arguments: str) -> Any:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, result.output + result.stderr
        return json.loads(result.stdout)

    def device(self, line: str) -> str:
        return next(device["key"] for device in self.json("line", "show", line)["devices"])


def run(*arguments: str) -> Result:
    texts.choose("en")
    return CliRunner().invoke(cli, list(arguments), prog_name="secondline")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    texts.choose("en")
    yield
    texts.choose("en")


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("demo")
    with (folder / "out.json").open("wb") as out, (folder / "err.txt").open("wb") as err:
        dirty = {"http_proxy": "http://127.0.0.1:9", "PYTHONSTARTUP": "/nonexistent", "LANG": "xx_YY.garbage"}
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "cli.main", "demo", "--keep", "--json"],
            stdout=out,
            stderr=err,
            cwd=folder,
            env=os.environ | dirty,
            start_new_session=True,
        )
    document = _document(process, folder / "out.json", folder / "err.txt")
    running = Running(document, process)
    yield running
    server_pid, kept = running.server["pid"], Path(running.server["config"]).parent
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert not kept.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(server_pid, 0)


def _document(process: subprocess.Popen[bytes], out: Path, err: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        text = out.read_text(encoding="utf-8")
        if text.endswith("\n}\n"):
            return json.loads(text)
        if process.poll() is not None:
            pytest.fail(f"the demo ended with {process.returncode}:\n{err.read_text(encoding='utf-8')}")
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    process.wait(60)
    pytest.fail(f"the demo printed nothing in {START_S} s:\n{err.read_text(encoding='utf-8')}")


def calls_answered(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> list[tuple[str, Any]]:
    """What the commands ask of the API from now on, answered from a table: (method and path, body or query)."""
    made: list[tuple[str, Any]] = []

    def call(_client: Client, method: str, path: str, *, body: Any = None, query: Any = None, **_: Any) -> Any:
        made.append((f"{method} {path}", body or query))
        return answers[f"{method} {path}"]

    monkeypatch.setattr(Client, "_call", call)
    return made


def token_in(folder: Path) -> str:
    """A file that holds a token, as commands take one."""
    path = folder / "token"
    path.write_text("t")
    path.chmod(0o600)
    return str(path)
