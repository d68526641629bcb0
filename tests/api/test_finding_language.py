"""What is wrong with a file is told in the language of who asks: by commands without a server, and by the API."""

from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from acs.services.translation import texts, translated
from cli import texts as chosen
from cli.linetest import linetest
from cli.pack import pack
from cli.provision import provision
from tests.api.test_error_language import CYRILLIC, EVERY, places
from tests.finding_texts import found

BOOK = texts("ru")
FINDINGS = BOOK["findings"]
HEAD = '[pack]\nid = "site"\nversion = "1"\nowner = "me"\nextends = "default"\n'
WRONG = HEAD + (
    '[facts."ont.rx_dbm"]\nunit = "mW"\n'
    '[cause.cpe_memory]\ntraits = []\nevidence = [{ fact = "cpe.mem_free_pct", op = "lt", value = 10, yes = 3 }]\n'
)


def test_every_finding_is_translated_and_no_other() -> None:
    wanted = set(found())
    assert len(wanted) > 70
    assert not wanted - set(FINDINGS), "write their Russian into acs/api/findings.ru.toml"
    assert not set(FINDINGS) - wanted, "the code does not say this any more: remove it"
    assert not set(FINDINGS) & {*EVERY, *BOOK["details"]}, "another file has it already"


def test_translations_are_russian_and_keep_the_places_and_the_advice() -> None:
    for text, said in FINDINGS.items():
        assert places(said) == places(text), text
        assert CYRILLIC.search(said), text
        assert text.count("; ") == said.count("; "), f"{text}: what to do is lost"


@pytest.mark.parametrize("place", ["", "site/causes.toml:12: "])
@pytest.mark.parametrize("text", sorted(FINDINGS))
def test_a_finding_is_found_by_its_words_wherever_it_is(text: str, place: str) -> None:
    shown, wanted = text, FINDINGS[text]
    for n in range(10):
        shown, wanted = shown.replace(f"{{{n}}}", f"v-{n}"), wanted.replace(f"{{{n}}}", f"v-{n}")
    assert translated(place + shown, "ru") == place + wanted
    assert translated(place + shown, "en") == place + shown


@pytest.fixture
def russian() -> object:
    chosen.choose("ru")
    yield
    chosen.choose("en")


@pytest.mark.usefixtures("russian")
def test_the_linter_of_packs_speaks_russian(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(WRONG, encoding="utf-8")
    said = CliRunner().invoke(pack, ["lint", str(path)]).output.splitlines()
    assert f"{path}:6: facts.ont.rx_dbm.unit: единица ont.rx_dbm — dBm, а не mW; исправьте единицу" in said
    assert any(line.startswith(f"{path}:8: cause.cpe_memory: все её строки вместе дают +3 дБ") for line in said)
    assert all(CYRILLIC.search(line) for line in said)
    path.write_text(HEAD + "[cause.cpe_memory]\nverdict = 7\nqueu = 'x'\n", encoding="utf-8")
    said = CliRunner().invoke(pack, ["lint", str(path)]).output.splitlines()
    assert f"{path}:6: cause.cpe_memory.queu: такого поля нет; {FINDINGS[_KEEP]}" in said
    path.write_text("nonsense", encoding="utf-8")
    refused = CliRunner().invoke(linetest, ["judge", "--pack", str(path), "-"], input="{}")
    assert refused.exit_code != 0 and "исправьте это место" in refused.output


_KEEP = "correct the key, or remove it to keep the packaged value"


@pytest.mark.usefixtures("russian")
def test_the_linter_of_provisioning_rules_speaks_russian(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text('[[rule]]\nid = "a"\nmatch = {}\n', encoding="utf-8")
    refused = CliRunner().invoke(provision, ["lint", str(path)])
    assert "правило ничего не требует" in refused.output
    path.write_text(
        '[[rule]]\nid = "a"\nenabled = false\nmatch = {}\n[rule.values]\n"Device.X.Y" = "1"\n', encoding="utf-8"
    )
    told = CliRunner().invoke(provision, ["lint", str(path)])
    assert "a: правило выключено и ничего не делает" in told.output


async def test_the_api_says_what_is_wrong_with_a_pack_in_the_language_of_who_asks(client: httpx.AsyncClient) -> None:
    body = {"files": {"site.toml": WRONG}, "cases": {}}
    answer = await client.post("/packs", json=body, headers={"Accept-Language": "ru"})
    assert answer.status_code == 422
    assert "единица ont.rx_dbm — dBm, а не mW; исправьте единицу" in answer.json()["detail"]
