"""A plain threshold tree, as support desks have it in flow charts and scripts: the baseline of bench/verdicts.py.

First question first; a fact that is missing counts as good, and its age is not looked at. It is written in good faith:
limits are the usual bands, the order is the usual order (registries, account, link, light, session, home).
"""

from collections.abc import Callable, Mapping

from probes.facts import Fact, Scalar
from probes.linetest.model import VerdictKind

#: what the tree says: verdict and cause
Answer = tuple[VerdictKind, str]
Values = Mapping[str, Scalar]

NOTHING: Answer = (VerdictKind.NFF, "nff")


def tree(technology: str, facts: Mapping[str, Fact]) -> Answer:
    """Return what the tree says of a line."""
    values = {name: fact.value for name, fact in facts.items() if fact.value is not None}
    for branch in (_registries, _BRANCHES.get(technology, _none), _session, _service, _home):
        answer = branch(values)
        if answer is not None:
            return answer
    return NOTHING


def _number(values: Values, name: str, default: float = 0.0) -> float:
    value = values.get(name, default)
    return float(value) if isinstance(value, int | float) else default


def _none(_: Values) -> Answer | None:
    return None


def _registries(values: Values) -> Answer | None:
    if values.get("incident.match", "none") != "none":
        return VerdictKind.ATTACH_OUTAGE, "incident_match"
    if values.get("planned.work", "none") != "none":
        return VerdictKind.ATTACH_OUTAGE, "planned_work"
    if values.get("account.state", "active") != "active":
        return VerdictKind.GUIDE_CUSTOMER, "account_blocked"
    if _number(values, "cluster.tickets_15min") >= 5:
        return VerdictKind.OPEN_OUTAGE, "ticket_cluster"
    return None


def _pon(values: Values) -> Answer | None:
    if values.get("olt.reachable") is False:
        return VerdictKind.ESCALATE_CORE, "olt_down"
    if values.get("ont.run_state") == "offline":
        return _dark(values)
    light = _number(values, "ont.rx_dbm", -20.0)
    if light < -27.0:
        shared = _number(values, "sib.rx_delta_share") >= 0.5
        return (VerdictKind.DISPATCH_LINE, "low_rx_shared") if shared else (VerdictKind.DISPATCH_HOME, "low_rx_single")
    if light > -8.0:
        return VerdictKind.DISPATCH_HOME, "rx_overload"
    if _number(values, "ont.flaps_24h") >= 5:
        return VerdictKind.DISPATCH_HOME, "flapping_line"
    if _number(values, "ont.bip_ds") >= 1000:
        return VerdictKind.DISPATCH_HOME, "high_ber"
    return None


def _dark(values: Values) -> Answer:
    """The terminal is offline: everybody, power, or this line."""
    if _number(values, "sib.down_ratio") >= 0.5:
        power = values.get("ont.last_down_cause") == "dgi"
        return VerdictKind.OPEN_OUTAGE, "mass_power" if power else "mass_fibre"
    if values.get("ont.admin_state") == "deactivated":
        return VerdictKind.REMOTE_FIX, "ont_deactivated"
    if values.get("olt.unprovisioned_on_port") is True:
        return VerdictKind.REMOTE_FIX, "wrong_serial"
    if values.get("ont.last_down_cause") == "dgi":
        return VerdictKind.GUIDE_CUSTOMER, "customer_power_off"
    return VerdictKind.DISPATCH_HOME, "drop_fibre_cut"


def _fttb(values: Values) -> Answer | None:
    if values.get("sw.reachable") is False:
        return VerdictKind.OPEN_OUTAGE, "switch_down"
    if values.get("sw.err_disabled", "none") != "none":
        return VerdictKind.GUIDE_CUSTOMER, "port_loop"
    if values.get("sw.port_oper") == "down":
        cut = _number(values, "tdr.gap_to_known_len_m") > 5
        return (VerdictKind.DISPATCH_HOME, "tp_cut") if cut else (VerdictKind.GUIDE_CUSTOMER, "tp_far_end_unplugged")
    if _number(values, "sw.crc_ppm") > 100:
        return VerdictKind.DISPATCH_HOME, "tp_bad"
    if _number(values, "sw.port_flaps_24h") >= 10:
        return VerdictKind.GUIDE_CUSTOMER, "port_flaps"
    if values.get("sw.security_violation") is True:
        return VerdictKind.REMOTE_FIX, "port_security"
    if _number(values, "sw.mac_count", 1) == 0:
        return VerdictKind.GUIDE_CUSTOMER, "router_hung"
    return None


def _dsl(values: Values) -> Answer | None:
    if values.get("dsl.link") == "down":
        broken = values.get("melt.result") in ("open", "short")
        return (VerdictKind.DISPATCH_LINE, "dsl_pair_open") if broken else (VerdictKind.GUIDE_CUSTOMER, "modem_off")
    if _number(values, "melt.insulation_kohm", 9999) < 100:
        return VerdictKind.DISPATCH_LINE, "dsl_water_in_cable"
    if _number(values, "dsl.snr_margin_db", 12) < 6:
        return VerdictKind.REMOTE_FIX, "dsl_low_margin"
    if _number(values, "dsl.es_15min") > 100:
        return VerdictKind.REMOTE_FIX, "dsl_impulse_noise"
    return None


def _session(values: Values) -> Answer | None:
    if _number(values, "bras.peers_lost_ratio") >= 0.5:
        return VerdictKind.ESCALATE_CORE, "bras_or_core"
    if values.get("bras.session", "up") == "up":
        return None
    if values.get("radius.last") == "reject_password":
        return VerdictKind.REMOTE_FIX, "ppp_auth"
    if values.get("bras.session") == "stale" or values.get("radius.last") == "reject_max_sessions":
        return VerdictKind.REMOTE_FIX, "session_stuck"
    if values.get("wan.vlan_matches_order") is False:
        return VerdictKind.REMOTE_FIX, "vlan_mismatch"
    if _number(values, "dhcp.pool_free_pct", 50) <= 1:
        return VerdictKind.ESCALATE_CORE, "dhcp_pool_empty"
    if values.get("dhcp.mac_matches_binding") is False:
        return VerdictKind.REMOTE_FIX, "dhcp_binding"
    return VerdictKind.REMOTE_FIX, "cpe_memory"


def _service(values: Values) -> Answer | None:
    service = values.get("ticket.service")
    if service == "iptv":
        return _tv(values)
    if service == "voip":
        if _number(values, "voip.platform_fail_ratio") >= 0.1:
            return VerdictKind.ESCALATE_CORE, "voip_platform"
        if values.get("voip.network_status") == "error_dns":
            return VerdictKind.REMOTE_FIX, "sip_dns"
        if values.get("voip.registered") is False:
            return VerdictKind.REMOTE_FIX, "sip_credentials"
        if _number(values, "voip.offhook_min") >= 15:
            return VerdictKind.GUIDE_CUSTOMER, "handset_off_hook"
        return VerdictKind.REMOTE_FIX, "voice_qos"
    return None


def _tv(values: Values) -> Answer | None:
    if _number(values, "iptv.group_bad_stb") >= 2:
        return VerdictKind.ESCALATE_CORE, "iptv_headend"
    if values.get("account.iptv_package") == "inactive":
        return VerdictKind.GUIDE_CUSTOMER, "iptv_not_entitled"
    if values.get("mcast.vlan_on_port") is False:
        return VerdictKind.REMOTE_FIX, "mcast_not_provisioned"
    if values.get("stb.reachable") is False:
        seen = values.get("stb.mac_on_port") is True
        return (VerdictKind.REMOTE_FIX, "stb_hung") if seen else (VerdictKind.GUIDE_CUSTOMER, "stb_off")
    if values.get("stb.hdmi", "Present") != "Present":
        return VerdictKind.GUIDE_CUSTOMER, "stb_hdmi"
    if _number(values, "stb.rtp_loss_pct") >= 0.1:
        wifi = values.get("stb.conn") == "wifi"
        return (
            (VerdictKind.GUIDE_CUSTOMER, "stb_wifi_loss") if wifi else (VerdictKind.DISPATCH_HOME, "iptv_loss_access")
        )
    if values.get("stb.fw_in_target") is False:
        return VerdictKind.REMOTE_FIX, "stb_firmware"
    return None


def _home(values: Values) -> Answer | None:
    checks: tuple[tuple[bool, Answer], ...] = (
        (values.get("dns.operator_ok") is False, (VerdictKind.ESCALATE_CORE, "dns_operator")),
        (_number(values, "cpe.mem_free_pct", 50) < 5, (VerdictKind.REMOTE_FIX, "cpe_memory")),
        (_number(values, "cpe.temp_c", 40) > 85, (VerdictKind.GUIDE_CUSTOMER, "cpe_overheat")),
        (_number(values, "cpe.boots_24h") >= 3, (VerdictKind.DISPATCH_HOME, "cpe_boot_loop")),
        (values.get("fw.outdated_known_bug") is True, (VerdictKind.REMOTE_FIX, "fw_bug")),
        (values.get("ont.lan_link") == "down", (VerdictKind.GUIDE_CUSTOMER, "lan_unplugged")),
        (values.get("wifi.radio_on") is False, (VerdictKind.REMOTE_FIX, "wifi_off")),
        (_number(values, "wifi.worst_rssi", -50) <= -75, (VerdictKind.GUIDE_CUSTOMER, "wifi_weak")),
        (_number(values, "wifi.util_pct") >= 70, (VerdictKind.REMOTE_FIX, "wifi_busy")),
        (_number(values, "wan.down_util_pct") >= 90, (VerdictKind.GUIDE_CUSTOMER, "tariff_saturated")),
        (_number(values, "ping.loss_pct") >= 2, (VerdictKind.ESCALATE_CORE, "core_loss")),
        (values.get("cpe.reachable") is False, (VerdictKind.REMOTE_FIX, "mgmt_plane_only")),
        (_number(values, "contacts_14d") >= 3, (VerdictKind.MONITOR_24H, "repeat_green")),
    )
    return next((answer for met, answer in checks if met), None)


_BRANCHES: Mapping[str, Callable[[Values], Answer | None]] = {"pon": _pon, "fttb": _fttb, "dsl": _dsl}
