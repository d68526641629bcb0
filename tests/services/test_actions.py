"""Every action of a second line, end to end on simulated CPEs of three data models."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.errors import InvalidInput, NotFound
from acs.services.action_desk import Request
from acs.services.actions.words import Refused, texts, words_of
from acs.services.actor import Actor, Scope, system_actor
from acs.store import abilities, operations
from acs.store.records import OperationRecord, OperationState, StepName
from cli.simulator.cpe import Cpe, RebootHabit
from cli.simulator.neighbourhood import CpeKind
from tests.fakes.acs_server import ACTOR
from tests.services.managed import managed_apart
from tests.services.second_line import Desk, second_line

IGD = "InternetGatewayDevice."
WLAN = f"{IGD}LANDevice.1.WLANConfiguration.1."
PPP = f"{IGD}WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1."
CALLS = {
    CpeKind.ONT: f"{IGD}Services.VoiceService.1.VoiceProfile.1.Line.1.CallState",
    CpeKind.ROUTER: "Device.Services.VoiceService.1.CallControl.Line.1.CallStatus",
}
#: what each model has: meaning → parameter
PATHS = {
    CpeKind.ONT: {
        "ssid": f"{WLAN}SSID",
        "password": f"{WLAN}KeyPassphrase",
        "channel": f"{WLAN}Channel",
        "auto": f"{WLAN}AutoChannelEnable",
        "power": f"{WLAN}TransmitPower",
        "wifi": f"{WLAN}Enable",
        "login": f"{PPP}Username",
        "secret": f"{PPP}Password",
        "dns": f"{IGD}LANDevice.1.LANHostConfigManagement.DNSServers",
        "port": f"{IGD}LANDevice.1.LANEthernetInterfaceConfig.1.Enable",
    },
    CpeKind.ROUTER: {
        "ssid": "Device.WiFi.SSID.1.SSID",
        "password": "Device.WiFi.AccessPoint.1.Security.KeyPassphrase",
        "channel": "Device.WiFi.Radio.1.Channel",
        "auto": "Device.WiFi.Radio.1.AutoChannelEnable",
        "power": "Device.WiFi.Radio.1.TransmitPower",
        "wifi": "Device.WiFi.SSID.1.Enable",
        "login": "Device.PPP.Interface.1.Username",
        "secret": "Device.PPP.Interface.1.Password",
        "dns": "Device.DHCPv4.Server.Pool.1.DNSServers",
        "port": "Device.Ethernet.Interface.1.Enable",
    },
}
BOTH = pytest.mark.parametrize("kind", [CpeKind.ONT, CpeKind.ROUTER])


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with second_line(tmp_path) as desk:
        yield desk


def changes(operation: OperationRecord) -> dict[str, tuple[object, object]]:
    assert operation.state is OperationState.SUCCEEDED, operation.detail
    assert isinstance(operation.result, dict)
    rows = operation.result["changes"]
    assert isinstance(rows, list)
    return {str(row["path"]): (row["before"], row["after"]) for row in rows if isinstance(row, dict)}


async def sealed_whole(desk: Desk, operation: OperationRecord) -> str:
    async with desk.server.store.reading() as tx:
        stored = await operations.get(tx, operation.id)
        assert await abilities.open_arguments(tx, operation.id) is not None
    return str(stored)


@BOTH
async def test_wifi_is_named_and_tuned_with_before_and_after(desk: Desk, kind: CpeKind) -> None:
    cpe, paths = await desk.cpe(kind), PATHS[kind]
    [named] = await desk.do(cpe, "wifi-name", name="new home")
    assert changes(named)[paths["ssid"]] == ("home-1", "new home")
    assert cpe.tree.value(paths["ssid"]) == "new home"
    [tuned] = await desk.do(cpe, "wifi-channel", channel=11)
    assert changes(tuned)[paths["channel"]] == ("6", "11")
    assert cpe.tree.value(paths["auto"]) == "false"
    await desk.do(cpe, "wifi-channel", channel="auto")
    assert cpe.tree.value(paths["auto"]) == "true"
    power = "60" if kind is CpeKind.ONT else "50"
    [softer] = await desk.do(cpe, "wifi-power", power=power)
    assert changes(softer)[paths["power"]] == ("100", power)
    for action, value in (("wifi-off", "false"), ("wifi-on", "true")):
        await desk.do(cpe, action, network="1")
        assert cpe.tree.value(paths["wifi"]) == value


@BOTH
async def test_passwords_are_told_to_the_device_and_to_nobody_else(desk: Desk, kind: CpeKind) -> None:
    cpe, paths = await desk.cpe(kind), PATHS[kind]
    [wifi] = await desk.do(cpe, "wifi-password", password="correct horse")
    assert cpe.tree.value(paths["password"]) == "correct horse"
    [login] = await desk.by_two(cpe, "pppoe", login="user9", password="battery staple")
    assert (cpe.tree.value(paths["login"]), cpe.tree.value(paths["secret"])) == ("user9", "battery staple")
    assert changes(login)[paths["login"]] == ("user1", "user9")
    for operation, secret in ((wifi, "correct horse"), (login, "battery staple")):
        assert secret not in await sealed_whole(desk, operation)
    known = b"".join(path.read_bytes() for path in desk.server.config.store.vault_key_file.parent.glob("test.db*"))
    assert b"correct horse" not in known and b"battery staple" not in known


@BOTH
async def test_the_network_at_home(desk: Desk, kind: CpeKind) -> None:
    cpe, paths = await desk.cpe(kind), PATHS[kind]
    [bounced] = await desk.do(cpe, "port-bounce", port=1)
    assert cpe.tree.value(paths["port"]) == "true"
    status = paths["port"].removesuffix("Enable") + "Status"
    assert changes(bounced)[status] == ("Up", "Up"), "what is watched is read before as well"
    [servers] = await desk.do(cpe, "dns", servers="192.0.2.1, 192.0.2.2")
    assert changes(servers)[paths["dns"]][1] == "192.0.2.1,192.0.2.2"
    [added] = await desk.do(cpe, "forward-add", external_port=8080, client="192.168.0.9", internal_port=80)
    assert isinstance(added.result, dict) and isinstance(added.result["rows"], list)
    row = str(added.result["rows"][0])
    assert cpe.tree.value(f"{row}ExternalPort") == "8080"
    [listed] = await desk.do(cpe, "forward-list")
    assert listed.state is OperationState.SUCCEEDED
    [gone] = await desk.do(cpe, "forward-delete", forwarding="tcp 8080")
    assert changes(gone)[f"{row}ExternalPort"] == ("8080", None)
    assert f"{row}ExternalPort" not in cpe.tree


@BOTH
async def test_bridge_and_router(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    await managed_apart(desk, cpe, kind)
    [bridged] = await desk.do(cpe, "mode", mode="bridge")
    [read] = [await desk.end(await desk.server.operations.request(ACTOR, cpe.key, "refresh", {}))]
    assert read.state is OperationState.SUCCEEDED
    if kind is CpeKind.ONT:
        assert cpe.tree.value(f"{PPP}ConnectionType") == "PPPoE_Bridged"
    else:
        assert cpe.tree.value("Device.PPP.Interface.1.Enable") == "false"
        assert cpe.tree.value("Device.Bridging.Bridge.1.Port.3.LowerLayers") == "Device.Ethernet.Interface.5."
    assert changes(bridged)
    [routed] = await desk.do(cpe, "mode", mode="router")
    assert changes(routed)
    if kind is CpeKind.ONT:
        assert cpe.tree.value(f"{PPP}ConnectionType") == "IP_Routed"
    else:
        assert cpe.tree.value("Device.PPP.Interface.1.Enable") == "true"
        assert "Device.Bridging.Bridge.1.Port.3.LowerLayers" not in cpe.tree


async def test_the_band_is_a_radios_own_and_not_every_model_has_one(desk: Desk) -> None:
    router = await desk.cpe(CpeKind.ROUTER)
    with pytest.raises(Refused, match=r"the device takes 2\.4GHz"):
        await desk.do(router, "wifi-band", band="5")
    [same] = await desk.do(router, "wifi-band", band="2.4")
    assert changes(same)["Device.WiFi.Radio.1.OperatingFrequencyBand"] == ("2.4GHz", "2.4GHz")
    ont = await desk.cpe(CpeKind.ONT, "S2")
    with pytest.raises(Refused) as refused:
        await desk.do(ont, "wifi-band", band="5")
    assert "модель" in refused.value.said("ru")


@BOTH
async def test_a_reset_gets_the_lines_settings_back(desk: Desk, kind: CpeKind) -> None:
    cpe, paths = await desk.cpe(kind), PATHS[kind]
    with pytest.raises(Refused) as refused:
        await desk.do(cpe, "factory-reset")
    assert refused.value.code == "password_unknown"
    await desk.by_two(cpe, "pppoe", login="user9", password="battery staple")
    await desk.do(cpe, "wifi-name", name="ours")
    await desk.do(cpe, "forward-add", external_port=8080, client="192.168.0.9")
    kept, reset, restored = await desk.do(cpe, "factory-reset")
    assert [each.state for each in (kept, reset, restored)] == [OperationState.SUCCEEDED] * 3, restored.detail
    assert cpe.reboots == 1
    assert cpe.tree.value(paths["ssid"]) == "ours"
    assert (cpe.tree.value(paths["login"]), cpe.tree.value(paths["secret"])) == ("user9", "battery staple")
    ports = [cpe.tree.value(name) for name in cpe.tree.find("*") if name.endswith("ExternalPort")]
    ports = ports or [
        cpe.tree.value(value.name) for value in cpe.tree.get((cpe.tree.root,)) if value.name.endswith(".ExternalPort")
    ]
    assert ports == ["8080"]


@BOTH
async def test_a_kept_configuration_is_put_back(desk: Desk, kind: CpeKind) -> None:
    cpe, paths = await desk.cpe(kind), PATHS[kind]
    with pytest.raises(Refused) as refused:
        await desk.do(cpe, "restore")
    assert refused.value.code == "no_backup"
    taken = await desk.end(await desk.server.operations.request(ACTOR, cpe.key, "backup", {}))
    assert isinstance(taken.result, dict)
    backup = str(taken.result["backup"])
    await desk.do(cpe, "wifi-name", name="wrong")
    desk_of = desk.services.backups
    differences = await desk_of.diff(ACTOR, cpe.key, backup, "current")
    assert [(each.path, each.first, each.second) for each in differences] == [(paths["ssid"], "home-1", "wrong")]
    [restored] = await desk.do(cpe, "restore", backup=backup)
    assert changes(restored) == {paths["ssid"]: ("wrong", "home-1")}
    assert cpe.tree.value(paths["ssid"]) == "home-1"
    assert await desk_of.diff(ACTOR, cpe.key, backup, "current") == []
    assert len(await desk_of.list(ACTOR, cpe.key)) == 2
    [wrong] = await desk.do(cpe, "restore", backup="nonsense")
    said = words_of(wrong)
    assert said is not None and "none under 'nonsense'" in said["en"]


async def test_a_password_that_no_device_tells_is_no_difference(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.ONT)
    await desk.do(cpe, "wifi-password", password="correct horse")
    taken = await desk.end(await desk.server.operations.request(ACTOR, cpe.key, "backup", {}))
    assert isinstance(taken.result, dict)
    backup = str(taken.result["backup"])
    assert await desk.services.backups.diff(ACTOR, cpe.key, backup, "current") == []
    await desk.do(cpe, "wifi-password", password="battery staple")
    [other] = await desk.services.backups.diff(ACTOR, cpe.key, backup, "current")
    assert (other.path, other.first, other.second) == (PATHS[CpeKind.ONT]["password"], "(hidden)", "(hidden)")


@BOTH
async def test_a_forwarding_made_since_is_shown_and_goes_when_the_configuration_is_put_back(
    desk: Desk, kind: CpeKind
) -> None:
    cpe = await desk.cpe(kind)
    taken = await desk.end(await desk.server.operations.request(ACTOR, cpe.key, "backup", {}))
    assert isinstance(taken.result, dict)
    backup = str(taken.result["backup"])
    [added] = await desk.do(cpe, "forward-add", external_port=8443, client="192.168.1.10")
    assert added.state is OperationState.SUCCEEDED, added.detail
    differences = await desk.services.backups.diff(ACTOR, cpe.key, backup, "current")
    shown = {each.path.rpartition(".")[2]: (each.first, each.second) for each in differences}
    assert shown["ExternalPort"] == (None, "8443")
    [restored] = await desk.do(cpe, "restore", backup=backup)
    assert isinstance(restored.result, dict)
    assert len(restored.result["deleted"]) == 1 and restored.result["extra"] == []  # type: ignore[arg-type]
    left = [each.name for each in cpe.tree.get((cpe.tree.root,)) if each.name.endswith(".ExternalPort")]
    assert not [name for name in left if cpe.tree.value(name) == "8443"]
    assert await desk.services.backups.diff(ACTOR, cpe.key, backup, "current") == []


async def in_call(cpe: Cpe, kind: CpeKind, state: str) -> None:
    cpe.tree.put(CALLS[kind], state)


@BOTH
async def test_no_restart_during_a_call_unless_somebody_says_why(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    await in_call(cpe, kind, "InCall" if kind is CpeKind.ONT else "Connected")
    [refused] = await desk.do(cpe, "reboot")
    assert refused.state is OperationState.FAILED and refused.sent_at is None
    words = words_of(refused)
    assert words is not None and "call" in words["en"] and "разговор" in words["ru"]
    assert cpe.reboots == 0
    with pytest.raises(Refused, match="reason"):
        await desk.do(cpe, "reboot", override=True)
    with pytest.raises(Refused, match="automatic"):
        await desk.do(cpe, "reboot", system_actor("rule"), override=True, reason="because")
    clerk = Actor("clerk", "token", frozenset({Scope.READ, "operate_only"}))
    with pytest.raises(Exception, match="lacks the scope"):
        await desk.do(cpe, "reboot", clerk, override=True, reason="because")
    [done] = await desk.do(cpe, "reboot", override=True, reason="the subscriber asked for it")
    assert done.state is OperationState.SUCCEEDED
    assert cpe.reboots == 1


async def test_a_call_by_the_second_model_of_telephony_under_the_older_root_is_seen(desk: Desk) -> None:
    """TR-104 v2 stands below InternetGatewayDevice as well, beside a line of v1 on which nobody speaks."""
    cpe = await desk.cpe(CpeKind.ONT)
    cpe.tree.grow(f"{IGD}Services.VoiceService.1.CallControl.Line.1.CallStatus", "Connected")
    read = await desk.server.operations.request(ACTOR, cpe.key, "refresh", {})
    assert (await desk.end(read)).state is OperationState.SUCCEEDED
    [refused] = await desk.do(cpe, "reboot")
    assert refused.state is OperationState.FAILED and cpe.reboots == 0
    words = words_of(refused)
    assert words is not None and "call" in words["en"]


async def test_a_fourth_restart_within_a_day_is_refused(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.ROUTER)
    for _ in range(3):
        [done] = await desk.do(cpe, "reboot")
        assert done.state is OperationState.SUCCEEDED
    with pytest.raises(Refused) as refused:
        await desk.do(cpe, "reboot")
    assert refused.value.code == "too_many_reboots"
    with pytest.raises(Refused):
        await desk.server.operations.request(system_actor("rule"), cpe.key, "reboot", {})
    assert cpe.reboots == 3


async def test_no_restart_while_software_is_installed(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.ROUTER)
    download = {"file_type": "firmware", "url": "http://127.0.0.1:9/x", "delay_s": 3_000}
    sent = await desk.server.operations.request(ACTOR, cpe.key, "download", download)
    async for step in desk.server.operations.watch(sent.id):
        if step.name is StepName.RPC_ANSWERED:
            break
    with pytest.raises(Refused) as refused:
        await desk.do(cpe, "reboot")
    assert refused.value.code == "firmware_upgrade"


async def test_a_set_top_box(tmp_path: Path) -> None:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "sim.toml").write_text(
        '[profile]\nid = "sim-stb"\nkind = "stb"\ntitle = "Simulated"\nbase = "generic-tr135"\n'
        '[match]\nroot = "Device."\noui = ["02005E"]\nproduct_class = ["STB4K"]\n'
        '[[setting]]\nname = "stb.cache_clear"\ntype = "boolean"\nsource = "the simulator"\n'
        'path = "Device.Services.STBService.*.X_02005E_ClearCache"\n'
    )
    async with second_line(tmp_path, profiles={"directory": str(folder)}) as desk:
        box = await desk.cpe(CpeKind.STB)
        for action in ("cache-clear", "channel-refresh", "reboot"):
            [done] = await desk.do(box, action)
            assert done.state is OperationState.SUCCEEDED, done.detail
        assert [name.rpartition(".")[2] for name in box.tree.cleared] == ["X_02005E_ClearCache", "Reset"]
        offered = {each.action.name: each.refused for each in await desk.services.actions.offers(ACTOR, box.key)}
        assert offered["cache-clear"] is None and offered["channel-refresh"] is None
        assert offered["wifi-name"] is not None and offered["forward-add"] is not None


async def test_what_a_model_lacks_is_said_with_its_reason(desk: Desk) -> None:
    box = await desk.cpe(CpeKind.STB)
    offered = {each.action.name: each.refused for each in await desk.services.actions.offers(ACTOR, box.key)}
    cache = offered["cache-clear"]
    assert cache is not None and "stb.cache_clear" in cache.said("ru")
    assert offered["reboot"] is None


@BOTH
async def test_a_value_that_cannot_be_is_refused_before_it_leaves(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    with pytest.raises(Refused, match="the device takes 1, 2"):
        await desk.do(cpe, "wifi-channel", channel=48)
    with pytest.raises(Refused, match="There is no"):
        await desk.do(cpe, "wifi-name", name="x", network="nobody's")
    with pytest.raises(InvalidInput, match="wifi-password takes"):
        await desk.do(cpe, "wifi-password", secret="x")
    with pytest.raises(NotFound, match="there are"):
        await desk.do(cpe, "fly")


@BOTH
async def test_names_and_passwords_of_wi_fi_are_limited_as_the_air_limits_them(desk: Desk, kind: CpeKind) -> None:
    """IEEE 802.11: 32 octets of an SSID; 8 to 63 printable ASCII characters of a passphrase."""
    cpe, paths = await desk.cpe(kind), PATHS[kind]
    before = {name: cpe.tree.value(paths[name]) for name in ("ssid", "password")}
    with pytest.raises(Refused, match=r"name: must have 1 to 32 octets.* this has 54") as refused:
        await desk.do(cpe, "wifi-name", name="Очень длинное имя сети 5 этажа")
    assert "32 байт" in refused.value.said("ru") and "must" not in refused.value.said("ru")
    for password in ("пароль12345", "tab\tin it", "short", "x" * 64):
        with pytest.raises(Refused, match="password: must have 8 to 63 characters, each a Latin letter"):
            await desk.do(cpe, "wifi-password", password=password)
    with pytest.raises(Refused, match="name: must have 1 to 32 octets"):
        await desk.do(cpe, "wifi-name", name="")
    assert before == {name: cpe.tree.value(paths[name]) for name in before}
    await desk.do(cpe, "wifi-name", name="Сеть 5 этажа 12345")
    await desk.do(cpe, "wifi-password", password="all signs ~!@#")
    assert cpe.tree.value(paths["ssid"]) == "Сеть 5 этажа 12345"
    assert cpe.tree.value(paths["password"]) == "all signs ~!@#"


@BOTH
async def test_what_is_not_there_yet_is_not_what_the_model_lacks(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    offered = {offer.action.name: offer for offer in await desk.services.actions.offers(ACTOR, cpe.key)}
    assert offered["forward-delete"].refused is None and offered["forward-delete"].rows == ()
    with pytest.raises(Refused) as refused:
        await desk.do(cpe, "forward-delete", forwarding="1")
    assert refused.value.code == "no_rows"
    assert "model" not in refused.value.said("en") and "модель" not in refused.value.said("ru")


@BOTH
async def test_a_protocol_is_taken_as_it_is_shown(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    [added] = await desk.do(cpe, "forward-add", external_port=8080, client="192.168.0.9", protocol="TCP")
    assert added.state is OperationState.SUCCEEDED
    with pytest.raises(InvalidInput, match="protocol: Input should be 'tcp' or 'udp'"):
        await desk.do(cpe, "forward-add", external_port=8081, client="192.168.0.9", protocol="icmp")


@BOTH
async def test_a_port_without_a_cable_has_no_link_after_it_was_switched(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    status = PATHS[kind]["port"].removesuffix("Enable") + "Status"
    unplugged = "NoLink" if kind is CpeKind.ONT else "Down"
    cpe.tree.put(status, unplugged)
    [bounced] = await desk.do(cpe, "port-bounce", port=1)
    assert changes(bounced)[status] == (unplugged, unplugged)
    assert cpe.tree.value(status) == unplugged


@BOTH
async def test_a_refused_value_is_named_as_it_was_given(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    with pytest.raises(Refused, match="servers: must be IP addresses"):
        await desk.do(cpe, "dns", servers="notanip")


async def test_a_device_that_refuses_and_one_that_does_not_keep(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    cpe = await desk.cpe(CpeKind.ONT)
    cpe.tree._parameters[f"{WLAN}SSID"].writable = False
    [refused] = await desk.do(cpe, "wifi-name", name="x")
    words = words_of(refused)
    assert refused.state is OperationState.FAILED and words is not None
    assert "cannot be changed from afar" in words["en"]
    cpe.tree._parameters[f"{WLAN}SSID"].writable = True
    former = cpe.tree.set
    monkeypatch.setattr(cpe.tree, "set", lambda values, key: former((), key))
    [forgot] = await desk.do(cpe, "wifi-name", name="x")
    words = words_of(forgot)
    assert forgot.state is OperationState.FAILED and words is not None and "не сохранило" in words["ru"]


async def test_a_part_that_fails_takes_the_rest_back(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.ROUTER)
    await managed_apart(desk, cpe, CpeKind.ROUTER)
    cpe.tree._parameters["Device.PPP.Interface.1.Enable"].writable = False
    [failed] = await desk.do(cpe, "mode", mode="bridge")
    assert failed.state is OperationState.FAILED
    assert isinstance(failed.result, dict) and failed.result["undone"] == ["Device.Bridging.Bridge.1.Port.3."]
    assert "Device.Bridging.Bridge.1.Port.3.LowerLayers" not in cpe.tree
    words = words_of(failed)
    assert words is not None and "as it was" in words["en"]


async def test_a_restart_that_never_comes_is_told_as_such(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.STB, reboot=RebootHabit.NEVER)
    done = await desk.asked(cpe, Request("reboot", {}, deadline_s=2))
    ended = await desk.end(done.operations[0])
    words = words_of(ended)
    assert ended.state is OperationState.FAILED and words is not None
    assert "unplug" in words["en"] and "розетки" in words["ru"]


async def test_a_device_that_stays_away(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.ONT)
    await cpe.stop()
    done = await desk.asked(cpe, Request("wifi-name", {"name": "x"}, deadline_s=1))
    ended = await desk.end(done.operations[0])
    words = words_of(ended)
    assert ended.state is OperationState.EXPIRED and words is not None and "switched on" in words["en"]


@pytest.mark.parametrize("new", [CpeKind.ONT, CpeKind.ROUTER])
async def test_another_device_takes_over(desk: Desk, new: CpeKind) -> None:
    old = await desk.cpe(CpeKind.ONT, "OLD1")
    await desk.by_two(old, "pppoe", login="user9", password="battery staple")
    await desk.do(old, "wifi-name", name="ours")
    await desk.do(old, "wifi-password", password="correct horse")
    await desk.do(old, "forward-add", external_port=8080, client="192.168.0.9")
    await old.stop()
    done = await desk.asked(old, Request("swap", {"serial": "NEW1"}))
    assert done.operations == () and done.note is not None
    cpe = await desk.cpe(new, "NEW1")
    [restored] = [each for each in await desk.server.operations.list(ACTOR, cpe.key) if each.kind == "restore"]
    assert (await desk.end(restored)).state is OperationState.SUCCEEDED, restored.detail
    paths = PATHS[new]
    assert cpe.tree.value(paths["ssid"]) == "ours"
    assert cpe.tree.value(paths["password"]) == "correct horse"
    assert (cpe.tree.value(paths["login"]), cpe.tree.value(paths["secret"])) == ("user9", "battery staple")
    ports = [value.value for value in cpe.tree.get((cpe.tree.root,)) if value.name.endswith(".ExternalPort")]
    assert ports == ["8080"]


def test_every_text_is_there_in_both_languages() -> None:
    for code, each in texts().items():
        assert set(each) == {"en", "ru"}, code
        assert all(text.strip() for text in each.values())


async def test_an_operation_that_is_not_there_says_what_shows_those_that_are(desk: Desk) -> None:
    with pytest.raises(NotFound, match="no operation 'zzz'; `secondline operation list` shows"):
        await desk.server.operations.cancel(ACTOR, "zzz")
