"""Which facts a line test could still get, so that it does not send anybody after what nobody here can measure. Pure.

The rule of this file: a source that has answered has given what it has; one that was late, failed or was not asked can
be asked again; other systems can renew what they have said of this line; the subscriber can be asked at any time.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

from acs.services.gathering import Source, SourceReport, SourceState
from probes.facts import FACTS, Fact
from probes.profiles.schema import (
    AccessProfile,
    DslamProfile,
    SwitchProfile,
    load_dslams,
    load_profiles,
    load_switches,
)

#: facts that are the subscriber's word begin so
_SUBSCRIBER = ("led.", "home.")
#: what follows from several reads or tables of a switch port
_OF_SWITCHES = frozenset(
    {
        "sw.reachable",
        "sw.crc_ppm",
        "sw.late_collisions",
        "sw.mac_count",
        "sw.macs",
        "sw.frames_15min",
        "sw.runts_15min",
        "sw.dhcp_binding",
        "dhcp.mac_matches_binding",
        "sw.in_mbit",
        "sw.port_changed_at",
        "sw.uptime_s",
        "sw.out_mbit",
    }
)
#: what a whole reading of a PON port tells of the neighbours (`probes/linetest/outage.py`)
_OF_NEIGHBOURS = frozenset(
    {
        "sib.n",
        "sib.up",
        "sib.down_ratio",
        "sib.others_down_window",
        "sib.others_flapping",
        "sib.dg_ratio",
        "sib.level",
        "sib.splitters_hit",
        "sib.pon_rest_up_ratio",
        "sib.rx_delta_share",
        "sib.rx_step_median_db",
        "sib.rx_median_dbm",
        "sib.olt_rx_median_dbm",
        "sib.baseline_days",
    }
)
#: what follows from several reads of an OLT
_OF_PORTS = frozenset(
    {
        "olt.reachable",
        "olt.port_fault",
        "olt.unprovisioned_on_port",
        "olt.unprovisioned_serials",
        "ont.flaps_24h",
        "ont.dg_24h",
        "ont.down_history",
        "probe.walk_ratio",
    }
)
_ENDED = (SourceState.ANSWERED, SourceState.SKIPPED)


def obtainable(sources: Iterable[Source], reports: Sequence[SourceReport], told: Iterable[Fact]) -> frozenset[str]:
    """The names of the facts that could still be had for this line."""
    spent = {report.name for report in reports if report.state in _ENDED}
    open_ = (source.gives for source in sources if source.name not in spent)
    return named(*_SUBSCRIBER).union({fact.name for fact in told}, *open_)


@cache
def named(*prefixes: str) -> frozenset[str]:
    """The names in the table of facts that begin so."""
    return frozenset(name for name in FACTS if name.startswith(prefixes))


@cache
def access_facts_known(technology: str) -> frozenset[str]:
    """What access nodes of a technology can give: their profiles' columns, and what follows from a whole port."""
    if technology == "fttb":
        return frozenset(_columns(load_switches())) | _OF_SWITCHES
    if technology == "dsl":
        return frozenset(_columns(load_dslams())) | {"dslam.reachable"}
    return _OF_NEIGHBOURS | _OF_PORTS | _columns(load_profiles())


def _columns(
    profiles: Mapping[str, AccessProfile] | Mapping[str, SwitchProfile] | Mapping[str, DslamProfile],
) -> set[str]:
    return {column.fact for profile in profiles.values() for column in profile.columns.values() if column.fact}
