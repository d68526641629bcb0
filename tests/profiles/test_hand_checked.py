"""hand_checked.txt: values read by eye from real trees and captures, and what their profiles make of them.

Three things are held of each line: the device really sent that text, the profile gives that value, and the table of
facts or columns has that unit.
"""

import csv
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from acs.profiles.columns import TABLES
from acs.profiles.rows import tables_from_tree
from acs.profiles.schema import Identity, choose, load_profiles
from acs.profiles.tree import facts_from_tree, firmware_fact
from probes.facts import FACTS, Scalar
from tests.shared_data import shared

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FILE = Path(__file__).with_name("hand_checked.txt")
FIXTURES = Path(__file__).parents[2] / "fixtures" / "cpe"
LINE = re.compile(r"(?P<what>\S+) = (?P<value>.+?)(?: \[(?P<unit>[^\]]+)\])? <- (?P<source>\S+) = (?P<text>.*)")
PAIR = re.compile(r"<(?:\w+:)?Name[^>]*>\s*([^<]+?)\s*</(?:\w+:)?Name\s*>\s*<(?:\w+:)?Value[^>]*>\s*([^<]*?)\s*<")


@dataclass(frozen=True)
class Line:
    """One value: of a fact, or of a column of the row at `row` in `table`."""

    what: str
    value: Scalar | None
    unit: str
    source: str
    text: str
    table: str = ""
    row: str = ""


@dataclass
class Device:
    """One tree or capture, and its lines."""

    kind: str
    file: str
    manufacturer: str
    oui: str
    product_class: str
    profile: str
    lines: list[Line] = field(default_factory=list)


def long(name: str) -> str:
    return re.sub(r"^IGD\.", "InternetGatewayDevice.", name)


def meant(text: str) -> Scalar | None:
    if text in ("true", "false"):
        return text == "true"
    if text == "nothing":
        return None
    return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text


@cache
def devices() -> tuple[Device, ...]:
    found: list[Device] = []
    table = row = ""
    for line in FILE.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        if line.startswith(("tree ", "capture ")):
            kind, _, rest = line.partition(" ")
            file, maker, oui, product_class, profile = (part.strip() for part in rest.split("|"))
            found.append(Device(kind, file, maker, oui, product_class, profile))
            table = row = ""
        elif line.startswith("row "):
            _, table, row = line.split()
            row = long(row)
        else:
            is_fact = line.startswith("fact ")
            parts = LINE.fullmatch(line.removeprefix("fact "))
            assert parts is not None, line
            source = long(parts["source"])
            if not is_fact and not source.startswith(("InternetGatewayDevice.", "Device.")):
                source = f"{row}.{source}"
            where = ("", "") if is_fact else (table, row)
            found[-1].lines.append(
                Line(parts["what"], meant(parts["value"]), parts["unit"] or "", source, parts["text"], *where)
            )
    return tuple(found)


def values_of(device: Device) -> dict[str, str]:
    if device.kind == "capture":
        text = (FIXTURES / device.file).read_text("utf-8", errors="replace")
        return {re.sub(r"\s", "", name): value for name, value in PAIR.findall(text)}
    with shared(f"data/trees/{device.file}.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Object"] == "false"]
    return {row["Parameter"]: row["Value"] for row in rows if row["Parameter"].startswith(("Int", "Device."))}


def test_the_table_is_large_enough_and_names_no_value_twice() -> None:
    lines = [(device.file, line.table, line.row, line.what) for device in devices() for line in device.lines]
    assert len(lines) >= 300
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize("device", devices(), ids=lambda device: device.file.split("/")[0])
def test_a_real_device_gives_the_values_that_were_read_by_eye(device: Device) -> None:
    values = values_of(device)
    root = next(iter(name for name in values if "." in name)).partition(".")[0] + "."
    version = values.get(f"{root}DeviceInfo.SoftwareVersion", "")
    identity = Identity(root, device.manufacturer, device.oui, device.product_class, version)
    profile = choose(load_profiles(), identity, sorted(values))
    assert profile is not None and profile.id == device.profile
    facts = {fact.name: fact.value for fact in facts_from_tree(profile, values, NOW, "hand")}
    firmware = firmware_fact(profile, version, NOW, "hand")
    facts |= {firmware.name: firmware.value} if firmware is not None else {}
    tables = tables_from_tree(profile, values, NOW, "hand")
    rows = {(name, row.path): row.values for name, table in tables.items() for row in table.rows}
    wrong = []
    for line in device.lines:
        assert values.get(line.source, "").strip() == line.text, (line.source, "is not what the device sent")
        found = rows[line.table, line.row].get(line.what) if line.table else facts.get(line.what)
        unit = TABLES[line.table].columns[line.what].unit if line.table else FACTS[line.what].unit
        right = found == (pytest.approx(line.value, abs=0.0005) if isinstance(line.value, float) else line.value)
        if line.value is not None and unit != line.unit:
            wrong.append(f"{line.table}.{line.what}: unit {unit!r}, read as {line.unit!r}")
        if not right and not (isinstance(line.value, float) and str(found) == line.text):
            wrong.append(f"{line.table} {line.row} {line.what}: {found!r}, read as {line.value!r} ({line.text})")
    assert not wrong


def test_a_device_with_a_tree_has_a_proven_profile() -> None:
    profiles = {profile.id: profile for profile in load_profiles()}
    for device in devices():
        assert profiles[device.profile].proven, device.profile
