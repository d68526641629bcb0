"""Values of the card that no parameter says by itself: identity, firmware, what a light level means. Pure.

The rule of this file: what is worked out names what it rests on, and is as old as that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from acs.profiles.schema import Profile
from acs.profiles.tree import known_defects
from acs.services import optics
from acs.services.device_card import Defect, State, Value
from acs.services.merging import is_stale
from acs.services.optics import Edges, Level
from acs.services.own_names import model_names, own_macs
from acs.store.records import DeviceRecord, LineRecord
from acs.store.search_terms import fold
from probes.facts import FACTS, Fact, Quality, Scalar

#: MACs of a device that are shown.
_MACS = 4
LIGHT, BIRTH, CLASS = "ont.rx_dbm", "ont.birth_rx_dbm", "ont.optical_class"

_TITLES: Mapping[str, tuple[str, str]] = {
    "manufacturer": ("Производитель", "Manufacturer"),
    "product_class": ("Модель", "Model"),
    "model_name": ("Название модели", "Model name"),
    "mac": ("MAC", "MAC"),
    "serial_number": ("Серийный номер", "Serial number"),
    "gpon_serial": ("Серийный номер PON", "PON serial"),
    "oui": ("OUI", "OUI"),
    "hardware_version": ("Версия железа", "Hardware version"),
    "root": ("Модель данных", "Data model"),
    "address": ("Адрес", "Address"),
    "connection_request_url": ("Адрес для вызова", "Connection request URL"),
    "first_seen_at": ("Впервые появилось", "First seen"),
    "last_inform_at": ("Последний Inform", "Last Inform"),
    "line": ("Линия", "Line"),
    "software_version": ("Версия прошивки", "Software version"),
    "defects": ("Известные ошибки этой версии", "Known defects of this version"),
    "light.class": ("Оптический класс", "Optical class"),
    "light.margin_db": ("Запас до порога приёмника", "Margin to the receiver's edge"),
    "light.headroom_db": ("Запас до перегрузки", "Room to overload"),
    "light.usual_dbm": ("Обычный уровень за 7 дней", "Usual level of 7 days"),
    "light.delta_db": ("Сдвиг от обычного", "Against the usual level"),
    "light.trend_db_day": ("Тренд", "Trend"),
    "light.birth_dbm": ("Уровень в первые дни", "Level of the first days"),
    "light.since_birth_db": ("Сдвиг с первых дней", "Against the first days"),
}


@dataclass(frozen=True, slots=True)
class Light:
    """What the level of a line's light is held against. `assumed`: the class is the network's usual one."""

    levels: Sequence[Level]
    optical_class: str
    assumed: bool
    edges: Edges | None
    class_source: str = ""
    birth: Fact | None = None


def identity_values(
    device: DeviceRecord, line: LineRecord | None, tree: Mapping[str, str], times: Mapping[str, datetime], now: datetime
) -> list[Value]:
    """Who the device is, as it said in its last Inform and in its tree."""
    told = ("manufacturer", "product_class", "serial_number", "oui", "hardware_version", "root", "address")
    values = [_said(name, str(getattr(device, name)), device.last_inform_at, "Inform", now) for name in told]
    values[2:2] = [
        _said("model_name", value, times.get(name, device.last_inform_at), "cpe", now, note=name)
        for name, value in model_names(tree)[:1]
        if fold(value) != fold(device.product_class)
    ]
    macs = own_macs(tree)
    if macs:
        at = min(times.get(name, device.last_inform_at) for name in macs.values())
        more = " …" if len(macs) > _MACS else ""
        values.append(_said("mac", ", ".join(list(macs)[:_MACS]) + more, at, "cpe", now))
    values.append(_said("connection_request_url", device.connection_request_url, device.last_inform_at, "Inform", now))
    values.append(_said("last_inform_at", device.last_inform_at.isoformat(), device.last_inform_at, "cwmp", now))
    values.append(_said("first_seen_at", device.first_seen_at.isoformat(), device.first_seen_at, "cwmp", now))
    if line is not None:
        values.append(_said("line", line.id, now, "inventory", now))
        values.append(_said("gpon_serial", line.gpon_serial, now, "inventory", now))
    return [value for value in values if value.value]


def firmware_values(
    device: DeviceRecord, profile: Profile | None, defects: Sequence[Defect], now: datetime
) -> list[Value]:
    """The version that runs, and what is known of it."""
    version = _said("software_version", device.software_version, device.last_inform_at, "Inform", now)
    if profile is None or not device.software_version:
        return [version]
    if defects:
        said: Scalar = "; ".join(defect.title.get("en", "") for defect in defects)
        return [version, _said("defects", said, now, f"profile {profile.id}", now)]
    if profile.firmware.maintained:
        reviewed = f"reviewed {profile.firmware.reviewed}" if profile.firmware.reviewed else ""
        return [version, _said("defects", "none", now, f"profile {profile.id}", now, note=reviewed)]
    missing = Value("defects", _title("defects"), None, "", State.NOT_KNOWN, note="nobody keeps a list of them")
    return [version, missing]


def defects_of(profile: Profile, device: DeviceRecord, names: Sequence[str]) -> list[Defect]:
    """The defects that its version is known to have; `names` are those of its model."""
    return [
        Defect({"ru": each.title.get("ru", ""), "en": each.title.get("en", "")}, each.source)
        for each in known_defects(profile, device.software_version, names)
    ]


def light_values(light: Light, reading: Fact | None, now: datetime) -> list[Value]:
    """What a level means: class, margins, usual level, trend, first days. Nothing where there never was a level."""
    level = reading.value if reading is not None and reading.quality is Quality.OK else None
    if isinstance(level, bool) or not isinstance(level, int | float):
        level = None
    if level is None and not light.levels:
        return []
    at = reading.at if reading is not None and level is not None else light.levels[-1][0]
    stale = reading is not None and is_stale(reading, now)
    told = _Told(at, now, stale)
    values = [
        told.value("light.class", light.optical_class, "", light.class_source, "assumed" if light.assumed else "")
    ]
    if level is not None and light.edges is not None:
        margin = round(level - light.edges.sensitivity_dbm, 2)
        room = round(light.edges.overload_dbm - level, 2)
        note = f"against {light.edges.sensitivity_dbm:g} dBm of {light.optical_class}"
        values.append(told.value("light.margin_db", margin, "dB", "pack", note))
        values.append(told.value("light.headroom_db", room, "dB", "pack", f"to {light.edges.overload_dbm:g} dBm"))
    return [*values, *_against_the_past(light, level, told)]


@dataclass(frozen=True, slots=True)
class _Told:
    """What values that rest on one reading share."""

    at: datetime
    now: datetime
    stale: bool

    def value(
        self, name: str, value: Scalar, unit: str, source: str, note: str = "", at: datetime | None = None
    ) -> Value:
        """A value as old as the reading, or as `at`."""
        when = at or self.at
        state = State.STALE if self.stale and at is None else State.OK
        return Value(name, _title(name), value, unit, state, when, _age(when, self.now), source, None, note)


def _against_the_past(light: Light, level: float | None, told: _Told) -> list[Value]:
    values: list[Value] = []
    usual = optics.usual(light.levels, told.now)
    if usual is not None:
        values.append(told.value("light.usual_dbm", usual, "dBm", "history", at=light.levels[-1][0]))
        if level is not None:
            values.append(told.value("light.delta_db", round(level - usual, 2), "dB", "history"))
    trend = optics.trend(light.levels, told.now)
    if trend is not None:
        note = f"over {trend.days:g} days"
        values.append(
            told.value("light.trend_db_day", trend.db_per_day, "dB/day", "history", note, light.levels[-1][0])
        )
    born = _birth(light)
    if born is not None:
        at, birth, source = born
        note = "first days of what is kept" if source == "history" else ""
        values.append(told.value("light.birth_dbm", birth, "dBm", source, note, at))
        if level is not None:
            values.append(told.value("light.since_birth_db", round(level - birth, 2), "dB", source))
    return values


def _birth(light: Light) -> tuple[datetime, float, str] | None:
    birth = light.birth
    if birth is not None and isinstance(birth.value, int | float) and not isinstance(birth.value, bool):
        return birth.at, float(birth.value), birth.source
    first = optics.beginning(light.levels)
    return None if first is None else (*first, "history")


def _said(name: str, value: Scalar, at: datetime, source: str, now: datetime, *, note: str = "") -> Value:
    return Value(name, _title(name), value, "", State.OK, at, _age(at, now), source, None, note)


def _age(at: datetime, now: datetime) -> float:
    return round(max(0.0, (now - at).total_seconds()), 1)


def _title(name: str) -> Mapping[str, str]:
    if name in _TITLES:
        ru, en = _TITLES[name]
        return {"ru": ru, "en": en}
    return FACTS[name].title
