"""Whether every text of the code has its Russian: how the programs that look for texts tell what lacks or is too much.

The rule of this file: which texts there are is theirs; a table of Russian is `acs/api/NAME.ru.toml`, by its tables.
"""

import json
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def russian(name: str, *tables: str) -> dict[str, str]:
    """What the tables of a file of Russian hold, text → translation; all tables of texts of that name by default."""
    told = tomllib.loads((ROOT / f"acs/api/{name}.ru.toml").read_text(encoding="utf-8"))
    return {text: said for table in tables or (name,) for text, said in told[table].items()}


def lacking(known: Collection[str], wanted: Iterable[str]) -> list[str]:
    """The lines that are to be written into a table of Russian."""
    return [f'{json.dumps(text, ensure_ascii=False)} = ""' for text in sorted({*wanted} - {*known})]


def too_many(known: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """What a table of Russian says that nobody says any more."""
    return [f"nobody says any more: {json.dumps(text, ensure_ascii=False)}" for text in sorted({*known} - {*wanted})]


def tell(lines: Iterable[str]) -> None:
    """Print them."""
    for line in lines:
        print(line)
