"""The table of northbound capabilities: every call and every command that it names exists, and the page is fresh."""

import importlib.util
from pathlib import Path
from types import ModuleType

import click

from cli.main import cli
from tests.routed_api import described

FOLDER = Path(__file__).resolve().parents[2] / "docs"


def table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tr131", FOLDER / "tr131.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_call_exists() -> None:
    paths = described()["paths"]
    for what, calls, _commands, _word in table().ROWS:
        assert calls, what
        for call in calls:
            method, path = call.split()
            assert method.lower() in paths.get(f"/api/v1{path}", {}), f"{what}: there is no {call}"


def test_every_command_exists() -> None:
    for what, _calls, commands, _word in table().ROWS:
        for line in commands:
            command: click.Command | None = cli
            for word in line.split():
                assert isinstance(command, click.Group), line
                command = command.get_command(click.Context(command), word)
                assert command is not None, f"{what}: there is no command {line}"


def test_the_page_is_the_one_of_the_table() -> None:
    assert (FOLDER / "tr-131.md").read_text(encoding="utf-8") == table().text(), "run: python docs/tr131.py"
    assert len(table().ROWS) == 22
