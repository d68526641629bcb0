"""Texts for people: `_` gives the text in the chosen language. English is the source, Russian is translated.

The language is that of --lang, or of LC_ALL, LC_MESSAGES, LANG, or English. It is chosen once per command.
"""

import gettext
import os
from collections.abc import Mapping
from pathlib import Path

LANGUAGES = ("en", "ru")
DOMAIN = "secondline"
LOCALE_DIR = Path(__file__).parent / "locale"

_chosen: dict[str, gettext.NullTranslations] = {}
_language: list[str] = []


def language_of(environ: Mapping[str, str]) -> str:
    """Return the language that the environment asks for: "ru" or "en"; anything unknown is "en"."""
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(variable, "")
        if value:
            code = value.split(".")[0].split("_")[0].lower()
            return code if code in LANGUAGES else "en"
    return "en"


def choose(language: str | None) -> str:
    """Make `language` ("ru", "en"; None = as the environment says) the language of every later text; return it.

    click takes its own texts from gettext's domain, in the language that the environment names.
    """
    chosen = language if language in LANGUAGES else language_of(os.environ)
    _language[:] = [chosen]
    gettext.bindtextdomain(DOMAIN, LOCALE_DIR)
    gettext.textdomain(DOMAIN)
    os.environ["LANGUAGE"] = chosen
    return chosen


def language() -> str:
    """Return the language in use, "ru" or "en"."""
    return _language[0] if _language else choose(None)


def _(text: str) -> str:
    """Return `text` in the language in use; a text without a translation comes back as it is."""
    code = language()
    if code not in _chosen:
        _chosen[code] = gettext.translation(DOMAIN, LOCALE_DIR, languages=[code], fallback=True)
    return _chosen[code].gettext(text)


def N_(text: str) -> str:
    """Mark a text of a table for translation and return it untranslated; `_` translates it when it is shown."""
    return text


def NN_(one: str, many: str) -> tuple[str, str]:
    """Mark the two forms of a text that counts, and return them untranslated."""
    return one, many
