"""A parameter tree and a profile in, facts out. Pure: the caller says when the tree was read.

The rule of this file: a reading that means nothing gives no value. What was sent stays in `raw` with its quality.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from acs.cwmp.paths import without_covered
from acs.profiles.convert import number
from acs.profiles.globs import like
from acs.profiles.meaning import value_of, whole_number
from acs.profiles.patterns import Shape, beside, regex_of, shape_of
from acs.profiles.schema import Defect, Optics, Profile, Reading
from probes.facts import Fact, Quality, Scalar

#: the fact that a profile's own list of defects gives
_KNOWN_BUG = "fw.outdated_known_bug"
#: names whose neighbour in the row is remembered
_NEIGHBOURS = 16_384


@dataclass(frozen=True, slots=True)
class _Sample:
    """One row's reading: `value` None means that `raw` says nothing."""

    value: Scalar | None
    raw: str
    name: str
    #: the parameters besides `name` that the value rests on
    rests_on: tuple[str, ...] = ()


#: When values were read: all at once, or each at its time.
Times = datetime | Mapping[str, datetime]


def facts_from_tree(
    profile: Profile, values: Mapping[str, str], at: Times, source: str, *, only: Collection[str] | None = None
) -> list[Fact]:
    """What the tree says, one fact per name that the profile knows and the tree has.

    `values` is path → text as the CPE sent it, `at` when they were read; a fact of several values is as old as the
    oldest of them. A fact whose every reading is a sentinel or garbage comes back as `unreadable` with the raw text;
    one without any parameter in the tree does not come back. `only`: no other facts are looked for.
    """
    shape = shape_of(values)
    facts = []
    for fact, readings in profile.readings.items():
        if only is not None and fact not in only:
            continue
        found = _first_usable(readings, values, shape)
        if found is not None:
            quality = Quality.OK if found.value is not None else Quality.UNREADABLE
            facts.append(Fact(fact, found.value, _time_of(found, at), source, found.name, quality, found.raw))
    return facts


def _time_of(sample: _Sample, at: Times) -> datetime:
    if isinstance(at, datetime):
        return at
    return min(at[name] for name in (*sample.rests_on, sample.name) if name in at)


def wanted_names(profile: Profile, known_names: Sequence[str]) -> list[str]:
    """What to ask this device for: known names that a reading uses, and partial paths of volatile tables, sorted.

    Names that the device never showed are left out: a single unknown name makes a CPE refuse the whole question.
    """
    shape = shape_of(known_names)
    wanted: set[str] = set()
    for readings in profile.readings.values():
        for reading in readings:
            if reading.volatile:
                wanted.update(shape.tables(reading.path))
                wanted.update(shape.matching(reading.counted_by) if reading.counted_by else ())
                continue
            for pattern in _patterns(reading):
                wanted.update(shape.matching(pattern))
    return without_covered(wanted)


def values_for(wanted: Sequence[str], values: Mapping[str, str], refused: Collection[str] = ()) -> dict[str, str]:
    """The part of a tree that answers such a question; `refused` are names that the device did not know."""
    exact = {name for name in wanted if not name.endswith(".")}
    tables = tuple(path for path in wanted if path.endswith("."))
    return {
        name: value
        for name, value in values.items()
        if (name in exact or name.startswith(tables)) and name not in refused and not name.startswith(_paths(refused))
    }


def known_defects(profile: Profile, software_version: str, names: Sequence[str] = ()) -> tuple[Defect, ...]:
    """The defects that this version is known to have; `names` are the product class and the model name."""
    return tuple(each for each in profile.firmware.defect if each.concerns(software_version, names))


def firmware_fact(
    profile: Profile, software_version: str, at: datetime, source: str, names: Sequence[str] = ()
) -> Fact | None:
    """Whether the version has a known defect; None where the profile cannot tell.

    `false` is said only where the profile's list of defects is declared to be maintained.
    """
    if not software_version:
        return None
    for defect in known_defects(profile, software_version, names):
        return Fact(_KNOWN_BUG, True, at, source, f"{profile.id}: {defect.title.get('en', '')}", raw=software_version)
    if not profile.firmware.maintained:
        return None
    listed = f"{profile.id}: {profile.firmware.source}"
    return Fact(_KNOWN_BUG, False, at, source, listed, raw=software_version)


def optical_class_of(profile: Profile, names: Sequence[str]) -> Optics | None:
    """The optical class of a model, by its product class or model name; None where no source tells it."""
    for known in profile.optics:
        if any(like(name, known.models) for name in names if name):
            return known
    return None


def binding_values(profile: Profile, values: Mapping[str, str]) -> dict[str, str]:
    """The values that tell which line a device is on: `pppoe_login` and `address`, where the tree has them."""
    shape = shape_of(values)
    found = {}
    for key in ("pppoe_login", "address"):
        patterns: tuple[str, ...] = getattr(profile.binding, key)
        texts = (values[name].strip() for pattern in patterns for name in shape.matching(pattern))
        usable = next((text for text in texts if text and text != "0.0.0.0"), None)
        if usable is not None:
            found[key] = usable
    return found


def _first_usable(readings: Sequence[Reading], values: Mapping[str, str], shape: Shape) -> _Sample | None:
    unusable = None
    for reading in readings:
        sample = _read(reading, values, shape)
        if sample is not None and sample.value is not None:
            return sample
        unusable = unusable or sample
    return unusable


def _read(reading: Reading, values: Mapping[str, str], shape: Shape) -> _Sample | None:
    rows: Sequence[str] = shape.matching(reading.path)
    if reading.counted_by is not None or reading.where or reading.given:
        rows = [name for name in rows if _row_counts(reading, name, values)]
    if reading.pick == "count":
        return _Sample(len(rows), f"{len(rows)} rows", reading.path, tuple(rows)) if rows else None
    samples = [_sample(reading, name, values) for name in rows if values[name].strip()]
    usable = [sample for sample in samples if sample.value is not None]
    return _picked(reading, usable) if usable else next(iter(samples), None)


def _picked(reading: Reading, samples: Sequence[_Sample]) -> _Sample:
    """One value of many rows; where all of them were looked at, it rests on all of them."""
    chosen = _chosen(reading, samples)
    if reading.pick == "first":
        return chosen
    names = tuple(name for sample in samples for name in (sample.name, *sample.rests_on))
    return _Sample(chosen.value, chosen.raw, chosen.name, names)


def _chosen(reading: Reading, samples: Sequence[_Sample]) -> _Sample:
    match reading.pick:
        case "min":
            return min(samples, key=_size)
        case "max":
            return max(samples, key=_size)
        case "any":
            return next((sample for sample in samples if sample.value in (True, "up")), samples[0])
        case "all":
            return next((sample for sample in samples if sample.value in (False, "down")), samples[0])
        case "sum":
            total = sum(_size(sample) for sample in samples)
            return _Sample(whole_number(reading, total), "+".join(sample.raw for sample in samples), reading.path)
        case _:
            return next((sample for sample in samples if sample.value in reading.prefer), samples[0])


def _sample(reading: Reading, name: str, values: Mapping[str, str]) -> _Sample:
    raw = values[name].strip()
    if reading.of is None:
        return _Sample(value_of(reading, raw), raw, name)
    whole_name = _beside(reading.path, name, reading.of)
    whole = values.get(whole_name, "").strip()
    return _Sample(value_of(reading, raw, whole), f"{raw} of {whole}", name, (whole_name,))


def _size(sample: _Sample) -> float:
    return float(sample.value) if isinstance(sample.value, int | float) else 0.0


def _row_counts(reading: Reading, name: str, values: Mapping[str, str]) -> bool:
    if reading.counted_by is not None:
        counter = values.get(_beside(reading.path, name, reading.counted_by), "")
        if number(counter) == 0:
            return False
    for leaf, allowed in reading.where.items():
        said = values.get(_beside(reading.path, name, leaf), "").strip().lower()
        if said not in {text.lower() for text in allowed}:
            return False
    for leaf, (least, most) in reading.given.items():
        value = number(values.get(_beside(reading.path, name, leaf), ""))
        if value is None or not least <= value <= most:
            return False
    return True


@lru_cache(maxsize=_NEIGHBOURS)
def _beside(pattern: str, name: str, other: str) -> str:
    """The name that `other` has in the row of `name`: a leaf of the last row, or a whole pattern with its own *."""
    instances = iter(regex_of(pattern).fullmatch(name).groups())  # type: ignore[union-attr]  # name matched this pattern
    if "*" in other:
        return re.sub(r"\*", lambda _: next(instances), other)
    if other.startswith(pattern.split(".", 1)[0] + "."):
        return other
    return beside(name, other)


def _patterns(reading: Reading) -> Iterator[str]:
    yield reading.path
    if reading.of is not None:
        yield reading.of
    if reading.counted_by is not None:
        yield reading.counted_by
    for leaf in (*reading.where, *reading.given):
        yield beside(reading.path, leaf)


def _paths(names: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name.endswith("."))
