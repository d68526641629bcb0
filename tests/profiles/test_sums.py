"""Facts that follow from rows: over all of them, or not at all."""

from datetime import UTC, datetime

from acs.profiles.schema import Profile, load_profiles
from acs.profiles.sums import SUMS, sums_of
from probes.facts import FACTS

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
PORT = "InternetGatewayDevice.LANDevice.1.LANEthernetInterfaceConfig."
STREAM = "Device.Services.STBService.1.ServiceMonitoring.MainStream.1."


def profile(id_: str) -> Profile:
    return next(each for each in load_profiles() if each.id == id_)


def found(id_: str, read: dict[str, str], known: dict[str, str] | None = None) -> dict[str, object]:
    return {fact.name: fact.value for fact in sums_of(profile(id_), read, known or read, NOW, "cpe")}


def ports(*errors: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for n, count in enumerate(errors, 1):
        values |= {f"{PORT}{n}.Status": "Up", f"{PORT}{n}.Stats.ErrorsReceived": count}
    return values


def test_errors_are_those_of_all_ports() -> None:
    assert found("generic-tr098", ports("3", "4")) == {"cpe.lan_errors_n": 7}


def test_where_only_one_port_was_read_there_is_no_sum() -> None:
    known = ports("3", "4")
    assert found("generic-tr098", {f"{PORT}1.Stats.ErrorsReceived": "9"}, known) == {}
    assert found("generic-tr098", {"InternetGatewayDevice.DeviceInfo.UpTime": "9"}, known) == {}


def test_of_streams_the_worst_counts() -> None:
    values = {
        "Device.Services.STBService.1.ServiceMonitoring.MainStreamNumberOfEntries": "1",
        f"{STREAM}Enable": "true",
        f"{STREAM}Total.MPEG2TSStats.PacketDiscontinuityCounter": "12",
    }
    assert found("generic-tr135", values) == {"stb.continuity_n": 12}


def test_every_sum_is_a_fact() -> None:
    assert set(SUMS) <= set(FACTS)
