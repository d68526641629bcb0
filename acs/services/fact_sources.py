"""Where each fact of a line test comes from: a source that is asked, what the store knows, or only other systems.

The rule of this file: a fact that rules ask for stands in exactly one of the two; a test holds both lists to the packs.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from acs.profiles.schema import Profile
from acs.services.obtainable import access_facts_known, named
from acs.services.path_sources import OPERATOR_DNS, SIZES

_TABLE = Path(__file__).with_name("told_facts.toml")

#: what follows from the store, the ticket and the test itself, by the module that says it
OWN: Mapping[str, tuple[str, ...]] = {
    "acs/services/context.py": ("incident.match", "planned.work"),
    "acs/services/derived.py": (
        "actions.tried",
        "contacts_14d",
        "cpe.boots_24h",
        "cpe.inform_age_s",
        "cpe.reachable",
        "line.cable_length_m",
        "ont.last_rx_dbm",
        "ont.last_rx_delta_db",
        "ont.optical_class",
        "ont.rx_delta_db",
        "stb.reachable",
        "ticket.service",
    ),
    "acs/services/own_knowledge.py": (
        "fw.upgrade_running",
        "ont.rx_slope_days",
        "ont.rx_slope_db_day",
        "stb.informs_missed",
        "tdr.gap_to_known_len_m",
    ),
    "acs/profiles/tree.py": ("fw.outdated_known_bug",),
    "acs/services/radius_sessions.py": ("bras.address", "bras.session"),
    "acs/services/tmf/incoming.py": ("ticket.opened_at",),
    "acs/services/line_judging.py": ("probe.done_n", "probe.elapsed_s", "probe.planned_n", "probe.sources_down"),
    "probes/ping/__init__.py": ("ping.loss_pct", "ping.rtt_ms", "ping.sent_n"),
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells a fact that no line test gathers, and why it does not; by language."""

    by: Mapping[str, str]
    why: Mapping[str, str]


@cache
def tellers() -> Mapping[str, Teller]:
    """Fact → who tells it; facts that a line test gathers are not in it. It reads a packaged file once."""
    table = tomllib.loads(_TABLE.read_text("utf-8"))["told"]
    return {name: Teller(entry["by"], entry["why"]) for entry in table for name in entry["facts"]}


def gathered(profiles: tuple[Profile, ...]) -> frozenset[str]:
    """Every fact that a line test can get by itself, from some model and some technology."""
    access = (access_facts_known(technology) for technology in ("pon", "fttb", "dsl"))
    trees = (frozenset(profile.readings) for profile in profiles)
    own = frozenset(name for names in OWN.values() for name in names)
    return own.union(SIZES, {OPERATOR_DNS}, named("led.", "home."), *access, *trees)
