"""The table of northbound capabilities: every call and every command that it names exists, and the page is fresh."""

import click

from cli.main import cli
from tests.docs.scripts import DOCS, script
from tests.routed_api import described

TABLE = script("tr131.py")


def test_every_call_exists() -> None:
    paths = described()["paths"]
    for what, calls, _commands, _word in TABLE.ROWS:
        assert calls, what
        for call in calls:
            method, path = call.split()
            assert method.lower() in paths.get(f"/api/v1{path}", {}), f"{what}: there is no {call}"


def test_every_command_exists() -> None:
    for what, _calls, commands, _word in TABLE.ROWS:
        for line in commands:
            command: click.Command | None = cli
            for word in line.split():
                assert isinstance(command, click.Group), line
                command = command.get_command(click.Context(command), word)
                assert command is not None, f"{what}: there is no command {line}"


def test_the_page_is_the_one_of_the_table() -> None:
    assert (DOCS / "tr-131.md").read_text(encoding="utf-8") == TABLE.text(), "run: python docs/tr131.py"
    assert len(TABLE.ROWS) == 22
