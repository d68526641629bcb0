"""Tables of a device: which rows count, how their columns are found, and what is said of text that means nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.errors import ConfigError
from acs.profiles.columns import TABLES
from acs.profiles.rows import Table, table_names, tables_from_tree
from acs.profiles.schema import Identity, Profile, choose, load_profiles, parse_profile
from acs.profiles.tree import facts_from_tree
from probes.facts import FactKind, Quality

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PROFILES = {profile.id: profile for profile in load_profiles()}
TR181 = {
    "Device.IP.Interface.1.LowerLayers": "Device.Ethernet.Link.1.",
    "Device.IP.Interface.1.Status": "Up",
    "Device.IP.Interface.2.LowerLayers": "Device.PPP.Interface.1",
    "Device.IP.Interface.2.Status": "Up",
    "Device.IP.Interface.2.MaxMTUSize": "1492",
    "Device.IP.Interface.2.IPv6Address.1.IPAddress": "fe80::1",
    "Device.IP.Interface.2.IPv6Address.2.IPAddress": "2001:db8::1",
    "Device.PPP.Interface.1.LowerLayers": "Device.Ethernet.VLANTermination.1",
    "Device.PPP.Interface.1.ConnectionStatus": "Connected",
    "Device.PPP.Interface.1.LastConnectionError": "ERROR_NONE",
    "Device.PPP.Interface.1.LastChange": "4000",
    "Device.PPP.Interface.1.IPCP.LocalIPAddress": "192.0.2.7",
    "Device.PPP.Interface.1.Username": "sub7",
    "Device.Ethernet.VLANTermination.1.LowerLayers": "Device.Ethernet.Link.2",
    "Device.Ethernet.VLANTermination.1.VLANID": "101",
    "Device.Ethernet.Link.1.LowerLayers": "Device.Ethernet.Interface.1",
    "Device.Ethernet.Link.2.LowerLayers": "Device.Ethernet.Interface.2",
    "Device.Ethernet.Interface.1.Upstream": "0",
    "Device.Ethernet.Interface.1.Status": "Up",
    "Device.Ethernet.Interface.1.CurrentBitRate": "100",
    "Device.Ethernet.Interface.2.Upstream": "1",
    "Device.Ethernet.Interface.2.Status": "Down",
    "Device.Ethernet.Interface.2.CurrentBitRate": "0",
    "Device.NAT.InterfaceSetting.1.Interface": "Device.IP.Interface.2.",
    "Device.NAT.InterfaceSetting.1.Enable": "true",
    "Device.WiFi.Radio.1.OperatingFrequencyBand": "2.4GHz",
    "Device.WiFi.Radio.1.Channel": "6",
    "Device.WiFi.SSID.1.SSID": "home",
    "Device.WiFi.SSID.1.LowerLayers": "Device.WiFi.Radio.1",
    "Device.WiFi.AccessPoint.1.SSIDReference": "Device.WiFi.SSID.1",
    "Device.WiFi.AccessPoint.1.AssociatedDeviceNumberOfEntries": "1",
    "Device.WiFi.AccessPoint.1.SSIDAdvertisementEnabled": "false",
    "Device.WiFi.AccessPoint.1.AssociatedDevice.1.MACAddress": "02:00:00:00:00:01",
    "Device.WiFi.AccessPoint.1.AssociatedDevice.1.SignalStrength": "-61",
    "Device.WiFi.AccessPoint.1.AssociatedDevice.1.Noise": "0",
    "Device.WiFi.AccessPoint.1.AssociatedDevice.1.LastDataDownlinkRate": "144000",
    "Device.Hosts.HostNumberOfEntries": "1",
    "Device.Hosts.Host.1.PhysAddress": "02:00:00:00:00:01".upper(),
    "Device.Hosts.Host.1.HostName": "phone",
    "Device.Hosts.Host.1.IPAddress": "192.168.1.5",
}


def tables(values: dict[str, str], profile: str = "generic-tr181") -> dict[str, Table]:
    return tables_from_tree(PROFILES[profile], values, NOW, "test")


def test_a_wan_connection_is_an_interface_above_one_that_faces_upstream() -> None:
    (row,) = tables(TR181)["wan"].rows
    assert row.path == "Device.IP.Interface.2"
    assert row.values == {
        "kind": "ppp",
        "status": "Connected",
        "up": True,
        "last_error": "ERROR_NONE",
        "address": "192.0.2.7",
        "address6": "2001:db8::1",
        "login": "sub7",
        "nat": True,
        "vlan": 101,
        "mtu_bytes": 1492,
        "uptime_s": 4000,
    }


def test_a_column_is_read_through_references_and_from_the_row_above() -> None:
    (station,) = tables(TR181)["stations"].rows
    assert station.values == {
        "mac": "02:00:00:00:00:01",
        "ssid": "home",
        "band_ghz": 2.4,
        "signal_dbm": -61,
        "down_mbit": 144,
        "name": "phone",
        "address": "192.168.1.5",
    }
    assert station.cells["noise_dbm"].value is None
    assert station.cells["noise_dbm"].raw == "0"
    assert station.cells["noise_dbm"].quality is Quality.UNREADABLE
    (ssid,) = tables(TR181)["ssids"].rows
    assert (ssid.values["channel"], ssid.values["hidden"]) == (6, True)


def test_the_rate_of_a_port_counts_only_while_it_is_up() -> None:
    lan, wan = tables(TR181)["ports"].rows
    assert (lan.values["role"], lan.values["speed_mbit"]) == ("lan", 100)
    assert wan.values == {"role": "wan", "link": "down"}


def test_rows_of_a_table_that_counts_none_are_history() -> None:
    found = tables(TR181 | {"Device.Hosts.HostNumberOfEntries": "0"})
    assert found["hosts"].rows == ()
    assert "name" not in found["stations"].rows[0].values


def test_a_table_that_the_device_does_not_show_is_absent() -> None:
    assert set(tables({"Device.DeviceInfo.UpTime": "5"})) == set()
    shown = tables({"Device.WiFi.NeighboringWiFiDiagnostic.ResultNumberOfEntries": "0"})
    assert {name: table.rows for name, table in shown.items()} == {"neighbours": ()}


def test_one_radio_per_band_and_the_enabled_one_before_others() -> None:
    row = "InternetGatewayDevice.LANDevice.1.WLANConfiguration."
    values = {
        f"{row}1.Channel": "6",
        f"{row}1.RadioEnabled": "0",
        f"{row}2.Channel": "11",
        f"{row}2.RadioEnabled": "1",
        f"{row}5.Channel": "36",
        f"{row}6.Channel": "0",
    }
    rows = tables(values, "generic-tr098")["radios"].rows
    assert [(row.path[-1], row.values["band_ghz"]) for row in rows] == [("2", 2.4), ("5", 5)]


def test_a_row_is_as_old_as_its_oldest_value() -> None:
    late = datetime(2026, 11, 21, 13, 0, tzinfo=UTC)
    times = dict.fromkeys(TR181, late) | {"Device.WiFi.Radio.1.Channel": NOW}
    found = tables_from_tree(PROFILES["generic-tr181"], TR181, times, "test")
    assert found["radios"].rows[0].at == NOW
    assert found["radios"].rows[0].cells["band_ghz"].at == late
    assert found["wan"].rows[0].at == late


def test_what_is_asked_for_gives_the_same_tables() -> None:
    profile = PROFILES["generic-tr181"]
    wanted = table_names(profile, TR181)
    assert "Device.Hosts.Host." in wanted
    assert "Device.WiFi.AccessPoint.1.AssociatedDevice." in wanted
    heads = tuple(name for name in wanted if name.endswith("."))
    answer = {name: value for name, value in TR181.items() if name in wanted or name.startswith(heads)}
    assert tables_from_tree(profile, answer, NOW, "test") == tables(TR181)
    assert table_names(profile, TR181, ["radios"]) == [
        "Device.WiFi.Radio.1.Channel",
        "Device.WiFi.Radio.1.OperatingFrequencyBand",
    ]


def test_a_circle_of_interfaces_ends() -> None:
    values = {
        "Device.IP.Interface.1.LowerLayers": "Device.IP.Interface.2",
        "Device.IP.Interface.2.LowerLayers": "Device.IP.Interface.1",
    }
    assert tables(values)["wan"].rows == ()


@given(st.dictionaries(st.sampled_from(sorted(TR181)), st.text(max_size=12)))
def test_any_tree_gives_tables_of_the_declared_kinds(values: dict[str, str]) -> None:
    for name, table in tables(values).items():
        for row in table.rows:
            for column, value in row.values.items():
                spec = TABLES[name].columns[column]
                assert isinstance(value, bool) == (spec.kind is FactKind.FLAG)
                if spec.kind is FactKind.ENUM:
                    assert value in spec.values


HEAD = '[profile]\nid = "x"\nkind = "ont"\ntitle = "X"\n[match]\nroot = "Device."\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[table]]\nname = "cables"\nrows = "Device.A.*"\nsource = "S"\n', "no table 'cables'"),
        (
            '[[table]]\nname = "hosts"\nrows = "Device.A.*"\nsource = "S"\n[table.columns]\nhue = {leaf = "A"}\n',
            "'hue'",
        ),
        ('[[table]]\nname = "hosts"\nrows = "Device.A"\nvolatile = true\nsource = "S"\n', "volatile needs a *"),
        ('[[table]]\nname = "hosts"\nrows = "Device.A.*"\nneeds = ["hue"]\nsource = "S"\n', "'hue'"),
    ],
)
def test_a_wrong_table_names_file_and_remedy(text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_profile(HEAD + text, "x.toml")
    assert told in str(error.value)
    assert "x.toml" in str(error.value)


def _profile(text: str, folder: Path) -> Profile:
    (folder / "x.toml").write_text(HEAD.replace('title = "X"', 'title = "X"\nbase = "generic-tr181"') + text)
    return next(profile for profile in load_profiles(folder) if profile.id == "x")


def test_a_vendors_form_of_the_same_rows_refines_the_standards(tmp_path: Path) -> None:
    text = (
        '[[table]]\nname = "stations"\nrows = "Device.WiFi.AccessPoint.*.AssociatedDevice.*"\nsource = "S"\n'
        '[table.columns]\nsignal_dbm = {leaf = "X_RSSI", between = [-120, -1]}\n'
    )
    profile = _profile(text, tmp_path)
    values = TR181 | {"Device.WiFi.AccessPoint.1.AssociatedDevice.1.X_RSSI": "-70"}
    (row,) = tables_from_tree(profile, values, NOW, "test")["stations"].rows
    assert (row.values["signal_dbm"], row.values["down_mbit"], row.values["name"]) == (-70, 144, "phone")
    values["Device.WiFi.AccessPoint.1.AssociatedDeviceNumberOfEntries"] = "0"
    assert tables_from_tree(profile, values, NOW, "test")["stations"].rows == ()


def test_maker_and_model_are_known_by_either_of_two_things() -> None:
    text = HEAD + 'manufacturer = ["Maker*"]\noui = ["00AA00"]\nproduct_class = ["R1*"]\nmodel = ["R1"]\n'
    match = parse_profile(text, "x").match
    profile = Profile("x", "ont", "X", match, None, None, {})  # type: ignore[arg-type]  # only its match is looked at
    for identity, known in [
        (Identity("Device.", "Maker Ltd", "FFFFFF", "r1-a"), True),
        (Identity("Device.", "", "00aa00", "Router", model="R1"), True),
        (Identity("Device.", "Other", "FFFFFF", "R1"), False),
        (Identity("Device.", "Maker", "00AA00", "Router", model="R2"), False),
        (Identity("InternetGatewayDevice.", "Maker", "00AA00", "R1"), False),
    ]:
        assert (choose([profile], identity) is not None) == known


STREAM = "Device.Services.STBService.1.ServiceMonitoring.MainStream.1."
STB = {
    f"{STREAM}ServiceType": "IPTV",
    f"{STREAM}Status": "Enabled",
    f"{STREAM}AVStream": "Device.Services.STBService.1.AVStreams.AVStream.1",
    "Device.Services.STBService.1.AVStreams.AVStream.1.Inbound": (
        "Device.Services.STBService.1.Components.FrontEnd.1.IP.Inbound.1"
    ),
    "Device.Services.STBService.1.Components.FrontEnd.1.IP.Inbound.1.URI": "rtp://239.192.0.7:5004",
    f"{STREAM}Sample.RTPStats.PacketsExpected": "20000,20000,20000",
    f"{STREAM}Sample.RTPStats.PacketsLost": "0,0,100",
    f"{STREAM}Sample.RTPStats.PacketsLostBeforeEC": "10,12,400",
    f"{STREAM}Sample.DejitteringStats.Underruns": "0,0,3",
    f"{STREAM}Sample.MPEG2TSStats.PacketDiscontinuityCounter": "0,1,44",
    f"{STREAM}Sample.AudioDecoderStats.DecodingErrors": "0,0,9",
    f"{STREAM}Sample.VideoResponseStats.AverageVideoSystemResponse": "800,900,2100",
    f"{STREAM}Total.RTPStats.PacketsExpected": "1000000",
    f"{STREAM}Total.RTPStats.PacketsLost": "2500",
    "Device.Services.STBService.1.Components.HDMI.1.Status": "Enabled",
    "Device.Services.STBService.1.Components.HDMI.1.DisplayDevice.Status": "Present",
    "Device.Services.STBService.1.Components.FrontEnd.1.IP.IGMP.ClientGroupNumberOfEntries": "1",
    "Device.Services.STBService.1.Components.FrontEnd.1.IP.IGMP.ClientGroup.1.GroupAddress": "239.192.0.7",
    "Device.Services.STBService.1.Components.FrontEnd.1.IP.IGMP.ClientGroup.1.UpTime": "61",
    "Device.Services.STBService.1.ServiceMonitoring.GlobalOperation.Sample.MaximumPortalResponse": "90,120,4000",
}


def test_a_set_top_box_tells_its_streams_screens_groups_and_portal() -> None:
    found = {name: table.rows[0].values for name, table in tables(STB, "generic-tr135").items()}
    assert found == {
        "streams": {
            "service": "IPTV",
            "channel": "rtp://239.192.0.7:5004",
            "status": "Enabled",
            "loss_before_pct": 2.0,
            "loss_pct": 0.5,
            "lost_packets": 100,
            "underruns": 3,
            "continuity_errors": 44,
            "decoder_errors": 9,
            "zap_ms": 2100,
            "total_loss_pct": 0.25,
        },
        "screens": {"status": "Enabled", "display": "present"},
        "multicast_groups": {"group": "239.192.0.7", "joined_s": 61},
        "portals": {"response_max_ms": 4000},
    }


def test_an_interval_without_packets_falls_back_to_the_totals() -> None:
    values = STB | {f"{STREAM}Sample.RTPStats.PacketsExpected": "20000,20000,0"}
    (row,) = tables(values, "generic-tr135")["streams"].rows
    assert row.values["loss_pct"] == 0.25
    assert row.cells["loss_before_pct"].value is None


DSL = "InternetGatewayDevice.WANDevice.1.WANDSLInterfaceConfig."


def test_a_dsl_router_tells_its_line() -> None:
    values = {
        f"{DSL}Status": "Up",
        f"{DSL}StandardUsed": "G.993.2_Annex_B",
        f"{DSL}DownstreamCurrRate": "51200",
        f"{DSL}UpstreamCurrRate": "4294967295",
        f"{DSL}DownstreamNoiseMargin": "87",
        f"{DSL}DownstreamAttenuation": "183",
        f"{DSL}ShowtimeStart": "3600",
        f"{DSL}Stats.Showtime.CRCErrors": "12",
        f"{DSL}Stats.QuarterHour.ErroredSecs": "2",
    }
    (row,) = tables(values, "thomson-speedtouch")["dsl_lines"].rows
    assert row.values == {
        "status": "Up",
        "standard": "G.993.2_Annex_B",
        "rate_down_mbit": 51.2,
        "snr_down_db": 8.7,
        "attenuation_down_db": 18.3,
        "crc_errors": 12,
        "up_s": 3600,
    }
    assert row.cells["rate_up_mbit"].raw == "4294967295"
    facts = {fact.name: fact.value for fact in facts_from_tree(PROFILES["thomson-speedtouch"], values, NOW, "test")}
    assert (facts["dsl.rate_down_mbit"], facts["dsl.uptime_s"], facts["dsl.es_15min"]) == (51.2, 3600, 2)


VOICE = "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1.Line.1."


@pytest.mark.parametrize(("state", "loss"), [("InCall", 3), ("Idle", None)])
def test_what_a_call_loses_is_told_while_it_lasts(state: str, loss: int | None) -> None:
    values = {
        f"{VOICE}CallState": state,
        f"{VOICE}Enable": "Enabled",
        f"{VOICE}Status": "Up",
        f"{VOICE}Stats.ReceivePacketLossRate": "3",
        f"{VOICE}Stats.RoundTripDelay": "45000",
    }
    facts = {each.name: each.value for each in facts_from_tree(PROFILES["generic-tr098"], values, NOW, "test")}
    assert facts.get("voip.loss_pct") == loss
    assert facts["voip.call_active"] == (state == "InCall")
    (row,) = tables(values, "generic-tr098")["voip_lines"].rows
    assert (row.values["registered"], row.values["latency_ms"]) == (True, 45)


@pytest.mark.parametrize("profile", ["generic-tr181", "generic-tr098"])
def test_a_voice_line_of_the_second_model_has_the_state_of_its_client(profile: str) -> None:
    service = f"{PROFILES[profile].match.root}Services.VoiceService.1."
    values = {
        f"{service}CallControl.Line.1.Enable": "1",
        f"{service}CallControl.Line.1.CallStatus": "Connected",
        f"{service}CallControl.Line.1.Provider": f"{service}SIP.Client.1",
        f"{service}SIP.Client.1.Status": "Error_Registration",
        f"{service}SIP.Client.1.Network": f"{service}SIP.Network.1",
        f"{service}SIP.Network.1.RegistrarServer": "sip.example",
    }
    (row,) = tables(values, profile)["voip_lines"].rows
    assert row.values == {
        "enabled": True,
        "registered": False,
        "call": "Connected",
        "in_call": True,
        "server": "sip.example",
        "last_error": "Error_Registration",
    }


#: columns that no profile gives yet, with what keeps them
OWNERLESS = {
    ("stations", "power_save"): "no standard tells of it, and no tree of a maker's own was seen",
    ("stations", "rx_discards"): "the standards count errors and retransmissions of a station, no discards",
    ("stations", "tx_discards"): "the standards count errors and retransmissions of a station, no discards",
    ("voip_lines", "name"): "a line is told by its number and its user; no maker's name of one was seen",
    ("portals", "url"): "TR-135 has no address of a portal",
    ("portals", "reachable"): "TR-135 has the portal's times alone",
}


def test_every_column_is_given_by_some_profile() -> None:
    given = {
        (table, column)
        for profile in PROFILES.values()
        for table, forms in profile.tables.items()
        for form in forms
        for column in (*form.columns, *form.fixed)
    }
    there = {(table, column) for table, spec in TABLES.items() for column in spec.columns}
    assert there - given == set(OWNERLESS)


def test_the_load_of_a_radio_is_that_of_its_band() -> None:
    """The rows of the load may stand in any order; a radio whose band none of them tells has none."""
    home = "InternetGatewayDevice.LANDevice.1."
    bands = f"{home}WiFi.X_HW_GlobalConfig.X_HW_UseBandSteering."
    values = {
        f"{home}WLANConfiguration.1.X_HW_RFBand": "2.4GHz",
        f"{home}WLANConfiguration.5.X_HW_RFBand": "5GHz",
        f"{home}WLANConfiguration.6.X_HW_RFBand": "",
        f"{bands}1.CurrentBand": "5GHz",
        f"{bands}1.ChannelUtilization": "24",
        f"{bands}2.CurrentBand": "2.4GHz",
        f"{bands}2.ChannelUtilization": "44",
        f"{bands}3.CurrentBand": "",
        f"{bands}3.ChannelUtilization": "99",
    }
    for index in (1, 5, 6):
        values[f"{home}WLANConfiguration.{index}.Enable"] = "1"
    found = {row.path[-1]: row.values.get("util_pct") for row in tables(values, "huawei-eg8145")["radios"].rows}
    assert {band: found.get(band) for band in "156"} == {"1": 44, "5": 24, "6": None}
    asked = table_names(PROFILES["huawei-eg8145"], values, ["radios"])
    assert set(asked) >= {name for name in values if name.startswith(bands)}
