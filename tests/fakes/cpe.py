"""A small CPE for tests: raw HTTP over asyncio streams, digest, and a device that can be read, set and rebooted.

Its counter of boots is the judge of every reboot test: it belongs to the test's process, which no kill reaches.
"""

import asyncio
import contextlib
import secrets
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from acs.cwmp import auth
from acs.cwmp.messages import (
    Download,
    DownloadResponse,
    FactoryReset,
    FactoryResetResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Inform,
    Message,
    Reboot,
    RebootResponse,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
    TransferComplete,
)
from acs.cwmp.soap import NS_1_0, Envelope, decode, encode
from acs.cwmp.structs import DeviceId, EventStruct, ParameterInfoStruct, ParameterValueStruct

#: Stands for the command key of a factory reset, which has none.
RESET = "(reset)"


class Dropped(Exception):
    """The server closed the connection instead of an answer."""


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> Envelope | None:
        return decode(self.body)

    @property
    def message(self) -> Message | None:
        envelope = self.envelope
        return envelope.message if envelope else None


class Http:
    """One TCP connection of a CPE; keeps the cookie as a CPE does."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie: str | None = None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        self._reader = self._writer = None

    def reset(self) -> None:
        """Break the connection off without a word more, as a NAT does that forgot it."""
        assert self._writer is not None
        linger = struct.pack("ii", 1, 0)  # what is not sent is dropped, and the other side is told by a reset
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()
        self._reader = self._writer = None

    async def send(self, raw: bytes) -> None:
        if self._writer is None:
            await self.open()
        assert self._writer is not None
        self._writer.write(raw)
        await self._writer.drain()

    async def receive(self) -> Response:
        assert self._reader is not None
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            lines = head.decode("latin-1").split("\r\n")[1:-2]
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Dropped from error
        if "set-cookie" in headers:
            self.cookie = headers["set-cookie"].partition(";")[0]
        return Response(status, headers, body)

    async def closed(self) -> bool:
        """Whether the server closed: nothing more can be read."""
        assert self._reader is not None
        try:
            return await asyncio.wait_for(self._reader.read(1), 60) == b""
        except ConnectionError:
            return True

    def request(self, body: bytes, headers: dict[str, str] | None = None) -> bytes:
        wanted = {"Host": "acs", "Content-Length": str(len(body))}
        if body:
            wanted |= {"Content-Type": 'text/xml; charset="utf-8"', "SOAPAction": ""}
        if self.cookie:
            wanted["Cookie"] = self.cookie
        wanted |= headers or {}
        lines = "".join(f"{name}: {value}\r\n" for name, value in wanted.items())
        return f"POST / HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body

    async def post(self, body: bytes = b"", headers: dict[str, str] | None = None) -> Response:
        await self.send(self.request(body, headers))
        return await self.receive()


def authorization(challenge: str, username: str, password: str, **changes: str) -> str:
    parsed = auth.parse_challenge(challenge)
    return auth.answer(parsed, "POST", "/", username, password, secrets.token_hex(8))


@dataclass
class Cpe:
    """A device. `reboot_after_s` None: it never reboots; `answers_reboot` False: it drops the connection instead."""

    port: int
    serial: str = "TEST0001"
    product_class: str = "ONT"
    root: str = "Device."
    username: str = ""
    password: str = ""
    uptime_in_inform: bool = True
    answers_reboot: bool = True
    boot_events: bool = True
    reboot_after_s: float | None = 0.0
    faults: dict[str, SoapFault] = field(default_factory=dict)
    values: dict[str, tuple[str, str]] = field(default_factory=dict)
    boots: int = 0
    booted_at: float = field(default_factory=time.monotonic)
    uptime_base_s: float = 10_000.0
    events: list[tuple[str, str]] = field(default_factory=list)
    retry_count: int = 0
    delivered: list[tuple[str, str]] = field(default_factory=list)
    asked: list[Message] = field(default_factory=list)
    connection_request_url: str = ""
    posts: int = 0
    hook: Callable[[Message], Message | None] | None = None
    software_version: str = "sw1"
    namespace: str = NS_1_0
    #: its own requests, sent after the next Inform and forgotten once they are answered
    reports: list[Message] = field(default_factory=list)
    #: what the server answered to them
    told: list[Message | None] = field(default_factory=list)
    resets: int = 0
    downloads: int = 0

    def __post_init__(self) -> None:
        self._reboot_key: str | None = None
        self._pending: asyncio.Task[None] | None = None
        self._http = Http(self.port)

    @property
    def key(self) -> str:
        return f"001122-{self.product_class}-{self.serial}"

    @property
    def uptime_s(self) -> float:
        return time.monotonic() - self.booted_at + self.uptime_base_s

    def inform(self, *events: tuple[str, str]) -> bytes:
        parameters = [
            (f"{self.root}DeviceInfo.HardwareVersion", "hw1", "xsd:string"),
            (f"{self.root}DeviceInfo.SoftwareVersion", self.software_version, "xsd:string"),
            (f"{self.root}ManagementServer.ConnectionRequestURL", self.connection_request_url, "xsd:string"),
        ]
        if self.uptime_in_inform:
            parameters.append((f"{self.root}DeviceInfo.UpTime", str(int(self.uptime_s)), "xsd:unsignedInt"))
        message = Inform(
            DeviceId("Maker", "001122", self.product_class, self.serial),
            tuple(EventStruct(code, key) for code, key in events),
            retry_count=self.retry_count,
            parameter_list=tuple(ParameterValueStruct(*p) for p in parameters),
        )
        return encode(Envelope(message, "1", self.namespace))

    async def session(self, *events: tuple[str, str]) -> None:
        """One session from Inform to 204; events of its own that wait are sent along and counted when answered.

        Raises:
            Dropped, OSError: the server broke it off.
        """
        self._http = http = Http(self.port)
        sent = [*self.events, *events]
        try:
            await http.open()
            response = await self._post(http, self.inform(*sent))
            if response.status == 401 and self.username:
                header = authorization(response.headers["www-authenticate"], self.username, self.password)
                response = await self._post(http, self.inform(*sent), {"Authorization": header})
            if response.status != 200:
                raise Dropped(f"Inform was answered with {response.status}")
            self.delivered += sent
            self.events = [event for event in self.events if event not in sent]
            self.retry_count = 0
            while self.reports:
                response = await self._post(http, encode(Envelope(self.reports[0], "r", self.namespace)))
                self.told.append(response.message)
                self.reports.pop(0)
            response = await self._post(http, b"")
            while response.status == 200:
                asked = response.envelope
                assert asked is not None
                self.asked.append(asked.message)
                answer = self._answer(asked.message)
                if answer is None:
                    raise Dropped("the CPE broke off")
                response = await self._post(http, encode(Envelope(answer, asked.id, asked.namespace)))
            if response.status != 204:
                raise Dropped(f"a POST was answered with {response.status}")
        except (Dropped, OSError):
            self.retry_count += 1
            raise
        finally:
            await http.close()
            self._start_reboot()

    async def until_quiet(self, *events: tuple[str, str], tries: int = 50, pause_s: float = 0.1) -> None:
        """Sessions, again and again, until one ends well."""
        for _ in range(tries):
            try:
                await self.session(*events)
                return
            except (Dropped, OSError):
                await asyncio.sleep(pause_s)
        raise AssertionError("no session ended well")

    async def rebooted(self) -> None:
        """Wait for a reboot that is under way."""
        if self._pending is not None:
            await self._pending

    async def _post(self, http: Http, body: bytes, headers: dict[str, str] | None = None) -> Response:
        self.posts += 1
        return await http.post(body, headers)

    def _answer(self, message: Message) -> Message | None:
        if self.hook is not None and (answered := self.hook(message)) is not None:
            return answered
        fault = self.faults.get(type(message).__name__)
        if fault is not None:
            return fault
        match message:
            case Reboot(command_key=key):
                self._reboot_key = key
                return RebootResponse() if self.answers_reboot else None
            case Download(command_key=key):
                self.downloads += 1
                self.reports.append(TransferComplete(key))
                self.events += [("7 TRANSFER COMPLETE", ""), ("M Download", key)]
                return DownloadResponse(1)
            case FactoryReset():
                self._reboot_key = RESET
                return FactoryResetResponse() if self.answers_reboot else None
            case GetParameterValues(parameter_names=names):
                return self._values(names)
            case GetParameterNames(parameter_path=path, next_level=next_level):
                return self._names(path, next_level=next_level)
            case SetParameterValues(parameter_list=parameters):
                self.values |= {p.name: (p.value, p.type) for p in parameters}
                return SetParameterValuesResponse(0)
        return SoapFault(9000, "Method not supported")

    def _tree(self) -> dict[str, tuple[str, str]]:
        return {**self.values, f"{self.root}DeviceInfo.UpTime": (str(int(self.uptime_s)), "xsd:unsignedInt")}

    def _values(self, names: tuple[str, ...]) -> Message:
        tree = self._tree()
        found: dict[str, tuple[str, str]] = {}
        for name in names:
            below = {n: v for n, v in tree.items() if n == name or (name.endswith(".") and n.startswith(name))}
            if not below:
                return SoapFault(9005, f"Invalid parameter name {name}")
            found |= below
        return GetParameterValuesResponse(tuple(ParameterValueStruct(n, *v) for n, v in found.items()))

    def _names(self, path: str, *, next_level: bool) -> Message:
        names: dict[str, None] = {}
        for name in self._tree():
            if name.startswith(path) and name != path:
                rest = name[len(path) :]
                head, dot, _ = rest.partition(".")
                names[path + head + dot if next_level else name] = None
        return GetParameterNamesResponse(tuple(ParameterInfoStruct(name, True) for name in names))

    def _start_reboot(self) -> None:
        if self._reboot_key is not None and self.reboot_after_s is not None:
            key, self._reboot_key = self._reboot_key, None
            self._pending = asyncio.get_running_loop().create_task(self._reboot(key))

    async def _reboot(self, key: str) -> None:
        await asyncio.sleep(self.reboot_after_s or 0)
        self.boots += 1
        self.booted_at = time.monotonic()
        self.uptime_base_s = 0.0
        self.retry_count = 0
        if key == RESET:
            self.resets += 1
        if self.boot_events:
            first, last = (("0 BOOTSTRAP", ""), ("1 BOOT", "")) if key == RESET else (("1 BOOT", ""), ("M Reboot", key))
            self.events += [first, last]
