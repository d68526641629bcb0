"""Brings cli/locale up to the texts of the code: python -m tests.cli.update_locale

Merges new msgids into the catalogues and compiles them; new Russian texts are left empty, and a test fails until
somebody has translated them.
"""

import io
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

CLI = Path(__file__).resolve().parents[2] / "cli"
LOCALE = CLI / "locale"
KEYWORDS = {"_": None, "N_": None, "NN_": (1, 2)}


def template() -> Catalog:
    """Every text of the code."""
    catalog = Catalog(project="secondline", charset="utf-8")
    for path in sorted(CLI.rglob("*.py")):
        with path.open("rb") as stream:
            for _line, message, comments, _context in extract("python", stream, keywords=KEYWORDS):
                catalog.add(message, locations=[], auto_comments=comments)
    return catalog


def read(language: str) -> Catalog:
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language, project="secondline", charset="utf-8")
    with path.open("rb") as stream:
        return read_po(stream, locale=language)


def po_file(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "secondline.po"


def compiled(catalog: Catalog) -> bytes:
    buffer = io.BytesIO()
    write_mo(buffer, catalog)
    return buffer.getvalue()


def main() -> None:
    for language in ("en", "ru"):
        catalog = read(language)
        catalog.update(template(), no_fuzzy_matching=True)
        catalog.obsolete.clear()
        for message in catalog:
            if language == "en" and isinstance(message.id, tuple):
                message.string = message.id  # an empty form would be taken for one
        catalog.header_comment = "# Texts of secondline."
        catalog.project, catalog.version = "secondline", "1"
        catalog.last_translator = catalog.language_team = "secondline"
        catalog.msgid_bugs_address, catalog.fuzzy = "", False
        catalog.revision_date = catalog.creation_date
        path = po_file(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            write_po(stream, catalog, sort_output=True, omit_header=False, width=110)
        path.with_suffix(".mo").write_bytes(compiled(read(language)))
        missing = [message.id for message in catalog if message.id and not message.string]
        if language == "ru":
            print(f"{language}: {len(catalog)} texts, {len(missing)} without a translation")


if __name__ == "__main__":
    main()
