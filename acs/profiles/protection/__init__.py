"""Parameters that nobody writes alone, and those that are no setting of a line, as data.

The rule of this folder: a pattern is added in `paths.toml` with the reason that people read and its source.
"""

import re
import tomllib
from collections.abc import Mapping
from fnmatch import translate
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import BaseModel, ConfigDict


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Protected(_Strict):
    """A pattern of parameters that could take management away, and why."""

    path: str
    why: Mapping[Literal["en", "ru"], str]
    source: str


class _Limited(Protected):
    max: int


class ProtectedFile(_Strict):
    """A type of file that can change everything, and why it is not sent by one person."""

    type: str
    why: Mapping[Literal["en", "ru"], str]
    source: str


class _Passing(_Strict):
    path: str
    source: str


class _File(_Strict):
    protected: tuple[Protected, ...]
    limited: tuple[_Limited, ...]
    file: tuple[ProtectedFile, ...]
    passing: tuple[_Passing, ...]


@cache
def _file() -> _File:
    text = (resources.files(__name__) / "paths.toml").read_text("utf-8")
    return _File.model_validate(tomllib.loads(text))


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Protected], ...]:
    return tuple((re.compile(translate(each.path)), each) for each in _file().protected)


@cache
def _passing() -> re.Pattern[str]:
    return re.compile("|".join(translate(each.path) for each in _file().passing))


def protected(name: str) -> Protected | None:
    """Why a parameter, or a row with everything below it, is not written without a second person; None: it may be."""
    if name.endswith("."):
        parts = [(pattern, each) for pattern, each in _patterns() if _below(name, each.path)]
        return parts[0][1] if parts else next((e for p, e in _patterns() if p.match(f"{name}x")), None)
    return next((each for pattern, each in _patterns() if pattern.match(name)), None)


def beyond_limit(name: str, value: object) -> Protected | None:
    """Why this value is not written without a second person; None: it may be, or the device will say what is wrong."""
    for each in _file().limited:
        if re.match(translate(each.path), name) and str(value).strip().isdecimal() and int(str(value)) > each.max:
            return each
    return None


def protected_file(file_type: str) -> ProtectedFile | None:
    """Why a file of this type is not sent to a device without a second person; None: it may be."""
    return next((each for each in _file().file if each.type == file_type), None)


def protected_patterns() -> tuple[Protected, ...]:
    """Every pattern, for the documentation."""
    return _file().protected


def is_setting(name: str) -> bool:
    """Whether a writable parameter is a setting of the line, which a backup keeps and a restoring puts back."""
    return _passing().match(name) is None


def _below(row: str, path: str) -> bool:
    """Whether a protected parameter stands below a row or object that is to be deleted."""
    literal = path.lstrip("*").partition("*")[0]
    return f".{row}".endswith(literal.rpartition(".")[0] + ".") and literal.count(".") > 1
