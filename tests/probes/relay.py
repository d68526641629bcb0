"""A link with faults in user space, for kernels without netem: `python -m tests.probes.relay` in a namespace.

    this namespace ─ tun `near` ─ relay ─ tun `far` ─ a namespace of the relay's own, which answers

The relay plays routers as well: a packet that runs out of hops, or is too big, is answered as a router would. What it
drops is counted, not thrown with dice, unless a share is given: two tools that send the same see the same. Each line of
JSON on its standard input is new `Faults`, from which it counts anew; it says `ready` then.
"""

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI, _CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
#: the far end answers on 10.98.1.1 … 10.98.1.20 and fd98:1::1
NEAR, FAR = "10.98.0.1", "10.98.1.1"
NEAR_6, FAR_6 = "fd98::1", "fd98:1::1"


@dataclass
class Faults:
    """What the link does to packets on their way out; the way back is clean."""

    routers: int = 0
    #: drop every n-th packet
    lose_every: int = 0
    #: drop this share, by the dice of `seed`
    lose_pct: float = 0.0
    seed: int = 1
    delay_ms: float = 0.0
    #: every n-th packet waits so much longer
    late_every: int = 0
    late_ms: float = 0.0
    #: every n-th packet goes out twice
    double_every: int = 0
    #: what is larger is answered "too big" by the last router, or vanishes
    mtu: int = 65_535
    black_hole: bool = False
    #: router number → it is silent for every n-th probe that ends at it
    silent_every: dict[str, int] = field(default_factory=dict)


def ones(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def router(packet: bytes, number: int) -> bytes:
    """The address of a router, in the family of a packet."""
    if packet[0] >> 4 == 4:
        return bytes([10, 98, 9, number])
    return bytes.fromhex("fd980009") + bytes(11) + bytes([number])


def told(packet: bytes, number: int, kinds: tuple[int, int, int], value: int = 0) -> bytes:
    """An ICMP error of a router about a packet: `kinds` are type and code of IPv4, and the type of IPv6."""
    source = router(packet, number)
    if packet[0] >> 4 == 4:
        body = struct.pack("!BBHI", kinds[0], kinds[1], 0, value) + packet[:28]
        body = body[:2] + ones(body).to_bytes(2, "big") + body[4:]
        head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 1, 0, source, packet[12:16])
        return head[:10] + ones(head).to_bytes(2, "big") + head[12:] + body
    body = struct.pack("!BBHI", kinds[2], 0, 0, value) + packet[:1200]
    target = packet[8:24]
    pseudo = source + target + struct.pack("!II", len(body), 58)
    body = body[:2] + ones(pseudo + body).to_bytes(2, "big") + body[4:]
    return struct.pack("!IHBB", 6 << 28, len(body), 58, 64) + source + target + body


def shorter(packet: bytes, hops: int) -> bytes:
    """The packet with so many hops less to live."""
    if packet[0] >> 4 == 6:
        return packet[:7] + bytes([packet[7] - hops]) + packet[8:]
    head = packet[:8] + bytes([packet[8] - hops]) + packet[9:10] + b"\0\0" + packet[12:20]
    return head[:10] + ones(head).to_bytes(2, "big") + head[12:] + packet[20:]


class Relay:
    """The link."""

    def __init__(self, near: int, far: int) -> None:
        self.near, self.far = near, far
        self.begin(Faults())

    def begin(self, faults: Faults) -> None:
        self.faults = faults
        self.dice = random.Random(faults.seed)
        self.count = self.order = 0
        self.ended: dict[int, int] = {}
        self.waiting: list[tuple[float, int, int, bytes]] = []

    def outward(self, packet: bytes) -> None:
        faults = self.faults
        if packet[16:19] != bytes([10, 98, 1]) and packet[24:28] != bytes.fromhex("fd980001"):
            return  # the kernel's own: neighbours, groups
        hops = packet[8] if packet[0] >> 4 == 4 else packet[7]
        if hops <= faults.routers:
            self.ended[hops] = self.ended.get(hops, 0) + 1
            every = faults.silent_every.get(str(hops), 0)
            if not every or self.ended[hops] % every:
                self.later(faults.delay_ms * hops / (faults.routers + 1), self.near, told(packet, hops, (11, 0, 3)))
            return
        if len(packet) > faults.mtu:
            if not faults.black_hole:
                self.later(faults.delay_ms, self.near, told(packet, max(1, faults.routers), (3, 4, 2), faults.mtu))
            return
        self.count += 1
        if faults.lose_every and self.count % faults.lose_every == 0:
            return
        if faults.lose_pct and self.dice.random() * 100 < faults.lose_pct:
            return
        more = faults.late_ms if faults.late_every and self.count % faults.late_every == 0 else 0.0
        packet = shorter(packet, faults.routers)
        self.later(faults.delay_ms + more, self.far, packet)
        if faults.double_every and self.count % faults.double_every == 0:
            self.later(faults.delay_ms + more, self.far, packet)

    def later(self, ms: float, where: int, packet: bytes) -> None:
        self.order += 1
        heapq.heappush(self.waiting, (time.monotonic() + ms / 1000, self.order, where, packet))

    def run(self) -> None:
        while True:
            now = time.monotonic()
            while self.waiting and self.waiting[0][0] <= now:
                _, _, where, packet = heapq.heappop(self.waiting)
                os.write(where, packet)
            pause = max(0.0, self.waiting[0][0] - now) if self.waiting else None
            for ready in select.select([self.near, self.far, 0], [], [], pause)[0]:
                if ready == 0:
                    self.begin(Faults(**json.loads(sys.stdin.readline())))
                    print("ready", flush=True)
                    continue
                packet = os.read(ready, 65_536)
                if ready == self.far:
                    os.write(self.near, packet)
                else:
                    self.outward(packet)


def tun(name: str) -> int:
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


def ip(lines: list[str]) -> None:
    subprocess.run(["ip", "-batch", "-"], input="\n".join(lines), text=True, check=True)


def main() -> None:
    near = tun("near")
    ip(
        [
            f"addr add {NEAR}/32 dev near",
            f"addr add {NEAR_6}/128 dev near nodad",
            "link set near mtu 9000 up",
            f"route add 10.98.0.0/16 dev near src {NEAR}",
            f"route add fd98::/16 dev near src {NEAR_6}",
        ]
    )
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    far = tun("far")
    ip(
        [
            "link set lo up",
            *(f"addr add 10.98.1.{host}/32 dev far" for host in range(1, 21)),
            f"addr add {FAR_6}/128 dev far nodad",
            "link set far mtu 9000 up",
            "route add default dev far",
            "route add ::/0 dev far",
        ]
    )
    for path, value in (("ipv4/icmp_ratelimit", "0"), ("ipv6/icmp/ratelimit", "0"), ("ipv4/icmp_msgs_per_sec", "9999")):
        with open(f"/proc/sys/net/{path}", "w") as stream:
            stream.write(value)
    Relay(near, far).run()


if __name__ == "__main__":
    main()
