import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes import capture, discoveries, wire
from probes.capture import ExitCode, Wanted, observe
from probes.errors import ProbeRefused, ProbeUnreadable
from tests.probes.namespace import run_in_namespace

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MAC = "02:00:5e:00:00:01"


@pytest.fixture(scope="module")
def packets():  # type: ignore[no-untyped-def]
    """The module with scapy, which may be absent."""
    return pytest.importorskip("probes.packets", reason="until scapy is installed: pip install 'secondline[capture]'")


def test_a_padi_is_what_rfc_2516_draws(packets) -> None:  # type: ignore[no-untyped-def]
    assert packets.padi(MAC, b"mark").hex() == (
        "ffffffffffff" "02005e000001" "8863"  # broadcast, our address, discovery stage
        "11" "09" "0000" "000c"  # version and type 1, PADI, no session, 12 octets of tags
        "0101" "0000"  # any service
        "0103" "0004" "6d61726b"  # Host-Uniq
    )  # fmt: skip


def test_a_pado_names_its_concentrator(packets) -> None:  # type: ignore[no-untyped-def]
    tags = bytes.fromhex("0101000001020005") + b"bras1" + bytes.fromhex("01030004") + b"mark"
    frame = bytes.fromhex("02005e00000102005e0000aa886311070000") + len(tags).to_bytes(2, "big") + tags
    offer = packets.parse_pado(frame)
    assert (offer.concentrator, offer.source, offer.host_uniq) == ("bras1", "02:00:5e:00:00:aa", b"mark")
    assert packets.parse_pado(packets.padi(MAC, b"mark")) is None
    assert packets.parse_dhcp(frame) is None


def test_a_discover_is_broadcast_with_its_transaction(packets) -> None:  # type: ignore[no-untyped-def]
    frame = packets.dhcp_discover(MAC, 0x01020304)
    assert frame[:6] == b"\xff" * 6
    assert frame[34:38] == bytes.fromhex("00440043")
    assert frame[42:50] == bytes.fromhex("0101060001020304")
    assert bytes.fromhex("63825363350101") in frame
    assert packets.parse_dhcp(frame) is None


@given(st.binary(max_size=400))
def test_any_frame_is_an_answer_or_none(packets, frame: bytes) -> None:  # type: ignore[no-untyped-def]
    pado = packets.parse_pado(b"\x00" * 12 + b"\x88\x63" + frame)
    answer = packets.parse_dhcp(b"\x00" * 12 + b"\x08\x00" + frame)
    assert pado is None or isinstance(pado, packets.Pado)
    assert answer is None or isinstance(answer, packets.DhcpAnswer)


def test_the_server_side_loads_no_scapy() -> None:
    code = "import sys, probes.capture, probes.access; print('scapy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


async def test_an_interface_that_is_none_is_refused() -> None:
    with pytest.raises(ProbeRefused, match=r"no network interface 'nonesuch0'"):
        await observe("nonesuch0", Wanted("pppoe", timeout_s=0.1), now=NOW)


async def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ProbeRefused, match="invalid choice"):
        await observe("lo", Wanted("telepathy", timeout_s=0.1), now=NOW)


def _launcher(folder: Path, script: str) -> list[str]:
    path = folder / "launcher"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return [str(path)]


async def test_a_process_that_says_nothing_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ProbeUnreadable, match="ended with 9 and no facts: boom"):
        await observe("lo", Wanted("dhcp"), now=NOW, launcher=_launcher(tmp_path, "echo boom >&2; exit 9"))


async def test_a_process_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "_START_S", 0.1)
    with pytest.raises(capture.ProbeTimeout, match="did not end"):
        await observe("lo", Wanted("dhcp", timeout_s=0.1), now=NOW, launcher=_launcher(tmp_path, "exec sleep 60"))


async def test_a_launcher_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProbeRefused, match="check the launcher"):
        await observe("lo", Wanted("dhcp"), now=NOW, launcher=[str(tmp_path / "none")])


def test_without_privilege_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], packets: object
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(wire.socket, "socket", refuse)
    assert capture.main(["--interface", "lo", "pppoe"]) == ExitCode.REFUSED
    assert "CAP_NET_RAW" in capsys.readouterr().err


def test_without_scapy_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(discoveries.importlib, "import_module", absent)
    assert capture.main(["--interface", "lo", "dhcp"]) == ExitCode.REFUSED
    assert "secondline[capture]" in capsys.readouterr().err


_IN_NAMESPACE = """
import socket, threading
from datetime import UTC, datetime
from probes.capture import Wanted, observe

ETH_P_ALL = 3
CONCENTRATOR = bytes.fromhex("02005e0000aa")
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
wire.bind(("there", 0))
answers = {"pppoe": %(pppoe)r, "dhcp": %(dhcp)r}

def checksum(data):
    total = sum(int.from_bytes(data[at:at + 2], "big") for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return (~total & 0xFFFF).to_bytes(2, "big")

def pado(frame, mark):
    tags = bytes.fromhex("0101000001020004") + b"fake" + bytes.fromhex("0103") + len(mark).to_bytes(2, "big") + mark
    head = frame[6:12] + CONCENTRATOR + bytes.fromhex("886311070000") + len(tags).to_bytes(2, "big")
    return head + tags

def dhcp(frame, kind):
    bootp = bytes([2]) + frame[43:58] + bytes([10, 0, 0, 9]) + frame[62:278] + bytes.fromhex("63825363")
    bootp += bytes([53, 1, kind, 54, 4, 10, 0, 0, 1, 255])
    udp = bytes.fromhex("00430044") + (8 + len(bootp)).to_bytes(2, "big") + bytes(2) + bootp
    head = bytes.fromhex("4500") + (20 + len(udp)).to_bytes(2, "big") + bytes.fromhex("000000004011")
    head += bytes(2) + bytes([10, 0, 0, 1]) + b"\\xff" * 4
    head = head[:10] + checksum(head) + head[12:]
    return b"\\xff" * 6 + CONCENTRATOR + bytes.fromhex("0800") + head + udp

def serve():
    while True:
        frame = wire.recv(2048)
        if frame[12:16] == bytes.fromhex("88631109") and answers["pppoe"]:
            mark = frame[frame.index(bytes.fromhex("0103")) + 4:][:8]
            wire.send(pado(frame, b"a stranger"))
            wire.send(pado(frame, mark))
        if frame[12:14] == bytes.fromhex("0800") and frame[34:38] == bytes.fromhex("00440043") and answers["dhcp"]:
            wire.send(dhcp(frame, answers["dhcp"]))

threading.Thread(target=serve, daemon=True).start()

async def main():
    now = datetime.now(UTC)
    said = {}
    for kind in ("pppoe", "dhcp"):
        seen = await observe("here", Wanted(kind, timeout_s=1.5), now=now)
        said |= {fact.name: [fact.value, fact.source] for fact in seen.facts}
    print(json.dumps(said))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("pppoe", "dhcp", "expected"),
    [(True, 2, [True, True, False]), (False, 6, [False, False, True]), (False, 0, [False, False, False])],
    ids=["both answer", "only a Nak", "silence"],
)
def test_discovery_on_a_link_with_a_fake_access_network(
    packets: object, pppoe: bool, dhcp: int, expected: list[bool]
) -> None:
    said = run_in_namespace(_IN_NAMESPACE % {"pppoe": pppoe, "dhcp": dhcp})
    names = ["ppp.pado_seen", "dhcp.offer_seen", "dhcp.nak_seen"]
    assert said == {name: [value, "capture here"] for name, value in zip(names, expected, strict=True)}
