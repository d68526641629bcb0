"""Labelled lines: a fault is drawn, its world measured with noise, through a vendor's encoding, and in part lost.

    signature (what is true) ─→ values with noise ─→ a vendor's raw form and back ─→ ages, losses, sentinels ─→ facts

The rule of this file: it knows no card and no threshold of any pack; the same seed gives the same lines.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from probes.facts import FACTS, Fact, FactKind, Scalar
from probes.linetest.model import VerdictKind

SIGNATURES = Path(__file__).with_name("verdict_signatures.toml")
NOW = datetime(2026, 3, 12, 18, 32, tzinfo=UTC)

#: what comes from registries and from the ticket itself: lost together with its system, not one by one
_REGISTRIES = ("incident.", "planned.", "account.", "contacts_", "visits_", "cluster.", "ticket.")
#: readings of light: coarse, and noisy by about 1 dB at worst
_LIGHT = ("ont.rx_dbm", "ont.olt_rx_dbm", "ont.tx_dbm", "ont.last_rx_dbm", "olt.port_tx_dbm", "ont.rx_delta_db")
#: what is set or ordered and read back as it was set: it has no noise
_EXACT = (
    "account.tariff_mbit",
    "cpe.inform_interval_s",
    "cpe.lan_rate_mbit",
    "radius.policy_mbit",
    "sw.port_speed_hist_mbit",
    "sw.port_speed_mbit",
    "wan.mtu_bytes",
    "wan.mtu_expected_bytes",
)
#: what a device sends in place of a reading
_SENTINELS: Mapping[str, float] = {"ont.rx_dbm": 0.0, "ont.olt_rx_dbm": -40.0, "ont.temp_c": 2147483647.0}

#: cause of a fall → its number, by the encodings of three families of OLTs; what is not there is a code nobody knows
_FALL_CODES: tuple[Mapping[str, int], ...] = (
    {"los": 1, "losi": 2, "lofi": 3, "deactivated": 8, "sfi": 9, "dgi": 13},
    {"los": 1, "losi": 2, "lofi": 3, "sfi": 4, "loai": 5, "loami": 6, "deactivated": 7, "dgi": 9},
    {"dgi": 1, "deactivated": 3, "losi": 8, "los": 6, "reset": 11},
)
#: step of a light reading in dB, by the same families
_LIGHT_STEPS = (0.01, 0.002, 0.1)


@dataclass(frozen=True, slots=True)
class Damage:
    """Shares of what goes wrong with the measuring: facts lost, stale, sentinels; tickets about the wrong service."""

    missing: float = 0.20
    stale: float = 0.10
    sentinel: float = 0.05
    wrong_symptom: float = 0.05
    registry_down: float = 0.03
    dead_siblings: float = 0.03
    #: source → how often it gives nothing at all
    sources_down: Mapping[str, float] = field(default_factory=dict)


#: who gives which facts: lost together when it does not answer
_SOURCES: Mapping[str, tuple[str, ...]] = {
    "access": ("ont.", "sib.", "olt.", "sw.", "dsl.", "dslam."),
    "cpe": ("cpe.", "wifi.", "wan.", "ppp.", "dhcp.status", "dhcp.selecting_s", "voip.", "fw.", "dns.cpe_"),
    "set-top box": ("stb.", "mcast.joined"),
    "aaa": ("bras.", "radius."),
    "path": ("ping.", "hop.", "dns.operator_ok", "dns.failed_vantages"),
    "tester": ("tdr.", "melt.", "selt."),
}
#: known of a CPE from its last Inform, whether it answers now or not
_OF_INFORMS = ("cpe.inform_age_s", "cpe.inform_interval_s", "cpe.boots_24h", "fw.outdated_known_bug")
#: Losses as a live test has them [E]: a source answers or does not, and what it gives is nearly whole. A CPE in ten
#: does not answer in time; cables are tested where the test is allowed.
LIVE = {"access": 0.02, "cpe": 0.10, "set-top box": 0.10, "aaa": 0.03, "path": 0.05, "tester": 0.10}


def live() -> Damage:
    """Return the losses of a live test: by source."""
    return Damage(missing=0.02, stale=0.02, sentinel=0.01, sources_down=LIVE)


@dataclass(frozen=True, slots=True)
class Signature:
    """A fault, how often it comes, and what a line with it shows."""

    name: str
    technology: str
    weight: float
    verdict: VerdictKind
    cause: str
    location: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A labelled line: what was measured, and the world behind it (for asking once more)."""

    signature: Signature
    facts: Mapping[str, Fact]
    world: Mapping[str, Scalar]


def signatures(path: Path = SIGNATURES) -> list[Signature]:
    """Return the signatures of the data file."""
    tree = tomllib.loads(path.read_text(encoding="utf-8"))
    out = []
    for name, each in tree["signature"].items():
        absent = set(each.get("absent", ()))
        usual = {key: value for key, value in tree["usual"][each["technology"]].items() if key not in absent}
        truth = each["truth"]
        out.append(
            Signature(
                name,
                each["technology"],
                float(each["weight"]),
                VerdictKind(truth["verdict"]),
                truth["cause"],
                truth["location"],
                usual | each["facts"],
            )
        )
    return out


def lines(count: int, seed: int, damage: Damage, drawn: list[Signature] | None = None) -> list[Line]:
    """Return so many labelled lines, drawn by weight."""
    known = drawn or signatures()
    random = Random(seed)
    chosen = random.choices(known, [each.weight for each in known], k=count)
    return [_line(signature, random, damage) for signature in chosen]


def _line(signature: Signature, random: Random, damage: Damage) -> Line:
    vendor = random.randrange(len(_FALL_CODES))
    world = _world(signature, random, vendor, damage)
    down = {prefix for prefix in _REGISTRIES if random.random() < damage.registry_down}
    down |= _silent(random, damage)
    facts = {}
    for name, value in world.items():
        if name.startswith(tuple(down)) and name not in _OF_INFORMS:
            continue
        if not name.startswith(_REGISTRIES) and random.random() < damage.missing:
            continue
        facts[name] = _measured(name, value, random, damage)
    if random.random() < damage.wrong_symptom and "ticket.service" in facts:
        wrong = random.choice(("internet", "iptv", "voip"))
        facts["ticket.service"] = Fact("ticket.service", wrong, NOW, "generator")
    return Line(signature, facts, world)


def _silent(random: Random, damage: Damage) -> set[str]:
    """The beginnings of the facts whose source gave nothing for this line."""
    return {
        prefix
        for source, share in damage.sources_down.items()
        if random.random() < share
        for prefix in _SOURCES[source]
    }


def _world(signature: Signature, random: Random, vendor: int, damage: Damage) -> dict[str, Scalar]:
    """The values of one line of this fault, as its equipment would tell them without any loss."""
    world: dict[str, Scalar] = {}
    for name, value in signature.facts.items():
        if isinstance(value, dict):
            ago = max(1.0, value["ago_s"] * random.uniform(0.7, 1.3))
            world[name] = (NOW - timedelta(seconds=ago)).isoformat()
        elif name == "ont.last_down_cause" and isinstance(value, str):
            if value in _FALL_CODES[vendor]:
                world[name] = value
        elif isinstance(value, bool | str):
            world[name] = value
        else:
            world[name] = _noisy(name, float(value), random, vendor)
    _bury(world, random, damage)
    return world


def _noisy(name: str, value: float, random: Random, vendor: int) -> float:
    if name in _EXACT:
        return value
    if name in _LIGHT:
        step = _LIGHT_STEPS[vendor]
        return round(round((value + max(-1.0, min(1.0, random.gauss(0.0, 0.4)))) / step) * step, 3)
    if FACTS[name].kind is FactKind.COUNT:
        wide = round(value * random.uniform(0.9, 1.1))
        return float(wide if value > 20 else round(value))
    if 0.0 < value < 1.0:
        return round(max(0.0, min(1.0, value + random.gauss(0.0, 0.02))), 3)
    return round(value * random.uniform(0.95, 1.05), 3)


def _bury(world: dict[str, Scalar], random: Random, damage: Damage) -> None:
    """Terminals long dead among the siblings: counted by whoever does not leave them out."""
    n = world.get("sib.n")
    if not isinstance(n, float) or not damage.dead_siblings:
        return
    dead = sum(random.random() < damage.dead_siblings for _ in range(int(n)))
    ratio = world.get("sib.down_ratio")
    if dead and isinstance(ratio, float):
        world["sib.down_ratio"] = round(min(1.0, ratio + 0.25 * dead / n), 4)


def _measured(name: str, value: Scalar, random: Random, damage: Damage) -> Fact:
    oldest = FACTS[name].max_age_s
    age = 0.0 if oldest is None else random.uniform(0.0, 0.8) * oldest
    if oldest is not None and not name.startswith(_REGISTRIES) and random.random() < damage.stale:
        age = oldest * random.uniform(1.1, 5.0)
        value = _some_time_ago(name, value, random)
    if name in _SENTINELS and random.random() < damage.sentinel:
        value = _SENTINELS[name]
    if FACTS[name].kind is FactKind.COUNT and isinstance(value, float):
        value = int(value)
    return Fact(name, value, NOW - timedelta(seconds=age), "generator")


def _some_time_ago(name: str, value: Scalar, random: Random) -> Scalar:
    """An old reading is from before the fault as often as not: then it shows a line that was well."""
    well: Mapping[str, Scalar] = {
        "ont.run_state": "online",
        "bras.session": "up",
        "ping.loss_pct": 0.0,
        "ont.rx_dbm": -20.0,
        "ont.rx_delta_db": 0.0,
        "sib.down_ratio": 0.0,
        "cpe.reachable": True,
        "wifi.worst_rssi": -55.0,
        "sw.port_oper": "up",
        "dsl.link": "up",
    }
    return well[name] if name in well and random.random() < 0.5 else value
