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
        shipped = {_hashable(message.id): _hashable(message.string) for message in read_mo(stream) if message.id}
    wanted = {message.id: message.string for message in read(language) if message.id and message.string}
    assert shipped == wanted
    assert compiled(read(language))


def _hashable(text: object) -> object:
    """The forms of a text that counts are a list in one kind of catalogue and a tuple in the other."""
    return tuple(text) if isinstance(text, list) else text


def test_translations_keep_the_placeholders() -> None:
    for message in read("ru"):
        if isinstance(message.id, str) and message.string:
            assert _places(message.id) == _places(message.string), message.id
        elif message.id:
            places = [_places(one) for one in (*message.id, *message.string)]
            assert all(one <= places[0] | places[1] for one in places) and all(message.string), message.id


def _places(text: str) -> set[str]:
    return set(re.findall(r"\{\w+(?:![a-z])?\}|%\(\w+\)s", text))


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
