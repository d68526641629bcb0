"""Reading packs: TOML files of a folder (or one file) → a checked, compiled Pack. The only file access of the room.

An operator's pack with `extends = "default"` is laid over the packaged one: same names replace, other names are added.
The tree of a pack is plain JSON: what is stored of it gives the same pack, with the same hash, in any later release.
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
from probes.linetest.source_places import SourcePlaces

#: a pack as it is written, whole: what a file extends is in it
Tree = dict[str, Any]

_DEFAULT = Path(__file__).parent / "packs" / "default"
#: folder of a pack that holds its cases
CASES = "cases"


def load_pack(path: Path | str | None = None) -> Pack:
    """Return the pack of a file or folder; None gives the packaged one (read once).

    Raises:
        PackError: the pack is wrong; the message names file, key and remedy, for all faults at once.
    """
    return _default() if path is None else build_pack(load_tree(path), places_of(path))


@cache
def _default() -> Pack:
    return _built(default_own_tree(), places_of(None))


def load_tree(path: Path | str | None = None) -> Tree:
    """Return the whole tree of a file or folder, laid over what it extends; None gives `default_own_tree`.

    Raises:
        PackError: it cannot be read, or two files write the same key.
    """
    return default_own_tree() if path is None else whole_tree(_texts(Path(path)))


def places_of(path: Path | str | None = None) -> SourcePlaces:
    """Return where the keys of a pack stand: for messages about it."""
    own = _DEFAULT if path is None else Path(path)
    texts = _texts(own)
    return SourcePlaces(str(own), texts)


def whole_tree(texts: Mapping[str, str]) -> Tree:
    """Return the tree of the files of a pack (name → text), laid over the packaged one where it extends that.

    Raises:
        PackError: a file is no TOML, or two files write the same key.
    """
    tree = read_tree(texts)
    if tree.get("pack", {}).get("extends") == "default" and tree != default_own_tree():
        return _overlay(default_own_tree(), tree)
    return tree


@cache
def default_own_tree() -> Tree:
    """Return the tree of the packaged pack; nobody changes it."""
    return read_tree(_texts(_DEFAULT))


def build_pack(tree: Tree, places: SourcePlaces | None = None) -> Pack:
    """Return the compiled pack of a tree.

    Raises:
        PackError: see `load_pack`.
    """
    return _default() if tree is default_own_tree() else _built(tree, places or SourcePlaces("pack", {}))


def _built(tree: Tree, where: SourcePlaces) -> Pack:
    file = checked(tree, where)
    faults = lint(file)
    if faults:
        raise PackError("\n".join(where.told(fault) for fault in faults))
    return compile_pack(file, tree_hash(tree))


def checked(tree: Tree, places: SourcePlaces) -> PackFile:
    """Return the pack's form.

    Raises:
        PackError: a key is missing, unknown or of the wrong kind; each on a line of its own.
    """
    try:
        return PackFile.model_validate(tree)
    except ValidationError as error:
        raise PackError("\n".join(places.told(fault) for fault in _faults(error))) from error


def tree_hash(tree: Tree) -> str:
    """Return the name of exactly this pack: 16 hexadecimal digits."""
    return sha256(repr(_ordered(tree)).encode()).hexdigest()[:16]


def pack_texts(path: Path) -> dict[str, str]:
    """Return the files of a pack by name, as they are handed to a server.

    Raises:
        PackError: a file cannot be read, or there is none.
    """
    return _texts(path)


def case_texts(path: Path) -> dict[str, str]:
    """Return the cases in a folder (name without ending → text), or those beside a pack in its folder `cases`.

    Raises:
        PackError: a file cannot be read.
    """
    folder = path / CASES if (path / CASES).is_dir() else path
    return {name.removesuffix(".toml"): text for name, text in _texts(folder).items()}


def read_tree(texts: Mapping[str, str]) -> Tree:
    """Return the tree of the files of a pack as they are, without what they extend.

    Raises:
        PackError: a file is no TOML, or two files write the same key.
    """
    tree: Tree = {}
    for name, text in sorted(texts.items()):
        try:
            part = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise PackError(f"{name}: cannot be read as TOML: {error}; correct the place and try again") from error
        twice = _clash(tree, part)
        if twice:
            raise PackError(f"{name}: {twice} is already written in another file of the pack; keep one of the two")
        tree = _overlay(tree, part)
    return tree


def _texts(path: Path) -> dict[str, str]:
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files:
        raise PackError(f"{path}: no *.toml file in this folder; a pack is one TOML file or a folder of them")
    out = {}
    for file in files:
        try:
            out[str(file) if file == path else file.name] = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PackError(f"{file}: cannot be read as TOML: {error}; correct the place and try again") from error
    return out


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


def _overlay(below: Mapping[str, Any], above: Mapping[str, Any]) -> Tree:
    out = dict(below)
    for key, value in above.items():
        old = out.get(key)
        out[key] = _overlay(old, value) if isinstance(value, dict) and isinstance(old, dict) else value
    return out


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _ordered(value[key])) for key in sorted(value)]
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _faults(error: ValidationError) -> list[str]:
    lines = []
    for fault in error.errors():
        key = ".".join(str(part) for part in fault["loc"]) or "(whole pack)"
        remedy = "add it" if fault["type"] == "missing" else "correct the key, or remove it to keep the packaged value"
        lines.append(f"{key}: {fault['msg']}; {remedy}")
    return lines
