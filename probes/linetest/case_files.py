"""Case files: TOML (one case a file), JSON or YAML (one case, or a list of rows). The one importer of PyYAML.

The rule of this file: it decodes; what a case means stands in `trials`.
"""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

import yaml

from probes.errors import PackError
from probes.linetest.trials import Trial, trials_of

_ENDINGS = (".toml", ".json", ".yaml", ".yml")


def load_trials(path: Path) -> list[Trial]:
    """Return the trials of a file, or of every case file of a folder.

    Raises:
        PackError: a file cannot be read or decoded, or a case is wrong; the message names it.
    """
    return trials_of(load_documents(path))


def load_documents(path: Path) -> dict[str, object]:
    """Return the decoded case files of a file or folder, by name.

    Raises:
        PackError: a file cannot be read or decoded, or the folder holds none.
    """
    files = sorted(file for file in path.iterdir() if file.suffix in _ENDINGS) if path.is_dir() else [path]
    if not files:
        raise PackError(f"{path}: no case in this folder; a case is a file that ends in {', '.join(_ENDINGS)}")
    return {file.stem: _decoded(file) for file in files}


def documents_of(texts: Mapping[str, str]) -> dict[str, object]:
    """Return decoded TOML texts by name.

    Raises:
        PackError: one is no TOML; the message names it.
    """
    return {name: _toml(name, text) for name, text in texts.items()}


def _decoded(file: Path) -> object:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PackError(f"{file}: cannot be read: {error}; name a file of cases in UTF-8") from error
    if file.suffix == ".toml":
        return _toml(str(file), text)
    try:
        if file.suffix == ".json":
            return json.loads(text)
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise PackError(f"{file}: cannot be decoded: {error}; correct the place and try again") from error


def _toml(name: str, text: str) -> object:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise PackError(f"{name}: cannot be read as TOML: {error}; correct the place and try again") from error
