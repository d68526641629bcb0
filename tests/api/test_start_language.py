"""What keeps a server from starting is told in the language of who starts it, and without a password of the store."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.engine import make_url

from acs.services.translation import texts, translated
from acs.store.engine import shown
from acs.store.vault import Vault
from cli import texts as chosen
from cli.exit_status import ExitStatus
from cli.main import cli
from tests.api.test_error_language import CYRILLIC, EVERY, places
from tests.start_texts import OF_THE_SYSTEM, said

BOOK = texts("ru")
STARTS = BOOK["starts"]
STORE = '[store]\nurl = "{url}"\nvault_key_file = "vault.key"\n'


def test_every_fault_of_a_start_is_translated_and_no_other() -> None:
    wanted = {*said()}
    assert len(wanted) > 70
    assert not wanted - {*STARTS}, "write their Russian into acs/api/starts.ru.toml"
    assert not {*STARTS} - wanted, "the code does not say this any more: remove it"
    assert not {*STARTS} & {*EVERY, *BOOK["details"], *BOOK["findings"]}, "another file has it already"


def test_translations_are_russian_and_keep_the_places_and_the_advice() -> None:
    for text, russian in STARTS.items():
        assert places(russian) == places(text), text
        assert CYRILLIC.search(russian), text
        assert text.count("; ") == russian.count("; "), f"{text}: what to do is lost"


@pytest.mark.parametrize("text", sorted({*STARTS} - OF_THE_SYSTEM))
def test_a_fault_is_found_by_its_words_behind_its_place(text: str) -> None:
    shown_, wanted = text, STARTS[text]
    for n in range(10):
        shown_, wanted = shown_.replace(f"{{{n}}}", f"v-{n}"), wanted.replace(f"{{{n}}}", f"v-{n}")
    assert translated(shown_, "ru") == wanted
    assert translated(f"secondline.toml: cwmp.port: {shown_}", "ru") == f"secondline.toml: cwmp.port: {wanted}"


@pytest.mark.parametrize(
    ("url", "is_shown"),
    [
        ("sqlite+aiosqlite:////var/lib/secondline.db", "/var/lib/secondline.db"),
        ("sqlite:///secondline.db", "secondline.db"),
        ("postgresql+asyncpg://me:geheim@db:5433/line", "postgresql://me@db:5433/line"),
        ("postgresql://db/line?host=/run/pg&password=geheim", "postgresql://db/line?host=%2Frun%2Fpg"),
    ],
)
def test_a_store_is_shown_as_it_was_written_without_driver_and_password(url: str, is_shown: str) -> None:
    assert shown(make_url(url)) == is_shown


FAULTS = {
    "store": (
        STORE.format(url="postgresql://me:geheim@127.0.0.1:1/line"),
        "postgresql://me@127.0.0.1:1/line недоступно",
    ),
    "kind": (STORE.format(url="mysql://me:geheim@127.0.0.1/line"), "'mysql' — не хранилище"),
    "folder": (STORE.format(url="sqlite:///none/x.db"), "нет такого файла или папки"),
    "no database": (STORE.format(url="sqlite:///secondline.toml"), "secondline.toml недоступно: этот файл не база"),
    "key": ('[store]\nurl = "sqlite:///x.db"\nvault_key_file = "secondline.toml"\n', "могут читать другие"),
    "together": ('[cwmp]\nenrol_username = "x"\n', "задаются вместе; напишите оба"),
    "unknown": ("[cwmp]\nprot = 1\n", "такого ключа нет; может быть, port?"),
    "elsewhere": ("[cwmp]\nqqqqqqqq = 1\n", "здесь есть: admit"),
    "address": ('[connection_requests]\nallowed_networks = ["x"]\n', "не сеть IPv4 или IPv6; напишите сеть"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_serve_says_what_is_wrong_in_russian(tmp_path: Path, fault: str) -> None:
    text, wanted = FAULTS[fault]
    Vault.create(tmp_path / "vault.key")
    path = tmp_path / "secondline.toml"
    path.write_text(text, encoding="utf-8")
    os.chmod(path, 0o644)
    chosen.choose("ru")
    try:
        result = CliRunner().invoke(cli, ["serve", "--config", str(path)], prog_name="secondline")
    finally:
        chosen.choose("en")
    assert result.exit_code in (ExitStatus.USAGE, ExitStatus.FAILURE), result.output
    assert wanted in result.stderr, result.stderr
    assert "geheim" not in result.stderr and "aiosqlite" not in result.stderr and "asyncpg" not in result.stderr
