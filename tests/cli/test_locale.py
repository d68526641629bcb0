"""The texts: every one of the code has a Russian translation, and the compiled catalogues are those of the sources."""

import re

import pytest
from babel.messages.mofile import read_mo

from cli import texts
from tests.cli.update_locale import compiled, po_file, read, template


def test_every_text_of_the_code_is_translated() -> None:
    known = {message.id: message.string for message in read("ru") if message.id}
    missing = [message.id for message in template() if message.id and not known.get(message.id)]
    assert not missing, "run python -m tests.cli.update_locale and translate"


def test_no_catalogue_holds_a_text_that_the_code_has_not() -> None:
    wanted = {message.id for message in template()}
    for language in texts.LANGUAGES:
        assert {message.id for message in read(language)} <= wanted


@pytest.mark.parametrize("language", texts.LANGUAGES)
def test_the_compiled_catalogue_is_fresh(language: str) -> None:
    with po_file(language).with_suffix(".mo").open("rb") as stream:
        shipped = {message.id: message.string for message in read_mo(stream) if message.id}
    wanted = {message.id: message.string for message in read(language) if message.id and message.string}
    assert shipped == wanted
    assert compiled(read(language))


def test_translations_keep_the_placeholders() -> None:
    for message in read("ru"):
        if isinstance(message.id, str) and message.string:
            assert set(re.findall(r"\{\w+\}", message.id)) == set(re.findall(r"\{\w+\}", message.string)), message.id


def test_the_language_is_that_of_the_option_or_of_the_environment() -> None:
    assert texts.language_of({"LC_ALL": "ru_RU.UTF-8", "LANG": "en_US.UTF-8"}) == "ru"
    assert texts.language_of({"LANG": "en_GB.UTF-8"}) == "en"
    assert texts.language_of({"LANG": "de_DE.UTF-8"}) == "en"
    assert texts.language_of({}) == "en"
    try:
        assert texts.choose("ru") == "ru"
        assert texts._("healthy line") == "исправная линия"
    finally:
        texts.choose("en")
