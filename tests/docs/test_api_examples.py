"""The examples of every page in docs/api: calls are made and answered as written, commands and settings exist.

    ```http          method and address, headers, empty line, body, empty line, status, and what the answer holds
    ```http wait     the same, asked again until the answer is as written
    ```python        run on the pages in RUN; everywhere it compiles
    ```sh            its secondline commands exist, with their options
    ```toml          read; the sections are those of the configuration, or it is a file of its own

`"…"` in an answer stands for anything. Calls of pages in ELSEWHERE are made by a test of their own.
"""

import json
import re
import shlex
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import httpx
import pytest

from cli.main import cli
from cli.own_server import OwnServer
from tests.own_server import own_server

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "api"
PAGES = sorted(path.name for path in FOLDER.glob("*.md"))
RUN = ("quickstart.md",)
#: page → the test that makes its calls, with the systems that it needs
ELSEWHERE = {
    "adapters.md": "tests/redmine/test_end_to_end.py",
    "hooks.md": "tests/api/test_hooks_page.py",
    "tmf.md": "tests/tmf/test_docs.py",
}
_BLOCK = re.compile(r"^ *```(\S+)( wait)?\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Block:
    kind: str
    wait: bool
    text: str


def blocks(page: str, kind: str) -> list[Block]:
    text = (FOLDER / page).read_text(encoding="utf-8")
    return [Block(found[1], bool(found[2]), found[3]) for found in _BLOCK.finditer(text) if found[1] == kind]


@dataclass(frozen=True)
class Call:
    method: str
    address: str
    headers: dict[str, str]
    body: str
    status: int
    expected: Any


def call_of(block: Block) -> Call:
    head, *rest = re.split(r"\n\s*\n", block.text.strip())
    first, *headers = head.splitlines()
    method, address = first.split()
    told = dict(line.split(": ", 1) for line in headers)
    status, _, answer = rest[-1].partition("\n")
    body = "\n\n".join(rest[:-1])
    return Call(method, address, told, body, int(status), json.loads(answer) if answer.strip() else None)


def holds(expected: Any, found: Any) -> bool:
    """Whether an answer is as written; objects may have more members."""
    if expected == "…":
        return found is not None
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(n in found and holds(v, found[n]) for n, v in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(expected) == len(found) and all(map(holds, expected, found))
    return bool(expected == found)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnServer]:
    with own_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def make(client: httpx.Client, block: Block) -> None:
    call = call_of(block)
    headers = {"Content-Type": "application/json", **call.headers}
    deadline = time.monotonic() + (_PATIENCE_S if block.wait else 0)
    while True:
        answer = client.request(call.method, call.address, content=call.body or None, headers=headers)
        as_written = answer.status_code == call.status and (
            call.expected is None or holds(call.expected, answer.json())
        )
        if as_written:
            return
        assert time.monotonic() < deadline, f"{call.method} {call.address}: {answer.status_code} {answer.text}"
        time.sleep(0.2)


@pytest.mark.parametrize("page", [page for page in PAGES if page not in ELSEWHERE])
def test_calls_are_answered_as_written(page: str, server: OwnServer) -> None:
    token = server.token_file.read_text(encoding="utf-8").strip()
    found = blocks(page, "http")
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=30
    ) as client:
        client.put("/api/v1/lines/L-1", json={"technology": "pon"}).raise_for_status()
        for block in found:
            make(client, block)
    programs = blocks(page, "python")
    for block in programs:
        code = compile(block.text, page, "exec")
        if page in RUN:
            exec(code, {"url": server.url, "token": token})
    assert found or programs, f"{page} shows no call: add one, or name the test that makes its calls in ELSEWHERE"


def test_the_pages_are_there() -> None:
    assert {"quickstart.md", "conventions.md", *ELSEWHERE} <= set(PAGES)
    assert len(blocks("quickstart.md", "http")) >= 5
    for test in ELSEWHERE.values():
        assert (FOLDER.parents[1] / test).is_file()


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_settings_exist(page: str) -> None:
    for block in blocks(page, "sh"):
        for line in re.sub(r"\\\n", " ", block.text).splitlines():
            if line.strip().startswith("secondline "):
                check_command(shlex.split(line, comments=True)[1:], line)
    for block in blocks(page, "toml"):
        assert tomllib.loads(block.text), page


def check_command(words: list[str], line: str) -> None:
    """Every word up to the first argument is a command, and every option one of its options."""
    command: click.Command = cli
    context = click.Context(command)
    while words and isinstance(command, click.Group):
        inner = command.get_command(context, words[0])
        assert inner is not None, f"there is no command {words[0]!r}: {line}"
        command, words = inner, words[1:]
    options = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
    for word in words:
        if word.startswith("--"):
            assert word.partition("=")[0] in options, f"there is no option {word}: {line}"
