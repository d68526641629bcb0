"""Reading packs: TOML files of a folder (or one file) → a checked, compiled Pack. The only file access of the room.

An operator's pack with `extends = "default"` is laid over the packaged one: same names replace, other names are added.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from probes.errors import PackError
from probes.linetest.form import PackFile
from probes.linetest.lint import lint
from probes.linetest.pack import Pack, compile_pack

_DEFAULT = Path(__file__).parent / "packs" / "default"


def load_pack(path: Path | str | None = None) -> Pack:
    """Return the pack of a file or folder; None gives the packaged one (read once).

    Raises:
        PackError: the pack is wrong; the message names file, key and remedy, for all faults at once.
    """
    return _default() if path is None else _load(Path(path))


@cache
def _default() -> Pack:
    return _load(_DEFAULT)


def _load(path: Path) -> Pack:
    tree, digest = _read(path), sha256()
    if tree.get("pack", {}).get("extends") == "default" and path != _DEFAULT:
        tree = _overlay(_read(_DEFAULT), tree)
    digest.update(repr(_ordered(tree)).encode())
    try:
        file = PackFile.model_validate(tree)
    except ValidationError as error:
        raise PackError(_told(path, error)) from error
    faults = lint(file)
    if faults:
        raise PackError("\n".join(f"{path}: {fault}" for fault in faults))
    return compile_pack(file, digest.hexdigest()[:16])


def _read(path: Path) -> dict[str, Any]:
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise PackError(f"{path}: no *.toml file in this folder; a pack is one TOML file or a folder of them")
    tree: dict[str, Any] = {}
    for file in files:
        try:
            part = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise PackError(f"{file}: cannot be read as TOML: {error}; correct the place and try again") from error
        twice = _clash(tree, part)
        if twice:
            raise PackError(f"{file}: {twice} is already written in another file of the pack; keep one of the two")
        tree = _overlay(tree, part)
    return tree


def _clash(tree: Mapping[str, Any], part: Mapping[str, Any]) -> str:
    for key, value in part.items():
        if key not in tree:
            continue
        both = tree[key]
        if not isinstance(value, dict) or not isinstance(both, dict):
            return key
        shared = sorted(set(value) & set(both))
        if shared:
            return f"{key}.{shared[0]}"
    return ""


def _overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _overlay(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return out


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _ordered(value[key])) for key in sorted(value)]
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _told(path: Path, error: ValidationError) -> str:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "(whole pack)"
        lines.append(f"{path}: {key}: {fault['msg']}; correct the key, or remove it to keep the packaged value")
    return "\n".join(lines)
