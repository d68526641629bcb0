"""The texts of the errors that the API may tell: found in the code itself, so that none is left without a translation.

    python -m tests.error_texts      says what acs/api/errors.ru.toml lacks, and what it has too many

A text is as it stands in the raise: `{0}`, `{1}` … are the values of its f-string, in their order.
"""

import ast
from collections.abc import Iterator

from tests.russian_texts import ROOT, lacking, russian, tell, too_many

#: what is raised there stops a start or is of another edge, and no caller of the API reads it
ELSEWHERE = ("acs/config/", "acs/server/", "acs/store/migrate.py", "acs/store/migrations/")
#: errors whose first argument is their text
_KINDS = {
    "AcsError", "ApprovalNeeded", "Conflict", "Forbidden", "Frozen", "InvalidInput", "NotFound", "ProviderFailed",
    "Replayed", "StoreError", "TooMany", "Unauthenticated", "_TakenMeanwhile",
}  # fmt: skip


def template(node: ast.expr) -> str | None:
    """A constant or an f-string as a text with numbered places; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts, places = [], 0
    for value in node.values:
        if isinstance(value, ast.Constant):
            parts.append(str(value.value))
        else:
            parts.append(f"{{{places}}}")
            places += 1
    return "".join(parts)


def raised() -> Iterator[str]:
    """Every text that an error of ours is made with."""
    for path in sorted((ROOT / "acs").rglob("*.py")):
        if path.relative_to(ROOT).as_posix().startswith(ELSEWHERE):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS and node.args:
                text = template(node.args[0])
                if text is not None:
                    yield text


def written() -> set[str]:
    """Every text and f-string of the code, raised or not."""
    found = set()
    for path in sorted((ROOT / "acs").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr) and (text := template(node)) is not None:
                found.add(text)
    return found


def main() -> None:
    """Say which lines the Russian of errors lacks, and which it has too many."""
    known, wanted = russian("errors"), {*raised()}
    tell(lacking(known, wanted) + too_many(known, wanted) + too_many(russian("errors", "parts"), written()))


if __name__ == "__main__":
    main()
