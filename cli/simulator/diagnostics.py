"""What a CPE does when a test is requested of it. The rule: inputs come from its tree, results go back into it.

DiagnosticsState := Requested ──session ends──▶ the test runs ──▶ results, Complete or Error_* ──▶ event 8
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from cli.simulator.tree import Tree

STATES = ("DiagnosticsState", "LoopDiagnosticsState")
REQUESTED = "Requested"
#: seconds that every test takes
LASTS_S = 0.3
#: a name that never resolves (RFC 6761)
UNRESOLVED = ".invalid"
#: rates of the line, in bits per second
DOWN_BIT_S, UP_BIT_S = 94_000_000, 47_000_000


def requested(name: str, value: str) -> str | None:
    """The partial path of the test that this setting starts; None when it starts none."""
    path, _, leaf = name.rpartition(".")
    return f"{path}." if leaf in STATES and value == REQUESTED else None


def run(tree: Tree, path: str, now: datetime | None = None) -> None:
    """Write the results of the test below `path`, and that it is over."""
    state = next(path + leaf for leaf in STATES if path + leaf in tree)
    if tree.value(state) != REQUESTED:
        return  # it was changed or cancelled in the meantime
    test = next((work for part, work in _TESTS.items() if part in path), _nothing)
    tree.put(state, test(tree, path, now or datetime.now(UTC)))


def _ping(tree: Tree, path: str, _now: datetime) -> str:
    if tree.value(f"{path}Host").endswith(UNRESOLVED):
        return "Error_CannotResolveHostName"
    count = int(tree.value(f"{path}NumberOfRepetitions") or 1)
    _put(tree, path, {"SuccessCount": count, "FailureCount": 0})
    for leaf, ms in (("AverageResponseTime", 12), ("MinimumResponseTime", 11), ("MaximumResponseTime", 15)):
        _put(tree, path, {leaf: ms, f"{leaf}Detailed": ms * 1000 + 345})
    return "Complete"


def _trace(tree: Tree, path: str, _now: datetime) -> str:
    if tree.value(f"{path}Host").endswith(UNRESOLVED):
        return "Error_CannotResolveHostName"
    hop = "Hop" if path.startswith("InternetGatewayDevice.") else ""
    times = "HopRTTimes" if hop else "RTTimes"
    for row, (name, address, ms) in enumerate((("bras-1.example.net", "192.0.2.1", 3), ("", "198.51.100.9", 12)), 1):
        base = f"{path}RouteHops.{row}."
        tree.grow(f"{base}{hop}Host", name)
        tree.grow(f"{base}{hop}HostAddress", address)
        tree.grow(f"{base}{'HopErrorCode' if hop else 'ErrorCode'}", "0")
        tree.grow(f"{base}{times}", ",".join([str(ms)] * int(tree.value(f"{path}NumberOfTries") or 1)))
    _put(tree, path, {"RouteHopsNumberOfEntries": 2, "ResponseTime": 12})
    return "Complete"


def _lookup(tree: Tree, path: str, _now: datetime) -> str:
    found = not tree.value(f"{path}HostName").endswith(UNRESOLVED)
    base = f"{path}Result.1."
    tree.grow(f"{base}Status", "Success" if found else "Error_HostNameNotResolved")
    tree.grow(f"{base}AnswerType", "NonAuthoritative" if found else "None")
    tree.grow(f"{base}IPAddresses", "198.51.100.9" if found else "")
    tree.grow(f"{base}DNSServerIP", "192.0.2.53")
    tree.grow(f"{base}ResponseTime", "8")
    _put(tree, path, {"SuccessCount": int(found), "ResultNumberOfEntries": 1})
    return "Complete"


def _download(tree: Tree, path: str, now: datetime) -> str:
    if UNRESOLVED in tree.value(f"{path}DownloadURL"):
        return "Error_InitConnectionFailed"
    size = 10_000_000
    _put(tree, path, {"TestBytesReceived": size, "TotalBytesReceived": size + 40_000} | _times(now, size, DOWN_BIT_S))
    return "Completed"


def _upload(tree: Tree, path: str, now: datetime) -> str:
    if UNRESOLVED in tree.value(f"{path}UploadURL"):
        return "Error_InitConnectionFailed"
    size = int(tree.value(f"{path}TestFileLength") or 0)
    _put(tree, path, {"TestBytesSent": size, "TotalBytesSent": size + 40_000} | _times(now, size, UP_BIT_S))
    return "Completed"


def _times(now: datetime, size: int, bit_s: int) -> dict[str, object]:
    """TR-143's times with microseconds: opened, requested, begun, over."""
    opened = now - timedelta(seconds=8 * size / bit_s + 0.02)
    steps = {"TCPOpenRequestTime": 0.0, "TCPOpenResponseTime": 0.004, "ROMTime": 0.005, "BOMTime": 0.02}
    moments = {leaf: opened + timedelta(seconds=offset) for leaf, offset in steps.items()} | {"EOMTime": now}
    return {leaf: at.isoformat(timespec="microseconds").replace("+00:00", "Z") for leaf, at in moments.items()}


def _neighbours(tree: Tree, path: str, _now: datetime) -> str:
    for row, (ssid, channel, dbm) in enumerate((("kv-12", 6, -48), ("Дом", 11, -71), ("", 1, -80)), 1):
        base = f"{path}Result.{row}."
        known = {"SSID": ssid, "BSSID": f"02:00:5E:00:53:0{row}", "Channel": channel, "SignalStrength": dbm}
        for leaf, value in known.items():
            tree.grow(f"{base}{leaf}", str(value))
    _put(tree, path, {"ResultNumberOfEntries": 3})
    return "Complete"


def _nothing(_tree: Tree, _path: str, _now: datetime) -> str:
    return "Error_Other"


def _put(tree: Tree, path: str, values: Mapping[str, object]) -> None:
    """Write those that this model has."""
    for leaf, value in values.items():
        if path + leaf in tree:
            tree.put(path + leaf, str(value))


_TESTS: Mapping[str, Callable[[Tree, str, datetime], str]] = {
    "IPPing": _ping,
    "TraceRoute": _trace,
    "NSLookup": _lookup,
    "DownloadDiagnostics": _download,
    "UploadDiagnostics": _upload,
    "NeighboringWiFi": _neighbours,
}
