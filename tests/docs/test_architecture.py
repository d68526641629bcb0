"""The page of the rooms names what is there, and every package of the tree has its room on it."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
#: a path of the tree; what follows a last dot may be a name in a module
_PATH = re.compile(r"\b(?:acs|cli|probes|tests|fixtures|docs|bench)/[\w/-]+(?:\.\w+)*")


def there(path: str) -> bool:
    module, dot, _name = path.rpartition(".")
    ways = (path, f"{path}.py", *((module, f"{module}.py") if dot else ()))
    return any((ROOT / way).exists() for way in ways)


def test_every_path_that_is_named_exists() -> None:
    named = {found[0] for found in _PATH.finditer(PAGE)}
    assert len(named) > 40
    assert sorted(path for path in named if not there(path)) == []


def test_every_package_has_its_room() -> None:
    """Packages up to the second level by their path, those below by their name."""
    rooms = PAGE.partition("## The rooms")[2].partition("## Where is")[0]
    packages = {
        file.parent.relative_to(ROOT)
        for top in ("acs", "cli", "probes")
        for file in (ROOT / top).rglob("*.py")
        if "versions" not in file.parts
    }
    missing = [
        path.as_posix()
        for path in packages
        if len(path.parts) > 1 and not re.search(rf"\b{re.escape(path.name)}\b", rooms)
    ]
    assert sorted(missing) == []
