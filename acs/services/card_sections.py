"""What stands on the card of a device, and in which order: sections of facts and tables.

The rule of this file: data only. A fact is one of `probes/facts.py`, a table one of `acs/profiles/columns.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

#: Kinds of profiles, as sections tell them apart.
HOME = frozenset({"generic", "ont", "router"})
STB = frozenset({"stb"})


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """One section. `kinds` are the profiles' kinds that have it; `quiet`: it is left out where it would be empty."""

    name: str
    title: Mapping[str, str]
    facts: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    kinds: frozenset[str] = HOME | STB
    quiet: bool = False


def _section(
    name: str,
    ru: str,
    en: str,
    facts: str = "",
    tables: str = "",
    kinds: frozenset[str] = HOME | STB,
    *,
    quiet: bool = False,
) -> SectionSpec:
    return SectionSpec(name, {"ru": ru, "en": en}, tuple(facts.split()), tuple(tables.split()), kinds, quiet)


#: The card, from the top.
SECTIONS: tuple[SectionSpec, ...] = (
    _section("identity", "Устройство", "Device"),
    _section("firmware", "Прошивка", "Firmware", tables="images"),
    _section(
        "health",
        "Состояние",
        "Health",
        "cpe.uptime_s cpe.boots_24h cpe.mem_free_pct cpe.cpu_pct cpe.temp_c cpe.inform_interval_s",
        "sensors",
    ),
    _section(
        "optics",
        "Оптика",
        "Optics",
        "ont.rx_dbm ont.tx_dbm ont.olt_rx_dbm ont.temp_c ont.voltage_v ont.bias_ma ont.catv_rx_dbm ont.run_state"
        " ont.last_down_cause ont.last_down_at ont.flaps_24h ont.distance_m",
        kinds=HOME,
    ),
    _section(
        "dsl",
        "DSL",
        "DSL",
        "dsl.link dsl.snr_margin_db dsl.snr_margin_up_db dsl.attenuation_db dsl.attenuation_up_db dsl.rate_down_mbit"
        " dsl.rate_up_mbit dsl.crc_15min dsl.es_15min",
        "dsl_lines",
        HOME,
        quiet=True,
    ),
    _section(
        "tv",
        "Телевидение",
        "Television",
        "stb.rtp_loss_pct stb.max_loss_period stb.underruns stb.lost_frames stb.decoder_errors stb.decoding"
        " stb.zap_fail_pct stb.mdi_df_ms stb.mdi_mlr stb.ca_status stb.hdmi stb.portal_ok stb.conn mcast.joined",
        "streams screens multicast_groups portals",
        STB,
    ),
    _section(
        "wan",
        "Подключение",
        "WAN",
        "ppp.last_error dhcp.status dhcp.selecting_s wan.mtu_bytes wan.double_nat wan.traffic_growing",
        "wan",
    ),
    _section("lan", "Порты и сеть", "LAN", "ont.lan_link ont.lan_speed_mbit ont.lan_duplex", "ports lans"),
    _section("hosts", "Устройства абонента", "LAN hosts", "", "hosts port_mappings", HOME),
    _section(
        "wifi",
        "Wi-Fi",
        "Wi-Fi",
        "wifi.radio_on wifi.clients wifi.worst_rssi wifi.snr_db wifi.rate_mbit wifi.retrans_pct wifi.util_pct"
        " wifi.neighbour_aps",
        "radios ssids stations neighbours",
    ),
    _section(
        "voice",
        "Телефония",
        "Voice",
        "voip.registered voip.call_active voip.network_status voip.sip_code voip.loss_pct voip.jitter_ms"
        " voip.latency_ms voip.mos",
        "voip_lines",
        HOME,
    ),
)
