"""A light CPE: plays whole sessions with bytes built beforehand, so that the generator costs less than the server.

One session is: connect, POST Inform → InformResponse (after a 401 once more with digest), empty POST → 204, close.
RPCs that the server puts in between are counted; SetParameterValues succeeds, others get fault 9000.

Only the standard library and uvloop: nothing of the server is imported, so that a fault in its codec cannot hide.
"""

import asyncio
import hashlib
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

OUI = "00AABB"
PRODUCT_CLASS = "BENCH"
#: Width of a session's number in its Inform: all posts of a device have the same length.
WIDTH = 10

_LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d+)")
_COOKIE = re.compile(rb"(?i)\r\nset-cookie:[ \t]*([^;\r]+)")
_CHALLENGE = re.compile(rb"(?i)\r\nwww-authenticate:[ \t]*digest ([^\r]+)")
_ATTRIBUTE = re.compile(rb'(\w+)="?([^",]*)"?')
_RPC = re.compile(rb"<(?:[\w-]+:)?Body\b[^>]*>\s*<(?:[\w-]+:)?(\w+)")
_ID = re.compile(rb"<(?:[\w-]+:)?ID\b[^>]*>([^<]*)<")
_HASHES = {b"MD5": hashlib.md5, b"SHA-256": hashlib.sha256}

_ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"
    xmlns:xsd="http://www.w3.org/2001/XMLSchema"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xmlns:cwmp="urn:dslforum-org:cwmp-1-0">
    <soap-env:Header>
        <cwmp:ID soap-env:mustUnderstand="1">{id}</cwmp:ID>
    </soap-env:Header>
    <soap-env:Body>
{body}
    </soap-env:Body>
</soap-env:Envelope>
"""
_INFORM = """        <cwmp:Inform>
            <DeviceId>
                <Manufacturer>Bench</Manufacturer>
                <OUI>{oui}</OUI>
                <ProductClass>{product_class}</ProductClass>
                <SerialNumber>{serial}</SerialNumber>
            </DeviceId>
            <Event soap-enc:arrayType="cwmp:EventStruct[{event_count}]">
{events}
            </Event>
            <MaxEnvelopes>1</MaxEnvelopes>
            <CurrentTime>{current_time}</CurrentTime>
            <RetryCount>0</RetryCount>
            <ParameterList soap-enc:arrayType="cwmp:ParameterValueStruct[{value_count}]">
{values}
            </ParameterList>
        </cwmp:Inform>"""
_EVENT = """                <EventStruct>
                    <EventCode>{code}</EventCode>
                    <CommandKey>{key}</CommandKey>
                </EventStruct>"""
_VALUE = """                <ParameterValueStruct>
                    <Name>{name}</Name>
                    <Value xsi:type="{type}">{value}</Value>
                </ParameterValueStruct>"""
_SUMMARY = (
    "InternetGatewayDevice:1.4[](Baseline:2, EthernetLAN:2, EthernetWAN:1, WiFiLAN:2, QoS:1, Time:2, IPPing:1, "
    "DeviceAssociation:1, Bridging:1, UserInterface:1, DownloadTCP:1, UploadTCP:1, UDPEcho:1), "
    "VoiceService:1.0[1](Endpoint:1, SIPEndpoint:1), StorageService:1.1[1](Baseline:1, FTPServer:1, UserAccess:1)"
)
_RPC_ANSWERS = {
    "SetParameterValues": """        <cwmp:SetParameterValuesResponse>
            <Status>0</Status>
        </cwmp:SetParameterValuesResponse>"""
}
_FAULT = """        <soap-env:Fault>
            <faultcode>Client</faultcode>
            <faultstring>CWMP fault</faultstring>
            <detail>
                <cwmp:Fault><FaultCode>9000</FaultCode><FaultString>Method not supported</FaultString></cwmp:Fault>
            </detail>
        </soap-env:Fault>"""


@dataclass(frozen=True, slots=True)
class Target:
    """Where the sessions go. With a password every session authenticates by digest, with a fresh nonce."""

    port: int
    host: str = "127.0.0.1"
    path: str = "/"
    username: str = "{serial}"
    password: str | None = None


class Device:
    """One CPE's prebuilt requests. `keyed` adds an event whose command key is the session's number."""

    def __init__(self, target: Target, serial: str, *, keyed: bool = False, event: str = "2 PERIODIC") -> None:
        self.serial = serial
        self.key = f"{OUI}-{PRODUCT_CLASS}-{serial}"
        self.username = target.username.replace("{serial}", serial)
        self.busy = False
        events = [(event, ""), ("M ScheduleInform", "%(number)b")] if keyed else [(event, "")]
        self._template = inform_xml(serial, events, envelope_id="%(number)b", current_time="%(now)b").encode()
        self._empty = _head(target, 0) + b"Content-Length: 0\r\n"
        self._head = _head(target, len(self._body(0)))

    def inform(self, number: int, extra: bytes = b"") -> bytes:
        """The whole request with Inform number `number`; `extra` is further header lines."""
        return b"".join((self._head, extra, b"\r\n", self._body(number)))

    def empty(self, extra: bytes = b"") -> bytes:
        """The whole request of the empty POST that hands over the turn."""
        return b"".join((self._empty, extra, b"\r\n"))

    def _body(self, number: int) -> bytes:
        return self._template % {b"number": b"%0*d" % (WIDTH, number), b"now": _now(int(time.time()))}


@dataclass(slots=True)
class Tally:
    """What happened. `acknowledged` holds (serial, number) of every Inform that was answered, when asked for."""

    done: int = 0
    failed: int = 0
    posts: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    rpcs: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    acknowledged: list[tuple[str, int]] | None = None

    def percentile_ms(self, share: float) -> float:
        """The `share` quantile of the sessions' durations, in milliseconds; 0 when there was none."""
        ordered = sorted(self.seconds)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 1) if ordered else 0.0


class Session(asyncio.Protocol):
    """One session on one connection; `ended` is done when it is over, well or not."""

    def __init__(self, target: Target, device: Device, number: int, tally: Tally, ended: asyncio.Future[None]) -> None:
        self._target, self._device, self._number, self._tally, self._ended = target, device, number, tally, ended
        self._buffer = b""
        self._cookies = b""
        self._digest: _Digest | None = None
        self._informed = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send(self._device.inform(self._number))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._ended.done():
            return
        head, status = self._buffer[: end + 2], int(self._buffer[9:12])
        length = _LENGTH.search(head)
        size = int(length[1]) if length and status != 204 else 0
        if len(self._buffer) < end + 4 + size:
            return
        body, self._buffer = self._buffer[end + 4 : end + 4 + size], b""
        self._tally.statuses[status] += 1
        self._answered(status, head, body)

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(f"connection lost: {error or 'closed by the server'}")

    def expire(self, after_s: float) -> None:
        """End the session as failed, unless it is over."""
        self._fail(f"no answer in {after_s:g} s")

    def _answered(self, status: int, head: bytes, body: bytes) -> None:
        if b"et-" in head or b"ET-" in head:
            self._cookies = b"; ".join(_COOKIE.findall(head)) or self._cookies
        if status == 401 and self._digest is None and self._target.password is not None:
            self._digest = _Digest.from_head(head, self._target, self._device)
            self._send(self._device.inform(self._number, self._headers()) if self._digest else b"")
        elif not self._informed:
            self._inform_answered(status, body)
        elif status == 204 or (status == 200 and not body):
            self._tally.done += 1
            self._end()
        elif status == 200:
            self._answer_rpc(body)
        else:
            self._fail(f"empty POST answered {status}")

    def _inform_answered(self, status: int, body: bytes) -> None:
        if status != 200 or b"InformResponse" not in body:
            return self._fail(f"Inform answered {status}")
        self._informed = True
        if self._tally.acknowledged is not None:
            self._tally.acknowledged.append((self._device.serial, self._number))
        return self._send(self._device.empty(self._headers()))

    def _answer_rpc(self, body: bytes) -> None:
        found, envelope_id = _RPC.search(body), _ID.search(body)
        name = found[1].decode() if found else "?"
        self._tally.rpcs[name] += 1
        answer = _ENVELOPE.format(
            id=envelope_id[1].decode() if envelope_id else "", body=_RPC_ANSWERS.get(name, _FAULT)
        ).encode()
        self._send(_head(self._target, len(answer)) + self._headers() + b"\r\n" + answer)

    def _headers(self) -> bytes:
        cookie = b"Cookie: " + self._cookies + b"\r\n" if self._cookies else b""
        return cookie + self._digest.header() if self._digest else cookie

    def _send(self, request: bytes) -> None:
        if not request:
            return self._fail("401 without a digest challenge that can be answered")
        assert self._transport is not None
        self._tally.posts += 1
        return self._transport.write(request)

    def _fail(self, why: str) -> None:
        if not self._ended.done():
            self._tally.failed += 1
            self._tally.errors[why] += 1
            self._end()

    def _end(self) -> None:
        self._ended.set_result(None)
        if self._transport is not None:
            self._transport.close()


async def play(
    target: Target, device: Device, number: int, tally: Tally, *, timeout_s: float = 30.0, since: float | None = None
) -> None:
    """Play one session; its duration counts from `since` (time.perf_counter), by default from now."""
    loop = asyncio.get_running_loop()
    began = time.perf_counter() if since is None else since
    session = Session(target, device, number, tally, loop.create_future())
    device.busy = True
    expiry = loop.call_later(timeout_s, session.expire, timeout_s)
    try:
        await loop.create_connection(lambda: session, target.host, target.port)
        await session._ended
    except OSError as error:
        session._fail(f"cannot connect: {error}")
    finally:
        expiry.cancel()
        device.busy = False
    tally.seconds.append(time.perf_counter() - began)


async def closed_loop(
    target: Target, devices: Sequence[Device], sessions: int, *, concurrency: int, first_number: int = 0
) -> Tally:
    """Play `sessions` sessions, `concurrency` at a time, over the devices in turn."""
    tally = Tally()
    numbers = iter(range(first_number, first_number + sessions))

    async def worker() -> None:
        for number in numbers:
            await play(target, devices[number % len(devices)], number, tally)

    await asyncio.gather(*(worker() for _ in range(min(concurrency, len(devices)))))
    return tally


async def open_loop(
    target: Target, devices: Sequence[Device], *, rate: float, seconds: float, timeout_s: float = 30.0
) -> Tally:
    """Offer `rate` sessions a second for `seconds`, whatever the server makes of it.

    Durations count from the moment a session was due, so that a stall is seen in full.
    A device whose last session is not over at its turn counts as a failed session.
    """
    tally = Tally(acknowledged=[])
    running: set[asyncio.Task[None]] = set()
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        device = devices[number % len(devices)]
        if device.busy:
            tally.failed += 1
            tally.errors["the device's last session is not over"] += 1
            continue
        device.busy = True
        task = asyncio.create_task(play(target, device, number, tally, timeout_s=timeout_s, since=due))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)
    return tally


def inform_xml(serial: str, events: Iterable[tuple[str, str]], *, envelope_id: str, current_time: str) -> str:
    """An Inform of about 4.2 KB with 8 parameters, indented by eights as some devices do."""
    root = "InternetGatewayDevice."
    wan = root + "WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1."
    values = [
        (root + "DeviceSummary", "xsd:string", _SUMMARY),
        (root + "DeviceInfo.SpecVersion", "xsd:string", "1.0"),
        (root + "DeviceInfo.HardwareVersion", "xsd:string", "BENCH-HW-1.0.A"),
        (root + "DeviceInfo.SoftwareVersion", "xsd:string", "V5R020C00S115-bench"),
        (root + "DeviceInfo.ProvisioningCode", "xsd:string", "PON.INTERNET.VOICE.IPTV"),
        (root + "ManagementServer.ConnectionRequestURL", "xsd:string", f"http://127.0.0.1:9/cr/{serial}"),
        (root + "ManagementServer.ParameterKey", "xsd:string", ""),
        (wan + "ExternalIPAddress", "xsd:string", "100.64.17.42"),
    ]
    listed = list(events)
    xml = _ENVELOPE.format(
        id=envelope_id,
        body=_INFORM.format(
            oui=OUI,
            product_class=PRODUCT_CLASS,
            serial=serial,
            event_count=len(listed),
            events="\n".join(_EVENT.format(code=code, key=key) for code, key in listed),
            current_time=current_time,
            value_count=len(values),
            values="\n".join(_VALUE.format(name=name, type=type_, value=value) for name, type_, value in values),
        ),
    )
    return xml.replace("    ", " " * 8)


@dataclass(slots=True)
class _Digest:
    """The answers to one digest challenge of RFC 7616, qop=auth."""

    prefix: bytes
    nonce: bytes
    ha1: str
    ha2: str
    algorithm: bytes
    count: int = 0

    @classmethod
    def from_head(cls, head: bytes, target: Target, device: Device) -> "_Digest | None":
        for challenge in _CHALLENGE.findall(head):
            offered = {name.lower(): value for name, value in _ATTRIBUTE.findall(challenge)}
            algorithm = offered.get(b"algorithm", b"MD5").upper()
            if algorithm in _HASHES and {b"nonce", b"realm"} <= offered.keys():
                realm, nonce = offered[b"realm"], offered[b"nonce"]
                ha1 = _hex(algorithm, f"{device.username}:{realm.decode()}:{target.password}")
                prefix = b'Authorization: Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s' % (
                    device.username.encode(),
                    realm,
                    nonce,
                    target.path.encode(),
                    algorithm,
                )
                return cls(prefix, nonce, ha1, _hex(algorithm, f"POST:{target.path}"), algorithm)
        return None

    def header(self) -> bytes:
        self.count += 1
        cnonce = "%016x" % (id(self) ^ self.count)
        answer = _hex(self.algorithm, f"{self.ha1}:{self.nonce.decode()}:{self.count:08x}:{cnonce}:auth:{self.ha2}")
        return self.prefix + f', qop=auth, nc={self.count:08x}, cnonce="{cnonce}", response="{answer}"\r\n'.encode()


@lru_cache(maxsize=1)
def _now(second: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second)).encode()


def _hex(algorithm: bytes, text: str) -> str:
    return _HASHES[algorithm](text.encode()).hexdigest()


def _head(target: Target, length: int) -> bytes:
    head = f"POST {target.path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\nUser-Agent: bench\r\n"
    if length:
        head += f'Content-Type: text/xml; charset="utf-8"\r\nSOAPAction: ""\r\nContent-Length: {length}\r\n'
    return head.encode()
