"""What a newcomer does wrong: a message that names the thing and the remedy, in his language, and nothing half-done."""

import errno
import io
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from acs.services import lines
from cli import click_texts, output
from cli.client.wire import Wire, WireFailed, WireTimeout
from cli.demo import program_name
from cli.exit_status import ExitStatus
from cli.line import place
from cli.main import asked_language, cli
from cli.ports import free_port
from cli.serve import write_new
from tests.cli.conftest import run


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """The configuration of a server that is not started."""
    assert run("serve", "--init", str(tmp_path / "s")).exit_code == 0
    return tmp_path / "s" / "secondline.toml"


def names(config: Path) -> list[str]:
    listed = run("token", "list", "--config", str(config)).stdout.splitlines()[1:]
    return [row.split()[1] for row in listed]


def create(config: Path, name: str, out: Path) -> tuple[int, str]:
    result = run("token", "create", name, "--scope", "read", "--config", str(config), "--out", str(out))
    return result.exit_code, result.stderr


def test_there_is_no_token_where_its_file_cannot_be_written(server: Path, tmp_path: Path) -> None:
    status, said = create(server, "lost", tmp_path / "nowhere" / "token")
    assert (status, names(server)) == (ExitStatus.FAILURE, [])
    assert "nowhere/token cannot be written" in said and "check the name and its folder" in said
    assert "Errno" not in said
    kept = tmp_path / "kept"
    kept.write_text("mine")
    status, said = create(server, "second", kept)
    assert (status, names(server), kept.read_text()) == (ExitStatus.FAILURE, [], "mine")
    assert "name a new one" in said


def test_there_is_no_file_where_there_is_no_token(server: Path, tmp_path: Path) -> None:
    out = tmp_path / "token"
    assert create(server, "", out)[0] == ExitStatus.USAGE
    assert not out.exists()
    assert create(server, "me", out)[0] == ExitStatus.OK
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    text = out.read_text()
    assert text == text.strip() + "\n" and names(server) == ["me"]


@pytest.mark.parametrize("fails", ["acs.store.vault.os.fsync", "cli.serve.write_new"])
def test_a_first_configuration_is_written_whole_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fails: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fails, full)
        result = run("serve", "--init", str(tmp_path / "s"))
    assert result.exit_code == ExitStatus.FAILURE
    assert "No space left" in result.stderr and "Errno" not in result.stderr
    assert [path for path in (tmp_path / "s").rglob("*") if path.is_file()] == []
    assert run("serve", "--init", str(tmp_path / "s")).exit_code == ExitStatus.OK, "nothing is in the way"


def test_a_file_that_was_begun_is_taken_away_again(tmp_path: Path) -> None:
    target = tmp_path / "new"
    with pytest.raises(UnicodeEncodeError):
        write_new(target, "\udc80", 0o600)
    assert not target.exists()


def test_a_part_that_is_not_installed_is_named_with_the_remedy() -> None:
    code = "import sys; sys.modules['rich'] = sys.modules['rich.console'] = None; from cli.main import main; main()"
    words = [sys.executable, "-c", code, "linetest", "judge", "-"]
    case = '{"technology": "pon", "facts": {"account.state": "blocked"}}'
    done = subprocess.run(words, input=case, capture_output=True, text=True, check=False)
    assert done.returncode == ExitStatus.FAILURE
    assert "The module rich" in done.stderr and "install secondline again" in done.stderr


def test_a_folder_that_is_not_ours_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o500)
    code = (
        "import os, sys, pathlib, acs.store.vault, cli.serve\n"
        "os.geteuid() or os.setuid(65534)  # root may write anywhere\n"
        "cli.serve.write_first_config(pathlib.Path(sys.argv[1]))\n"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "theirs" / "s")]
    said = subprocess.run(words, capture_output=True, text=True, check=False).stderr
    assert "cannot be written: Permission denied; ask its owner" in said


def test_no_server_is_said_in_the_words_of_the_system() -> None:
    port = free_port()
    result = run("line", "list", "--url", f"http://127.0.0.1:{port}")
    assert result.exit_code == ExitStatus.UNREACHABLE
    assert f"http://127.0.0.1:{port} (Connection refused)" in result.stderr
    with pytest.raises(WireFailed) as failed:
        Wire(f"http://127.0.0.1:{port}", {}, 5.0).request("GET", "/")
    assert not isinstance(failed.value, WireTimeout), "nothing was waited for"


def test_a_password_file_is_not_called_a_token_file(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    result = run("simulate", "--token-file", str(token), "--password-file", str(tmp_path / "gone"))
    assert result.exit_code == ExitStatus.USAGE
    assert "gone cannot be read: No such file" in result.stderr and "token file" not in result.stderr


@pytest.mark.parametrize("words", [("line", "check"), ("device", "show"), ("device", "reboot", "--yes")])
def test_an_empty_id_is_no_strange_address(words: tuple[str, ...]) -> None:
    result = run(*words, "", "--url", "http://127.0.0.1:1")
    assert result.exit_code == ExitStatus.NOT_FOUND
    assert "An empty id names nothing" in result.stderr


def test_who_cannot_be_asked_is_told_of_yes() -> None:
    result = run("device", "reboot", "A-B-C", "--url", "http://127.0.0.1:1")
    assert result.exit_code == ExitStatus.FAILURE
    assert "Nothing was done" in result.stderr and "--yes" in result.stderr


def test_every_command_has_json() -> None:
    def leaves(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
        if not isinstance(command, click.Group):
            yield words, command
            return
        for name in command.list_commands(click.Context(command)):
            inner = command.get_command(click.Context(command), name)
            assert inner is not None
            yield from leaves(inner, (*words, name))

    without = [words for words, one in leaves(cli, ()) if not any("--json" in each.opts for each in one.params)]
    assert without == []


def test_a_first_configuration_says_in_json_where_it_stands(tmp_path: Path) -> None:
    result = run("serve", "--init", str(tmp_path / "s"), "--json")
    said = json.loads(result.stdout)
    assert sorted(said) == ["configuration", "enrol_password_file", "vault_key_file"]
    assert all(Path(path).is_file() for path in said.values())


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_name_is_not_folded_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout", shown := Terminal())
    output.print_table(["id", "what"], [["8c37d2a63508f650", "a long story that is told here"]])
    output.print_table(["text", "what"], [["a very long text that names nothing at all", "x"]])
    assert "8c37d2a63508f650" in shown.getvalue()
    assert "names nothing at all" not in shown.getvalue(), "it gives room where it is too long"


def test_a_full_page_says_that_there_is_more(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_more(99, 100, "L0099")
    assert capsys.readouterr().err == ""
    output.print_more(100, 100, "L0100")
    assert capsys.readouterr().err == (
        "100 are shown; there may be more: --limit 1000, or the next page: --after L0100\n"
    )
    output.print_more(1_000, 1_000)
    assert "narrow it" in capsys.readouterr().err


def test_what_a_demo_advises_can_be_typed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", [".venv/bin/secondline"])
    monkeypatch.setenv("PATH", str(tmp_path))
    assert program_name() == ".venv/bin/secondline"
    (tmp_path / "secondline").touch(mode=0o755)
    assert program_name() == "secondline"


def test_the_help_of_every_command_is_russian() -> None:
    """In a process of its own: help is made as modules load. Brand names alone need no translation."""
    code = (
        "import click, re, sys\nfrom cli import texts\ntexts.choose('ru')\nfrom cli.main import cli\n"
        "def walk(one, words):\n"
        "    context = click.Context(one)\n"
        "    told = [one.help] if words else []\n"
        "    told += [each.help for each in one.params if getattr(each, 'help', None)]\n"
        "    print(*(f'{words} {text}' for text in told if not re.search('[а-я]', text or '')), sep='\\n')\n"
        "    for name in one.list_commands(context) if isinstance(one, click.Group) else ():\n"
        "        walk(one.get_command(context, name), [*words, name])\n"
        "walk(cli, [])"
    )
    environ = {**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=True)
    left = [line for line in done.stdout.splitlines() if line and "Remote ID" not in line]
    assert left == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("line", "import"), "Не указан аргумент 'CSV_FILE'"),
        (("line", "list", "--limit", "0"), "0 вне пределов 1<=x<=1000"),
        (("line", "check", "a", "--depth", "x"), "'x': такого нет, есть 'quick', 'normal', 'full'"),
        (("line", "check", "a", "b"), "Лишний аргумент (b)"),
        (("line", "list", "--search"), "Ключу '--search' нужно значение"),
    ],
)
def test_a_wrong_command_line_is_told_in_russian(words: tuple[str, ...], said: str) -> None:
    result = run("--lang", "ru", *words)
    assert result.exit_code == ExitStatus.USAGE
    assert said in result.stderr and "Error" not in result.stderr
    assert "Error: " in run(*words).stderr


def test_the_language_is_found_wherever_it_stands() -> None:
    assert asked_language(["line", "list", "--lang", "ru"]) == "ru"
    assert asked_language(["--lang=ru", "line"]) == "ru"
    assert asked_language([]) is None
    assert asked_language(["--lang"]) == ""


def test_the_texts_of_click_stand_in_click() -> None:
    folder = Path(click.__file__).parent
    source = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))
    for text in (*click_texts.TEXTS, *(one for pair in click_texts.PLURALS for one in pair)):
        written = text.replace("\n", "\\n").replace("\t", "\\t")
        assert f'"{written}"' in source, text


@pytest.mark.parametrize(
    ("words", "meant"), [(("lne",), "line"), (("device", "shw"), "show"), (("line", "lst"), "list")]
)
def test_a_mistyped_command_is_told_what_it_is_like(words: tuple[str, ...], meant: str) -> None:
    result = run(*words)
    assert result.exit_code == ExitStatus.USAGE
    assert f"Did you mean '{meant}'?" in result.stderr


def test_the_help_of_an_import_names_every_column() -> None:
    said = run("line", "import", "--help").stdout.replace("\n", " ")
    assert {*lines.COLUMNS, *lines.TECHNOLOGIES} <= set(re.findall(r"\w+", said))


def test_a_line_without_a_place_shows_none() -> None:
    assert place({"node": None, "port": None, "splitter": ""}) == ""
    assert place({"node": "olt-1", "port": 0}) == "olt-1/-/-/0/-/-"
