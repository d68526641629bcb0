"""The form of a CPE profile file, and how one is read and chosen.

The rule of this file: a profile that says anything this form does not know is refused, with file, key and remedy.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from acs.cwmp.quirks import Quirk
from acs.errors import ConfigError
from acs.profiles.globs import like
from acs.profiles.meaning import Bounds, Meaning, Path_, Strict, Text
from acs.profiles.patterns import under
from acs.profiles.settings import Setting, Settings, Target
from acs.profiles.tables import TableForm, merged

Pick = Literal["first", "min", "max", "sum", "any", "all", "count"]

#: what one matching key of [match] is worth; the profile with the greatest sum is chosen
_WEIGHTS = {"model": 8, "product_class": 8, "oui": 4, "manufacturer": 4, "object": 2, "root": 1}

#: the maker is known by either of two things, and so is the model; of each pair that is given one must match
_EITHER = (("manufacturer", "oui"), ("product_class", "model"))

#: packaged folders with files of another form
_OTHER_FOLDERS = frozenset({"diagnostics", "protection"})


class Match(Strict):
    """Which devices the profile is for, texts without regard to case, `*` at will.

    The maker is told by `manufacturer` or `oui`, the model by `product_class` or `model`: of each pair that is given
    one must match. `root` must match, and so must `object`, the beginning of some name in the tree.
    """

    root: Literal["InternetGatewayDevice.", "Device."]
    manufacturer: tuple[Text, ...] = ()
    oui: tuple[Text, ...] = ()
    product_class: tuple[Text, ...] = ()
    #: what DeviceInfo.ModelName says; vendors whose ProductClass is one word for all of them are told apart by it
    model: tuple[Text, ...] = ()
    object: Path_ | None = None


class Reading(Meaning):
    """How one fact is read. Several readings of one fact stand in the order of trust: the first with a value counts."""

    fact: Text
    path: Path_
    #: another leaf of the same row: the value becomes 100 × path / of
    of: Path_ | None = None
    #: other leaves of the row (relative to it; `^.` is the object above) and the values they must have for it to count
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    pick: Pick = "first"
    #: rows of the last table come and go, so it is asked for whole, by its partial path
    volatile: bool = False
    #: the number of rows of that table, by the same leading *; where it is 0 the rows that are still known are history
    counted_by: Path_ | None = None
    #: values that are taken before the others when several rows have one
    prefer: tuple[str, ...] = ()
    #: leaves of the same row and the range that their numbers must be in for this reading to hold (which unit is meant)
    given: dict[str, Bounds] = Field(default_factory=dict)
    source: Text

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
    """A defect of some software versions that is known to the maintainer of the profile.

    `versions` are patterns with `*`; `since` and `before` bound a range, compared number by number. `models` narrows it
    to some product classes or model names.
    """

    versions: tuple[Text, ...] = ()
    since: Text | None = None
    before: Text | None = None
    models: tuple[Text, ...] = ()
    title: dict[Literal["ru", "en"], Text]
    source: Text

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self.versions and self.since is None and self.before is None:
            raise ValueError("say which versions: versions, since or before")
        return self

    def concerns(self, version: str, names: Sequence[str] = ()) -> bool:
        """Whether a software version is among those; `names` are the device's product class and model name."""
        if self.models and not any(_fits(self.models, name) for name in names if name):
            return False
        if any(fnmatchcase(version, pattern) for pattern in self.versions):
            return True
        ordered = _ordered(version)
        if not ordered or (self.since is None and self.before is None):
            return False
        since, before = _ordered(self.since or ""), _ordered(self.before or "")
        return (not since or ordered >= since) and (not before or ordered < before)


class Firmware(Strict):
    """What is known about software versions. Only a maintained list may say that a version has no known defect."""

    #: somebody looks through what is told of every version; an operator says so in a profile of his own
    maintained: bool = False
    #: the day on which that was last done
    reviewed: Text | None = None
    #: whose list it is and what it is made from
    source: Text | None = None
    defect: tuple[Defect, ...] = ()

    @model_validator(mode="after")
    def _kept_by_somebody(self) -> Self:
        if self.maintained and (self.reviewed is None or self.source is None):
            raise ValueError(
                "maintained needs reviewed, the day, and source, whose list it is: give both or leave it off"
            )
        return self


class Optics(Strict):
    """The optical class of some models, by what their maker says of them."""

    models: tuple[Text, ...] = Field(min_length=1)
    optical_class: Literal["gpon_b+", "gpon_c+", "xgs_n1", "epon_px20", "epon_px20+"]
    source: Text


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
    #: the trees and captures of real devices that this file was held against; without any it is unproven
    proof: tuple[Text, ...] = ()
    #: what was not found out, and why the standard part has to do
    unknown: tuple[Text, ...] = ()


class ProfileFile(Strict):
    """One profile as it stands in its file."""

    profile: Head
    match: Match
    #: deviations of these devices that the server honours, by their names in `acs/cwmp/quirks.py`
    quirks: tuple[Quirk, ...] = ()
    binding: Binding = Binding()
    firmware: Firmware = Firmware()
    #: what can be set on these devices, by meaning
    target: tuple[Target, ...] = ()
    setting: tuple[Setting, ...] = ()
    optics: tuple[Optics, ...] = ()
    reading: tuple[Reading, ...] = ()
    table: tuple[TableForm, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device says of itself; `root` ends in a dot, `model` is its DeviceInfo.ModelName where that was read."""

    root: str
    manufacturer: str = ""
    oui: str = ""
    product_class: str = ""
    software_version: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile with everything taken over from its base.

    `readings`: fact → readings in the order of trust; `tables`: table → the forms of its rows. A profile without
    `proof` has never met a tree or a capture of its devices, and whoever shows its values says so.
    """

    id: str
    kind: str
    title: str
    match: Match
    binding: Binding
    firmware: Firmware
    readings: Mapping[str, tuple[Reading, ...]]
    quirks: frozenset[Quirk] = frozenset()
    settings: Settings = field(default_factory=Settings)
    tables: Mapping[str, tuple[TableForm, ...]] = field(default_factory=dict)
    optics: tuple[Optics, ...] = ()
    proof: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    #: how many profiles it rests on, one over the other
    depth: int = 0

    @property
    def proven(self) -> bool:
        """Whether it was held against a tree or a capture of a real device."""
        return bool(self.proof)


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
    files = dict(_shipped())
    if directory is not None:
        files |= _parse_all((str(path), path.read_text("utf-8")) for path in sorted(directory.rglob("*.toml")))
    return tuple(_resolve(file, files) for file in files.values())


def choose(profiles: Iterable[Profile], identity: Identity, names: Sequence[str] = ()) -> Profile | None:
    """The most specific profile for a device; None when not even its root is known.

    Of two that fit alike the one that refines the other is taken, so an operator's list of defects needs no more keys.
    `names` are the parameter names known of it, sorted; they decide `object`.
    """
    scored = [(score, profile) for profile in profiles if (score := _score(profile.match, identity, names))]
    return max(scored, key=lambda item: (item[0], item[1].depth, item[1].id))[1] if scored else None


@cache
def _shipped() -> Mapping[str, ProfileFile]:
    """The packaged files by id, read once; nobody changes them."""
    return _parse_all(_packaged())


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
    settings = Settings(file.target, file.setting)
    tables = merged(file.table, {})
    optics = file.optics
    firmware, depth = file.firmware, 0
    if head.base is not None:
        if head.base not in files:
            known = ", ".join(sorted(files))
            raise ConfigError(f"profile {head.id!r}: base: no profile {head.base!r}; there are {known}")
        base = _resolve(files[head.base], files, (*seen, head.id))
        settings = settings.over(base.settings)
        tables = merged(file.table, base.tables)
        optics = (*optics, *base.optics)
        # defects stay known; that a list is kept is said by each profile for itself
        firmware = firmware.model_copy(update={"defect": (*firmware.defect, *base.firmware.defect)})
        depth = base.depth + 1
        # a refined fact is tried first; what the base knows of it stays as a second source
        quirks |= base.quirks
        own = {**base.readings, **{fact: (*mine, *base.readings.get(fact, ())) for fact, mine in own.items()}}
        binding = Binding(
            pppoe_login=(*binding.pppoe_login, *base.binding.pppoe_login),
            address=(*binding.address, *base.binding.address),
        )
    return Profile(
        head.id,
        head.kind,
        head.title,
        file.match,
        binding,
        firmware,
        own,
        quirks,
        tables=tables,
        optics=optics,
        proof=head.proof,
        unknown=head.unknown,
        settings=settings,
        depth=depth,
    )


def _score(match: Match, identity: Identity, names: Sequence[str]) -> int:
    if match.root != identity.root:
        return 0
    score = _WEIGHTS["root"]
    for keys in _EITHER:
        asked = [key for key in keys if getattr(match, key)]
        fits = [key for key in asked if _fits(getattr(match, key), str(getattr(identity, key)))]
        if asked and not fits:
            return 0
        score += sum(_WEIGHTS[key] for key in fits)
    if match.object is not None:
        if next(under(match.object, names), None) is None:
            return 0
        score += _WEIGHTS["object"]
    return score


def _ordered(version: str) -> tuple[int, ...]:
    """The numbers of a version in their order, by which two of one maker are compared: "6.42rc49" is before 6.42.1."""
    return tuple(int(number) for number in re.findall(r"\d+", re.sub(r"(rc|beta|alpha)\d*.*", "", version)))


@lru_cache(maxsize=4096)
def _fits(patterns: tuple[str, ...], said: str) -> bool:
    return like(said.strip(), patterns)


def _explain(file: str, item: object) -> str:
    assert isinstance(item, dict)
    where = ".".join(str(part) for part in item["loc"]) or "the file"
    remedy = {
        "extra_forbidden": "no such key; remove it or mend its spelling",
        "missing": "this key is needed; add it",
    }.get(item["type"], "mend its value")
    return f"{file}: {where}: {item['msg']}: {remedy}"
