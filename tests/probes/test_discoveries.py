"""Layer-2 probes against real servers (dnsmasq, pppoe-server, the kernel's ARP) and against fakes on a VLAN."""

import shutil
from typing import Any

import pytest

from probes.discoveries import Wanted
from probes.errors import ProbeRefused
from tests.absent import absent
from tests.probes.namespace import run_in_namespace

_PATH = "/usr/sbin:/usr/local/sbin:/usr/bin"


@pytest.fixture(scope="module")
def packets():  # type: ignore[no-untyped-def]
    """The module with scapy, which may be absent."""
    return pytest.importorskip("probes.packets", reason="until scapy is installed: pip install 'secondline[capture]'")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted("arp", vlan=4095), "VLAN 4095"),
        (Wanted("arp", count=0), "count 0"),
        (Wanted("arp", timeout_s=0), "time 0 s"),
        (Wanted("arp"), "needs the address"),
        (Wanted("arp", address="10.0.0.300"), "is no IPv4 address"),
        (Wanted("igmp", address="10.0.0.3"), "no multicast group"),
        (Wanted("dhcp", source_ip="x"), "source address 'x'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_a_frame_leaves(wanted: Wanted, message: str) -> None:
    with pytest.raises(ProbeRefused, match=message):
        wanted.check()


def test_reports_are_those_of_the_standards(packets) -> None:  # type: ignore[no-untyped-def]
    mac = "02:00:5e:00:00:01"
    assert packets.group_hardware("239.129.2.3") == "01:00:5e:01:02:03"
    report = packets.igmp_join(mac, "0.0.0.0", "239.1.2.3", 2)
    assert report[:14].hex() == "01005e01020302005e0000010800"
    assert report[22:24] == bytes([1, 2]) and report[34:38].hex() == "94040000"  # one hop, router alert
    assert report[38:].hex() == "1600f8faef010203"
    leave = packets.igmp_leave(mac, "0.0.0.0", "239.1.2.3", 2)
    assert leave[30:34] == bytes([224, 0, 0, 2]) and leave[38] == 0x17
    report = packets.igmp_join(mac, "0.0.0.0", "239.1.2.3", 3)
    assert report[30:34] == bytes([224, 0, 0, 22])
    assert report[38:39].hex() == "22" and report[44:].hex() == "000104000000ef010203"
    assert packets.arp_request(mac, "0.0.0.0", "10.0.0.1")[12:].hex() == (
        "0806" "0001" "0800" "06" "04" "0001" "02005e000001" "00000000" "000000000000" "0a000001"
    )  # fmt: skip


_REAL = """
import os, tempfile, time
from dataclasses import asdict
from datetime import UTC, datetime
from probes.capture import observe
from probes.discoveries import Wanted

ip("addr", "add", "10.99.1.1/24", "dev", "there")
folder = tempfile.mkdtemp()
DNSMASQ, PPPOE = %(dnsmasq)r, %(pppoe)r
started = []
if DNSMASQ:
    started.append(subprocess.Popen([
        DNSMASQ, "--keep-in-foreground", "--port=0", "--interface=there", "--bind-interfaces", "--conf-file=/dev/null",
        "--dhcp-range=10.99.1.50,10.99.1.60,300", "--dhcp-option=3,10.99.1.1", "--dhcp-option=6,192.0.2.53", "--user=",
        "--dhcp-authoritative", "--no-ping", f"--dhcp-leasefile={folder}/leases", f"--pid-file={folder}/pid",
    ], stderr=subprocess.DEVNULL))
if PPPOE:
    started.append(subprocess.Popen([PPPOE, "-F", "-I", "there", "-C", "bras-7", "-S", "internet"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

async def main():
    out = {}
    async def one(kind, **how):
        seen = await observe("here", Wanted(kind, **how), now=datetime.now(UTC))
        out[kind] = {**seen.detail, "facts": {fact.name: fact.value for fact in seen.facts}}
    # the first one tells whether the servers are up: it asks until they are
    await one("dhcp", timeout_s=6.0 if DNSMASQ else 0.2, count=12)
    await one("pppoe", timeout_s=6.0 if PPPOE else 0.2, count=12)
    await one("arp", address="10.99.1.1", source_ip="0.0.0.0", timeout_s=3.0)
    nobody = await observe("here", Wanted("arp", 0.2, address="10.99.1.9", count=1), now=datetime.now(UTC))
    out["nobody"] = nobody.detail
    print(json.dumps(out))

try:
    asyncio.run(main())
finally:
    for process in started:
        process.kill()
"""


@pytest.fixture(scope="module")
def real(packets: object) -> dict[str, Any]:
    """What real servers answer on a link of their own."""
    where = {"dnsmasq": shutil.which("dnsmasq", path=_PATH), "pppoe": shutil.which("pppoe-server", path=_PATH)}
    found: dict[str, Any] = run_in_namespace(_REAL % where)
    return found | {"there": where}


def test_a_real_dhcp_server_offers(real: dict[str, Any]) -> None:
    if real["there"]["dnsmasq"] is None:
        absent("until dnsmasq is installed: apt-get install dnsmasq-base")
    assert real["dhcp"]["facts"] == {"dhcp.offer_seen": True, "dhcp.nak_seen": False}
    (offer,) = real["dhcp"]["answers"]
    assert offer["offered"].startswith("10.99.1.5") or offer["offered"] == "10.99.1.60"
    assert (offer["server"], offer["router"], offer["mask"]) == ("10.99.1.1", "10.99.1.1", "255.255.255.0")
    assert (offer["resolvers"], offer["lease_s"], offer["relay"]) == (["192.0.2.53"], 300, "0.0.0.0")
    assert real["dhcp"]["servers"] == ["10.99.1.1"]


def test_a_real_concentrator_offers_its_services(real: dict[str, Any]) -> None:
    if real["there"]["pppoe"] is None:
        absent("until pppoe-server is installed: apt-get install pppoe")
    assert real["pppoe"]["facts"] == {"ppp.pado_seen": True}
    (offer,) = real["pppoe"]["offers"]
    assert (offer["concentrator"], offer["error"]) == ("bras-7", "")
    assert "internet" in offer["services"]


def test_the_kernel_answers_arp_and_nobody_does_not(real: dict[str, Any]) -> None:
    assert (real["arp"]["sent"], real["arp"]["received"], real["arp"]["conflict"]) == (3, 3, False)
    assert len(real["arp"]["answers"]) == 1
    assert (real["nobody"]["received"], real["nobody"]["answers"]) == (0, [])


_FAKES = """
import struct, threading, time
from datetime import UTC, datetime
from probes.capture import observe
from probes.discoveries import Wanted
from probes.wire import Wire

GROUP = bytes([239, 1, 1, 1])

def owners():
    with Wire("there", 0x0806, vlan=100) as wire:
        for frame in wire.frames(30):
            asked = frame.data
            if asked[20:22] != b"\\0\\1":
                continue
            for last in (1, 2):
                mac = bytes([2, 0, 0, 0, 0, last])
                answer = asked[14:20] + b"\\0\\2" + mac + asked[38:42] + asked[22:32]
                wire.send(asked[6:12] + mac + asked[12:14] + answer)

def stream():
    with Wire("there", 0x0800, vlan=100) as wire:
        for frame in wire.frames(30):
            if frame.data[23] == 2 and frame.data[30:34] == GROUP and frame.data[38] == 0x16:
                break
        wire.send(packet(2, bytes([0x11, 100, 0, 0]) + GROUP))  # a query, which wants a report
        begun = time.monotonic()
        for number in range(1600):
            if number %% 100 != 99:
                rtp = struct.pack("!BBHII", 0x80, 33, number, number * 90, 7) + b"\\x47" + bytes(187)
                wire.send(packet(17, struct.pack("!HHHH", 5000, 5004, 8 + len(rtp), 0) + rtp))
            if number %% 20 == 0:
                time.sleep(max(0.0, number / 1000 - (time.monotonic() - begun)))

def packet(protocol, body):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 1, protocol, 0, bytes([192, 0, 2, 9]), GROUP)
    return bytes.fromhex("01005e010101" "020000000009" "0800") + head + body

for work in (owners, stream):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.2)

async def main():
    out = {}
    async def one(name, kind, **how):
        out[name] = (await observe("here", Wanted(kind, **how), now=datetime.now(UTC))).detail
    await one("tagged", "arp", address="10.0.0.1", vlan=100, timeout_s=1.5)
    await one("untagged", "arp", address="10.0.0.1", timeout_s=0.3, count=1)
    await one("wrong vlan", "arp", address="10.0.0.1", vlan=101, timeout_s=0.3, count=1)
    await one("igmp", "igmp", address="239.1.1.1", vlan=100, timeout_s=3.5, port=5004)
    await one("no stream", "igmp", address="239.1.1.2", vlan=100, timeout_s=0.3, igmp_version=3)
    print(json.dumps(out))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def fakes(packets: object) -> dict[str, Any]:
    """What fakes answer on VLAN 100 of a link."""
    found: dict[str, Any] = run_in_namespace(_FAKES % ())
    return found


def test_two_owners_of_an_address_are_a_conflict(fakes: dict[str, Any]) -> None:
    assert fakes["tagged"]["conflict"] is True
    assert [one["mac"] for one in fakes["tagged"]["answers"]] == ["02:00:00:00:00:01", "02:00:00:00:00:02"]


def test_what_is_tagged_is_not_heard_elsewhere(fakes: dict[str, Any]) -> None:
    assert fakes["untagged"]["received"] == fakes["wrong vlan"]["received"] == 0


def test_a_stream_is_joined_and_judged(fakes: dict[str, Any]) -> None:
    found = fakes["igmp"]
    stream = found["stream"]
    assert (found["queries"], list(found["sources"])) == (1, ["192.0.2.9"])
    assert stream["rtp"] is True and stream["packets"] == 1584
    # the last of the lost ones is at the stream's end, where nobody can miss it
    assert (stream["lost"], stream["longest_loss"], stream["out_of_order"]) == (15, 1, 0)
    assert stream["mdi_mlr"] is not None and 1 <= stream["mdi_mlr"] <= 15
    assert stream["mdi_df_ms"] >= 1
    assert found["joined_ms"] is not None
    assert (fakes["no stream"]["stream"]["packets"], fakes["no stream"]["joined_ms"]) == (0, None)
