"""What a fault changes inside a home, as the trees of its CPEs show it. The rule: state in, tree values out."""

from cli.simulator.neighbourhood import CpeKind, Home, Session
from cli.simulator.tree import Tree

_ONT = "InternetGatewayDevice."
_WEAK_SNR_DB = 9
_WEAK_RATE_MBIT = 6.5


def reflect(tree: Tree, kind: CpeKind, home: Home) -> None:
    """Bring a CPE's tree up to the state of its home."""
    if kind is CpeKind.ONT:
        _ont(tree, home)
    elif kind is CpeKind.ROUTER:
        _router(tree, home)


def _ont(tree: Tree, home: Home) -> None:
    optics = f"{_ONT}WANDevice.1.X_GponInterafceConfig."
    tree.put(f"{optics}RXPower", str(round(home.rx_dbm)))
    up = home.session is Session.UP
    ppp = f"{_ONT}WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1."
    tree.put(f"{ppp}ConnectionStatus", "Connected" if up else "Disconnected")
    tree.put(f"{ppp}LastConnectionError", home.ppp_error)
    if not up:
        tree.put(f"{ppp}ExternalIPAddress", "0.0.0.0")
        tree.put(f"{ppp}DefaultGateway", "0.0.0.0")
        tree.put(f"{ppp}Uptime", "0")
    memory = f"{_ONT}DeviceInfo.MemoryStatus."
    if home.memory_free_pct is not None:
        tree.put(f"{memory}Free", str(int(tree.value(f"{memory}Total")) * home.memory_free_pct // 100))
        tree.put(f"{_ONT}DeviceInfo.X_HW_MemUsed", str(100 - home.memory_free_pct))
        tree.put(f"{_ONT}DeviceInfo.X_HW_CpuUsed", "97")
        tree.put(f"{_ONT}DeviceInfo.ProcessStatus.CPUUsage", "97")
    if not home.lan_plugged:
        _nobody_on_ont(tree)
    if home.wifi_rssi_dbm is not None:
        worst = f"{_ONT}LANDevice.1.WLANConfiguration.1.AssociatedDevice.2."
        tree.put(f"{worst}X_HW_RSSI", str(home.wifi_rssi_dbm))
        tree.put(f"{worst}X_HW_SNR", str(_WEAK_SNR_DB))
        tree.put(f"{worst}LastDataTransmitRate", str(_WEAK_RATE_MBIT))


def _nobody_on_ont(tree: Tree) -> None:
    for name in tree.find(f"{_ONT}LANDevice.1.LANEthernetInterfaceConfig.*.Status"):
        tree.put(name, "NoLink")
    for name in tree.find(f"{_ONT}LANDevice.1.WLANConfiguration.*.TotalAssociations"):
        tree.put(name, "0")
    for name in tree.find(f"{_ONT}LANDevice.1.Hosts.Host.*.Active"):
        tree.put(name, "false")
    tree.remove_rows(f"{_ONT}LANDevice.1.WLANConfiguration.*.AssociatedDevice.")


def _router(tree: Tree, home: Home) -> None:
    up = home.session is Session.UP
    ppp = "Device.PPP.Interface.1."
    tree.put(f"{ppp}ConnectionStatus", "Connected" if up else "Disconnected")
    tree.put(f"{ppp}LastConnectionError", home.ppp_error)
    if not up:
        tree.put(f"{ppp}IPCP.LocalIPAddress", "")
    memory = "Device.DeviceInfo.MemoryStatus."
    if home.memory_free_pct is not None:
        tree.put(f"{memory}Free", str(int(tree.value(f"{memory}Total")) * home.memory_free_pct // 100))
        tree.put("Device.DeviceInfo.ProcessStatus.CPUUsage", "97")
    if not home.lan_plugged:
        for name in tree.find("Device.Ethernet.Interface.*.Upstream"):
            if tree.value(name) == "false":
                tree.put(name.replace("Upstream", "Status"), "Down")
        for name in tree.find("Device.WiFi.AccessPoint.*.AssociatedDeviceNumberOfEntries"):
            tree.put(name, "0")
        tree.remove_rows("Device.WiFi.AccessPoint.*.AssociatedDevice.")
    if home.wifi_rssi_dbm is not None:
        station = "Device.WiFi.AccessPoint.1.AssociatedDevice.2."
        tree.put(f"{station}SignalStrength", str(home.wifi_rssi_dbm))
        tree.put(f"{station}LastDataDownlinkRate", str(round(_WEAK_RATE_MBIT * 1000)))
