"""What a text says was seen was measured: it quotes the fact, so that a missing one says so, or needs it."""

from dataclasses import replace

import pytest

from probes.linetest import load_pack
from probes.linetest.explain import filled
from probes.linetest.form import QUOTE
from probes.linetest.self_service import for_subscriber
from tests.probes.linetest.cases import own_trials, verdict_of

PACK = load_pack()
CAUSES = PACK.file.cause
OWN = {trial.expect["cause"]: trial.case for trial in own_trials() if "cause" in trial.expect}
#: cause → facts of which its text speaks and without which it may be said: they are quoted
QUOTED = {
    "customer_power_off": ("sib.down_ratio", "sib.others_down_window", "ont.run_state"),
    "drop_fibre_cut": ("sib.down_ratio", "sib.others_down_window", "ont.run_state"),
    "wrong_serial": ("ont.run_state",),
    "ont_deactivated": ("ont.admin_state", "ont.last_down_cause"),
    "low_rx_single": ("sib.rx_delta_share", "sib.rx_median_dbm"),
    "flapping_line": ("sib.others_flapping", "ont.dg_24h"),
    "mgmt_plane_only": ("wan.traffic_growing", "bras.session"),
    "olt_down": ("olt.pollers_failed",),
    "olt_port": ("olt.port_fault", "sib.others_down_window"),
    "mass_unknown": ("sib.dg_ratio",),
    "vlan_mismatch": ("ppp.pado_seen",),
    "session_stuck": ("bras.session", "radius.last", "ppp.last_error"),
    "tp_far_end_unplugged": ("tdr.result", "tdr.gap_to_known_len_m"),
    "switch_port_dead": ("tdr.result", "home.pc_tested", "sw.port_oper"),
    "router_hung": ("sw.port_oper",),
    "switch_down": ("sw.reachable",),
    "modem_off": ("melt.result", "melt.far_end_ok"),
    "stb_hdmi": ("stb.reachable",),
    "stb_hung": ("stb.reachable", "stb.mac_on_port"),
    "stb_off": ("stb.reachable", "stb.mac_on_port"),
    "sip_credentials": ("voip.registered",),
    "handset_off_hook": ("voip.call_active",),
}
#: cause → facts of which its text, or the subscriber's, speaks without quoting them: it is not said without them
STATED = {
    "dhcp_binding": ("dhcp.mac_matches_binding",),
    "dns_override": ("dns.cpe_uses_operator", "dns.cpe_resolver_ok"),
    "fw_bug": ("fw.outdated_known_bug",),
    "iptv_not_entitled": ("account.iptv_package",),
    "lan_rate_low": ("cpe.lan_rate_mbit",),
    "lan_unplugged": ("ont.lan_link",),
    "mgmt_plane_only": ("cpe.reachable",),
    "ont_tx_weak": ("ont.rx_dbm",),
    "port_flaps": ("sw.port_flaps_24h",),
    "port_security": ("sw.security_violation",),
    "rx_overload": ("ont.rx_dbm",),
    "stb_firmware": ("stb.fw_in_target",),
    "stb_hdmi": ("stb.hdmi",),
    "stb_wifi_loss": ("stb.wifi_rssi",),
    "tariff_saturated": ("wan.down_util_pct",),
    "tp_open_at_switch": ("tdr.length_m",),
    "vlan_mismatch": ("wan.vlan_matches_order",),
    "wifi_weak": ("wifi.worst_rssi",),
    "wrong_serial": ("olt.unprovisioned_on_port",),
}


@pytest.mark.parametrize("cause", sorted(QUOTED))
def test_what_a_text_says_was_seen_is_quoted_and_a_missing_value_says_so(cause: str) -> None:
    text = CAUSES[cause].text
    for said in (text.ru, text.en):
        assert set(QUOTED[cause]) <= set(QUOTE.findall(said)), said
    blank = filled(text, {})
    assert blank["ru"].count("н/д") == blank["en"].count("not measured") >= len(QUOTED[cause])


@pytest.mark.parametrize(("cause", "fact"), [(cause, fact) for cause in sorted(STATED) for fact in STATED[cause]])
def test_what_a_text_states_without_its_value_is_not_said_unmeasured(cause: str, fact: str) -> None:
    case = OWN[cause]
    assert fact in case.facts, "else this test says nothing"
    fewer = replace(case, facts={name: one for name, one in case.facts.items() if name != fact})
    assert verdict_of(fewer).cause != cause


@pytest.mark.parametrize("cause", sorted(CAUSES))
def test_both_languages_quote_the_same_facts(cause: str) -> None:
    text = CAUSES[cause].text
    assert set(QUOTE.findall(text.ru)) == set(QUOTE.findall(text.en))


@pytest.mark.parametrize("cause", ["restored_unmeasured", "repeat_green"])
@pytest.mark.parametrize("needs_human", [False, True])
def test_a_line_that_is_watched_is_not_called_well(cause: str, needs_human: bool) -> None:
    """What was not measured is not fine, and what a person must confirm is not known."""
    told = for_subscriber(PACK, {"verdict": "MONITOR_24H", "cause": cause, "needs_human": needs_human})["text"]
    for claim in ("all is well", "всё работает", "в порядке", "в норме"):
        assert claim not in " ".join(told.values()).lower()
    assert "measure" in told["en"] and "измерить" in told["ru"]


def test_words_of_an_older_pack_that_call_an_unmeasured_line_well_are_not_used() -> None:
    """Packs that are stored keep their words; those up to 2026.11.6 say "All is well now" of every watched line."""
    words = {**PACK.file.subscriber}
    kind = next(kind for kind in words if kind.value == "MONITOR_24H")
    words[kind] = words[kind].model_copy(update={"en": "All is well now.", "ru": "Сейчас всё работает."})
    causes = {**CAUSES, "restored_unmeasured": CAUSES["restored_unmeasured"].model_copy(update={"subscriber": None})}
    older = replace(PACK, file=PACK.file.model_copy(update={"subscriber": words, "cause": causes}))
    verdict = {"verdict": "MONITOR_24H", "cause": "restored_unmeasured", "needs_human": False}
    assert "could measure" in for_subscriber(older, verdict)["text"]["en"]
    assert for_subscriber(older, verdict | {"cause": "repeat_green"})["text"]["en"] == "All is well now."


def test_a_script_of_a_line_without_a_fault_promises_no_more_than_was_seen() -> None:
    """It is read as well where incidents or the account are not known, and a person must confirm it."""
    script = CAUSES["nff"].script
    assert "исправна" not in script.ru
    assert "sound" not in script.en


def test_tickets_that_cluster_are_not_said_to_have_silent_tests() -> None:
    """The cause is said where the ping of the line lost nine of ten, or no session is up: that is something."""
    cause = CAUSES["ticket_cluster"]
    for said in (cause.title, cause.text):
        assert "молчат" not in said.ru and "ничего не показали" not in said.ru
        assert "mute" not in said.en and "show nothing" not in said.en


def test_a_subscriber_reads_of_silence_only_where_it_was_heard() -> None:
    """A router or a set-top box is called hung or off also where nobody asked it."""
    for cause in ("router_hung", "stb_off"):
        told = CAUSES[cause].subscriber
        assert told is not None
        assert "не отвечает" not in told.ru and "does not answer" not in told.en
