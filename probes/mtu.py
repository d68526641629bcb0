"""The greatest packet that comes through whole (DF): a search with echoes, helped by what routers tell.

A router that drops what is too big and says nothing is a black hole: the search finds the limit all the same, and says
that nobody told it.
"""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from probes.error_queue import Told, Watched, errors_of, keep_errors
from probes.errors import ProbeRefused
from probes.facts import Fact
from probes.icmp import HEADER, Place, echo, keep_whole, open_icmp, place_of

#: RFC 791 and RFC 8200: what every link carries; the greatest that is tried
_LEAST = {4: 68, 6: 1280}
_MOST = 9216
_COOKIE_BYTES = 8
#: sizes that links and tunnels really have: PPPoE, L2TP, GRE, VXLAN, IPsec, the least of IPv6 [E]
_USUAL = (1280, 1400, 1420, 1428, 1450, 1454, 1460, 1472, 1476, 1480, 1492, 1500)
#: the payloads of the facts `ping.df_1472_ok` and `ping.df_1400_ok` are those of IPv4: with 28 octets of headers
_FACT_SIZES = {"ping.df_1472_ok": 1500, "ping.df_1400_ok": 1428}


@dataclass(frozen=True, slots=True)
class MtuResult:
    """What the search found. Sizes are whole IP packets in octets."""

    address: str
    #: the greatest packet that was answered; None when nothing was answered at all
    mtu: int | None
    #: the greatest that this machine's own link takes, when that was the limit
    own_limit: int | None = None
    #: the router that said "too big", and the MTU that it told
    told_by: str = ""
    told_mtu: int | None = None
    #: packets above the limit vanish without a word
    black_hole: bool = False
    #: echoes that were sent
    sent: int = 0
    version: int = 4

    def passes(self, size: int) -> bool | None:
        """Whether a packet of so many octets comes through; None when that is not known."""
        return None if self.mtu is None else self.mtu >= size


async def search(
    address: str, *, most: int = 1500, tries: int = 3, timeout_s: float = 1.0, version: int | None = None
) -> MtuResult:
    """Search the path MTU between the least that every link carries and `most` octets; some 4 to 30 echoes.

    Raises:
        ProbeRefused: no ICMP socket for this process, no route, or numbers that make no sense.
        NoSuchHost: a name that has no address.
    """
    place = await place_of(address, version)
    number = 4 if place.family.family is socket.AF_INET else 6
    if not _LEAST[number] <= most <= _MOST:
        raise ProbeRefused(f"the greatest size {most} must be {_LEAST[number]} to {_MOST} bytes")
    with _Asking(place, tries, timeout_s) as asking:
        return await _narrow(asking, address, number, most)


def facts(result: MtuResult, now: datetime) -> list[Fact]:
    """`ping.df_1472_ok` and `ping.df_1400_ok` of a search over IPv4 that went far enough."""
    if result.mtu is None or result.version != 4:
        return []
    source = f"ping {result.address}"
    local = result.own_limit
    return [
        Fact(name, result.mtu >= size, now, source, "icmp echo with DF")
        for name, size in _FACT_SIZES.items()
        if result.mtu >= size or local is None or local >= size
    ]


async def whole(
    address: str, sizes: Sequence[int] = (1500, 1428), *, tries: int = 2, timeout_s: float = 0.4
) -> MtuResult:
    """Ask only whether packets of these sizes come through whole: a small one, each size, and the small one again.

    `mtu` is the greatest of them that was answered, None where the small ones are not answered either; `black_hole`:
    one of the sizes vanished without a word.

    Raises:
        ProbeRefused: no ICMP socket for this process, no route, or sizes that make no sense.
        NoSuchHost: a name that has no address.
    """
    place = await place_of(address)
    number = 4 if place.family.family is socket.AF_INET else 6
    if not all(_LEAST[number] < size <= _MOST for size in sizes):
        raise ProbeRefused(f"the sizes {sizes} must be over {_LEAST[number]} and at most {_MOST} bytes")
    with _Asking(place, tries, timeout_s) as asking:
        if not await asking.passes(_LEAST[number]):
            return MtuResult(address, None, sent=asking.sent, version=number)
        good, vanished = _LEAST[number], 0
        for size in sorted(sizes, reverse=True):
            if await asking.passes(size):
                good = size
                break
            if asking.told is None:
                vanished = vanished or size
        else:
            if vanished and not await asking.passes(_LEAST[number]):
                return MtuResult(address, None, sent=asking.sent, version=number)
        if vanished and await asking.passes(vanished):  # what is lost by chance comes through another time
            good, vanished = vanished, 0
        hole = bool(vanished) and not asking.router and asking.own_limit is None
        return MtuResult(
            address, good, asking.own_limit, asking.router, asking.router_mtu, hole, asking.sent, version=number
        )


async def _narrow(asking: "_Asking", address: str, version: int, most: int) -> MtuResult:
    least = _LEAST[version]
    if not await asking.passes(least):
        return MtuResult(address, None, sent=asking.sent, version=version)
    good, bad, try_next = least, most + 1, most
    silent, told_limit = False, 0
    while bad - good > 1:
        size, try_next = try_next, 0
        passed = await asking.passes(size)
        if passed:
            good = size
            if size == told_limit:
                break
        else:
            bad = size
            told_limit = asking.told.mtu if asking.told is not None else 0
            silent = silent or asking.told is None
            try_next = told_limit if good < told_limit < bad else 0
        try_next = try_next or (bad - 1 if good == bad - 2 else _between(good, bad, most))
    return MtuResult(
        address,
        good,
        own_limit=asking.own_limit,
        told_by=asking.router,
        told_mtu=asking.router_mtu,
        black_hole=silent and not asking.router and asking.own_limit is None,
        sent=asking.sent,
        version=version,
    )


def _between(good: int, bad: int, most: int) -> int:
    """What is tried next: the sizes that links really have come before the middle."""
    usual = [size for size in _USUAL if good < size < bad]
    return usual[len(usual) // 2] if usual and bad <= most else (good + bad) // 2


class _Asking:
    """One socket that asks whether a size passes."""

    def __init__(self, place: Place, tries: int, timeout_s: float) -> None:
        self._place, self._tries, self._timeout_s = place, tries, timeout_s
        self._socket, self._raw = open_icmp(place.family)
        keep_whole(self._socket, place.family)
        keep_errors(self._socket)
        self._cookie = os.urandom(_COOKIE_BYTES)
        self._identifier = int.from_bytes(os.urandom(2), "big")
        self._watched = Watched()
        self._done: asyncio.Future[bool] | None = None
        self.sent = 0
        self.told: Told | None = None
        self.own_limit: int | None = None
        self.router, self.router_mtu = "", None  # type: str, int | None

    def __enter__(self) -> "_Asking":
        self._watched.__enter__()
        self._watched.add(self._socket, self._take)
        return self

    def __exit__(self, *_: object) -> None:
        self._watched.remove(self._socket)
        self._watched.__exit__()

    async def passes(self, size: int) -> bool:
        """Whether a packet of so many octets is answered; what was told of it is in `told`."""
        self.told = None
        payload = self._cookie + bytes(max(0, size - self._place.family.overhead - _COOKIE_BYTES))
        for _ in range(self._tries):
            self.sent += 1
            self._done = asyncio.get_running_loop().create_future()
            packet = echo(self._place.family, self._identifier, self.sent & 0xFFFF, payload)
            if not self._send(packet):
                return False
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._done
            except TimeoutError:
                continue
        return False

    def _send(self, packet: bytes) -> bool:
        for last in (False, True):
            try:
                self._socket.sendto(packet, self._place.socket_address())
                return True
            except OSError as error:
                self._errors()
                if self.told is not None and self.told.too_big:
                    return False
                if last:
                    text = f"no echo to {self._place.address} could leave: {error.strerror}"
                    raise ProbeRefused(f"{text}; check the routes of this machine") from error
        return False

    def _take(self, _events: int) -> None:
        self._errors()
        while True:
            try:
                data, _, _, source = self._socket.recvmsg(65535, 0)
            except BlockingIOError:
                return
            except OSError:
                continue
            if self._ours(data) and str(source[0]).partition("%")[0] == self._place.address:
                self._say(True)

    def _ours(self, data: bytes) -> bool:
        start = (data[0] & 0x0F) * 4 if self._raw and self._place.family.family is socket.AF_INET and data else 0
        body = start + HEADER.size
        if len(data) < body + _COOKIE_BYTES or data[start] != self._place.family.reply:
            return False
        number = data[start + 6] << 8 | data[start + 7]
        return data[body : body + _COOKIE_BYTES] == self._cookie and number == self.sent & 0xFFFF

    def _errors(self) -> None:
        for told in errors_of(self._socket):
            if not told.too_big:
                continue
            self.told = told
            if told.router:
                self.router, self.router_mtu = told.router, told.mtu or None
            else:
                self.own_limit = told.mtu
            self._say(False)

    def _say(self, passed: bool) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_result(passed)
