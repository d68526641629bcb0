"""What is not documented fails here: reference pages are fresh, and prose names only what exists."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import cli
from tests.docs.scripts import DOCS, script

ROOT = Path(__file__).resolve().parents[2]
PROSE = [ROOT / "README.md", *sorted(path for path in DOCS.rglob("*.md") if path.parent.name != "reference")]


GENERATOR = script("generate.py")


@pytest.mark.parametrize("name", sorted(GENERATOR.PAGES))
def test_reference_page_is_fresh_and_leaves_nothing_undescribed(name: str) -> None:
    page = DOCS / "reference" / f"{name}.md"
    text = GENERATOR.NOTE + GENERATOR.PAGES[name]()
    assert page.exists(), f"{page} is missing; run: make docs"
    assert page.read_text(encoding="utf-8") == text, f"{page} is not fresh; run: make docs"


def test_a_key_without_a_reason_is_found() -> None:
    class Bare:
        #: said
        told: int = 1
        silent: int = 2

    texts = GENERATOR.comments(Bare)
    assert texts == {"told": "said"}
    with pytest.raises(GENERATOR.Undocumented, match="silent"):
        GENERATOR._described(texts, "silent")


def commands_in(text: str) -> Iterator[list[str]]:
    """Each `secondline …` of a text, as words up to the first option or argument."""
    for found in re.findall(r"(?:^|[`\s(])secondline((?: [a-z][a-z0-9-]*)+)", text, flags=re.MULTILINE):
        yield found.split()


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_named_in_prose_exist(path: Path) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`\n]+`", path.read_text(encoding="utf-8"), flags=re.DOTALL))
    for words in commands_in(code):
        command: click.Command | None = cli
        for word in words:
            if not isinstance(command, click.Group):
                break
            command = command.get_command(click.Context(command), word)
            assert command is not None, f"{path}: `secondline {' '.join(words)}` is not a command"


@pytest.mark.parametrize("path", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_named_in_prose_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r"`((?:acs|probes|cli|tests|docs|bench|fixtures)/[\w./-]+)`", text)
    for name in named:
        assert (ROOT / name).exists(), f"{path} names {name}, which does not exist"
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (path.parent / target).exists(), f"{path} links to {target}, which does not exist"


def test_decisions_have_numbers_of_their_own() -> None:
    numbers = [path.name[:4] for path in (DOCS / "decisions").glob("[0-9]*.md")]
    assert numbers and len(set(numbers)) == len(numbers)


def test_the_readme_begins_with_the_two_commands() -> None:
    head = (ROOT / "README.md").read_text(encoding="utf-8")[:1500]
    assert head.index("make demo") < head.index("make test")
