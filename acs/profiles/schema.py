"""The form of a CPE profile file, and how one is read and chosen.

The rule of this file: a profile that says anything this form does not know is refused, with file, key and remedy.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from acs.cwmp.quirks import Quirk
from acs.errors import ConfigError
from acs.profiles.convert import CONVERSIONS

Pick = Literal["first", "min", "max", "sum", "any", "all", "count"]

#: what one matching key of [match] is worth; the profile with the greatest sum is chosen
_WEIGHTS = {"product_class": 8, "oui": 4, "manufacturer": 4, "object": 2, "root": 1}

#: packaged folders with files of another form
_OTHER_FOLDERS = frozenset({"diagnostics"})

Text = Annotated[str, Field(min_length=1, max_length=500)]
Path_ = Annotated[str, Field(min_length=3, max_length=256, pattern=r"^[A-Za-z][A-Za-z0-9_.*-]*$")]


class Strict(BaseModel):
    """Frozen, and no key that is not named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(Strict):
    """Which devices the profile is for; every key given must match, texts without regard to case, `*` at will."""

    root: Literal["InternetGatewayDevice.", "Device."]
    manufacturer: tuple[Text, ...] = ()
    oui: tuple[Text, ...] = ()
    product_class: tuple[Text, ...] = ()
    object: Path_ | None = None


class Reading(Strict):
    """How one fact is read. Several readings of one fact stand in the order of trust: the first with a value counts."""

    fact: Text
    path: Path_
    #: another leaf of the same row: the value becomes 100 × path / of
    of: Path_ | None = None
    #: other leaves of the row (relative to it) and the values they must have for the row to count
    where: dict[str, tuple[str, ...]] = {}
    pick: Pick = "first"
    #: rows of the last table come and go, so it is asked for whole, by its partial path
    volatile: bool = False
    #: the number of rows of that table, by the same leading *; where it is 0 the rows that are still known are history
    counted_by: Path_ | None = None
    #: values that are taken before the others when several rows have one
    prefer: tuple[str, ...] = ()
    #: a comma-separated list, oldest first: its last entry counts
    last_of_list: bool = False
    #: `positive` is whether the number is above zero
    as_: Literal["number", "integer", "boolean", "positive", "text"] = Field("number", alias="as")
    convert: str = "as_sent"
    codes: dict[str, str | bool] = {}
    sentinels: tuple[float | str, ...] = ()
    #: outside of it a number is garbage of the sensor
    between: tuple[float, float] | None = None
    source: Text

    @field_validator("convert")
    @classmethod
    def _known_conversion(cls, value: str) -> str:
        if value not in CONVERSIONS:
            raise ValueError(f"unknown conversion; one of {', '.join(CONVERSIONS)}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.of is not None and self.of.count("*") != self.path.count("*"):
            raise ValueError("path and of must have the same number of *")
        if self.counted_by is not None and self.counted_by.count("*") >= self.path.count("*"):
            raise ValueError("counted_by must have fewer * than path: it counts the rows of the last one")
        if self.volatile and "*" not in self.path:
            raise ValueError("volatile needs a * in path: it is about the rows of a table")
        if self.where and "*" not in self.path:
            raise ValueError("where needs a * in path: it chooses among rows")
        return self


class Defect(Strict):
    """A defect of some software versions that is known to the maintainer of the profile."""

    versions: tuple[Text, ...] = Field(min_length=1)
    title: dict[Literal["ru", "en"], Text]
    source: Text


class Firmware(Strict):
    """What is known about software versions. Only a maintained list may say that a version has no known defect."""

    maintained: bool = False
    reviewed: Text | None = None
    defect: tuple[Defect, ...] = ()


class Binding(Strict):
    """Where the values stand that tell which line a device is on."""

    pppoe_login: tuple[Path_, ...] = ()
    address: tuple[Path_, ...] = ()


class Head(Strict):
    """What the profile is called; `base` names the profile whose readings it takes over and refines."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    kind: Literal["generic", "ont", "router", "stb"]
    title: Text
    base: str | None = None


class ProfileFile(Strict):
    """One profile as it stands in its file."""

    profile: Head
    match: Match
    #: deviations of these devices that the server honours, by their names in `acs/cwmp/quirks.py`
    quirks: tuple[Quirk, ...] = ()
    binding: Binding = Binding()
    firmware: Firmware = Firmware()
    reading: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself in an Inform; `root` ends in a dot."""

    root: str
    manufacturer: str = ""
    oui: str = ""
    product_class: str = ""
    software_version: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile with everything taken over from its base. `readings`: fact → readings in the order of trust."""

    id: str
    kind: str
    title: str
    match: Match
    binding: Binding
    firmware: Firmware
    readings: Mapping[str, tuple[Reading, ...]]
    quirks: frozenset[Quirk] = frozenset()


def parse_profile(text: str, file: str) -> ProfileFile:
    """The profile in a TOML text; `file` is named in errors.

    Raises:
        ConfigError: not TOML, or a key or value that the form does not allow; all of them at once.
    """
    try:
        return ProfileFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: not TOML: {error}; mend the line it names") from error
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(file, item) for item in error.errors())) from error


def load_profiles(directory: Path | None = None) -> tuple[Profile, ...]:
    """Every packaged profile, and those of an operator's folder, which replace packaged ones of the same id.

    Raises:
        ConfigError: a file is wrong, two files of one place share an id, or a base does not exist.
    """
    files = _parse_all(_packaged())
    if directory is not None:
        files |= _parse_all((str(path), path.read_text("utf-8")) for path in sorted(directory.rglob("*.toml")))
    return tuple(_resolve(file, files) for file in files.values())


def choose(profiles: Iterable[Profile], identity: Identity, names: Sequence[str] = ()) -> Profile | None:
    """The most specific profile for a device; None when not even its root is known.

    `names` are the parameter names known of it, sorted; they decide `object`.
    """
    scored = [(score, profile.id, profile) for profile in profiles if (score := _score(profile.match, identity, names))]
    return max(scored, key=lambda item: item[:2])[2] if scored else None


def _packaged() -> Iterable[tuple[str, str]]:
    def walk(folder: Traversable, prefix: str) -> Iterable[tuple[str, str]]:
        for entry in sorted(folder.iterdir(), key=lambda item: item.name):
            if entry.is_dir() and entry.name not in _OTHER_FOLDERS:
                yield from walk(entry, f"{prefix}{entry.name}/")
            elif entry.name.endswith(".toml"):
                yield prefix + entry.name, entry.read_text("utf-8")

    return walk(resources.files("acs.profiles"), "acs/profiles/")


def _parse_all(texts: Iterable[tuple[str, str]]) -> dict[str, ProfileFile]:
    files: dict[str, ProfileFile] = {}
    for name, text in texts:
        parsed = parse_profile(text, name)
        if parsed.profile.id in files:
            raise ConfigError(f"{name}: profile.id: {parsed.profile.id!r} is taken by another file; choose another id")
        files[parsed.profile.id] = parsed
    return files


def _resolve(file: ProfileFile, files: Mapping[str, ProfileFile], seen: tuple[str, ...] = ()) -> Profile:
    head = file.profile
    if head.id in seen:
        raise ConfigError(f"profile {head.id!r}: base: it is based on itself through {' → '.join(seen)}")
    own: dict[str, tuple[Reading, ...]] = {}
    for reading in file.reading:
        own[reading.fact] = (*own.get(reading.fact, ()), reading)
    binding = file.binding
    quirks = frozenset(file.quirks)
    if head.base is not None:
        if head.base not in files:
            known = ", ".join(sorted(files))
            raise ConfigError(f"profile {head.id!r}: base: no profile {head.base!r}; there are {known}")
        base = _resolve(files[head.base], files, (*seen, head.id))
        # a refined fact is tried first; what the base knows of it stays as a second source
        quirks |= base.quirks
        own = {**base.readings, **{fact: (*mine, *base.readings.get(fact, ())) for fact, mine in own.items()}}
        binding = Binding(
            pppoe_login=(*binding.pppoe_login, *base.binding.pppoe_login),
            address=(*binding.address, *base.binding.address),
        )
    return Profile(head.id, head.kind, head.title, file.match, binding, file.firmware, own, quirks)


def _score(match: Match, identity: Identity, names: Sequence[str]) -> int:
    if match.root != identity.root:
        return 0
    score = _WEIGHTS["root"]
    for key in ("manufacturer", "oui", "product_class"):
        patterns: tuple[str, ...] = getattr(match, key)
        if not patterns:
            continue
        said = str(getattr(identity, key)).lower()
        if not any(fnmatchcase(said, pattern.lower()) for pattern in patterns):
            return 0
        score += _WEIGHTS[key]
    if match.object is not None:
        if not any(name.startswith(match.object) for name in names):
            return 0
        score += _WEIGHTS["object"]
    return score


def _explain(file: str, item: object) -> str:
    assert isinstance(item, dict)
    where = ".".join(str(part) for part in item["loc"]) or "the file"
    remedy = {
        "extra_forbidden": "no such key; remove it or mend its spelling",
        "missing": "this key is needed; add it",
    }.get(item["type"], "mend its value")
    return f"{file}: {where}: {item['msg']}: {remedy}"
