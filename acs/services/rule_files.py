"""The folder of rule files: read at the start, and again when one of its files changes.

The rule of this file: a broken file stops the start; later it is told and the rules that were good stay in force.
"""

import hashlib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from acs.config import read_secret
from acs.config.wrong_keys import place_of, told
from acs.errors import ConfigError, InvalidInput
from acs.services.provisioning_form import Rule, RuleFile, Value, conflicts, ordered, rule_digest

#: Characters of one rule file.
LARGEST = 1_000_000
#: Errors of one file that are told.
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Every rule of the folder, in the order in which they are heard, and the values of their secret files."""

    rules: tuple[Rule, ...] = ()
    files: tuple[str, ...] = ()
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    #: what tells this state of the folder from another
    stamp: str = ""
    #: rule → its `rule_digest`
    digests: dict[str, str] = field(default_factory=dict)


def parse_rules(text: str, where: str) -> tuple[Rule, ...]:
    """The rules in the text of one file.

    Raises:
        InvalidInput: one line per error, with place and remedy.
    """
    if len(text) > LARGEST:
        raise InvalidInput(f"{where}: {len(text)} characters; split it into files of at most {LARGEST}")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{where}: not TOML: {error}; mend that line") from error
    except RecursionError as error:
        raise InvalidInput(f"{where}: nested too deeply; rules have tables of tables and no more") from error
    try:
        return RuleFile.model_validate(table).rule
    except ValidationError as error:
        shown = [_explain(table, dict(item)) for item in error.errors()[:_SHOWN]]
        raise InvalidInput("\n".join(f"{where}: {line}" for line in shown)) from error


def read_rules(folder: Path | None) -> RuleSet:
    """Every rule in the folder's `*.toml` files, by name of the file; none where there is no folder.

    Raises:
        ConfigError: the folder or a file cannot be used; every error is told.
    """
    if folder is None:
        return RuleSet()
    problems: list[str] = []
    rules: list[Rule] = []
    paths = _paths(folder)
    for path in paths:
        try:
            rules += parse_rules(path.read_text(encoding="utf-8"), str(path))
        except InvalidInput as error:
            problems.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{path}: cannot be read ({error}); rules are files of TOML in UTF-8")
    problems += _doubles(rules)
    secrets, missing = _secrets(folder, rules)
    problems += missing
    if problems:
        raise ConfigError("\n".join(problems))
    digests = {rule.id: rule_digest(rule) for rule in rules}
    return RuleSet(tuple(ordered(rules)), tuple(path.name for path in paths), secrets, stamp_of(folder), digests)


def stamp_of(folder: Path | None) -> str:
    """What tells the state of the folder from another: names, sizes and times of its files."""
    if folder is None:
        return ""
    told = hashlib.sha256()
    try:
        for path in sorted(folder.iterdir()):
            if path.is_file():
                found = path.stat()
                told.update(f"{path.name}\0{found.st_size}\0{found.st_mtime_ns}\0".encode("utf-8", "surrogateescape"))
    except OSError as error:
        return f"unreadable: {error}"
    return told.hexdigest()


def warnings_of(rules: tuple[Rule, ...]) -> list[str]:
    """What a person should look at, though it can be used."""
    return conflicts(rules) + [
        f"{rule.id}: it is not enabled, so it does nothing" for rule in rules if not rule.enabled
    ]


def _paths(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml" and path.is_file())
    except OSError as error:
        raise ConfigError(
            f"provisioning.directory: {folder} cannot be read ({error.strerror}); create it, or name another"
        ) from error


def _doubles(rules: list[Rule]) -> list[str]:
    seen: set[str] = set()
    twice = sorted({rule.id for rule in rules if rule.id in seen or seen.add(rule.id)})  # type: ignore[func-returns-value] # set.add
    return [f"rule {id_}: it is there twice; give one of them another id" for id_ in twice]


def _secrets(folder: Path, rules: list[Rule]) -> tuple[dict[str, str], list[str]]:
    wanted = {
        value.secret_file
        for rule in rules
        for value in rule.values.values()
        if isinstance(value, Value) and value.secret_file is not None
    }
    found: dict[str, str] = {}
    problems: list[str] = []
    for name in sorted(wanted):
        try:
            found[name] = read_secret(folder / name, f"secret_file {name}")
        except ConfigError as error:
            problems.append(str(error))
    return found, problems


def _explain(table: dict[str, Any], item: dict[str, Any]) -> str:
    """One line: the rule, the key, what is wrong, what to do."""
    where = place_of(item)
    rule = ""
    if len(where) > 1 and where[0] == "rule" and isinstance(where[1], int):
        listed = table.get("rule")
        given = listed[where[1]] if isinstance(listed, list) and where[1] < len(listed) else {}
        id_ = given.get("id") if isinstance(given, dict) else None
        rule, where = f"rule {id_ or where[1] + 1}: ", where[2:]
    return rule + told(item, where, "docs/provisioning.md shows what may stand there", shown=False)
