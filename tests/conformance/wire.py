"""A CPE of the tests that shares nothing with the server's code: its XML is text, its HTTP is bytes."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
CWMP = "urn:dslforum-org:cwmp-1-{}"

Parameters = Sequence[tuple[str, str, str]]


class Closed(Exception):
    """The server closed the connection instead of an answer."""


@dataclass(frozen=True)
class Answer:
    """One HTTP response."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first header of this name."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    def all(self, name: str) -> list[str]:
        """Every header of this name."""
        return [value for each, value in self.headers if each.lower() == name.lower()]

    @property
    def xml(self) -> ElementTree.Element:
        """The envelope."""
        return ElementTree.fromstring(self.body)

    @property
    def message(self) -> ElementTree.Element:
        """The one element in the Body."""
        body = self.xml.find(f"{{{SOAP}}}Body")
        assert body is not None
        assert len(body) == 1
        return body[0]

    @property
    def rpc(self) -> str:
        """The local name of the message; "" for an empty answer."""
        return self.message.tag.rpartition("}")[2] if self.body else ""

    @property
    def namespace(self) -> str:
        """The namespace of the message."""
        return self.message.tag[1:].partition("}")[0]

    def soap_header(self, name: str) -> ElementTree.Element | None:
        """A SOAP header by its local name."""
        header = self.xml.find(f"{{{SOAP}}}Header")
        return next((e for e in header if e.tag.rpartition("}")[2] == name), None) if header is not None else None

    @property
    def id(self) -> str | None:
        """The text of the cwmp:ID header."""
        found = self.soap_header("ID")
        return None if found is None else found.text

    def text(self, path: str) -> str | None:
        """The text of an unqualified element below the message."""
        return self.message.findtext(path)

    def texts(self, path: str) -> list[str]:
        """The texts of all such elements."""
        return [each.text or "" for each in self.message.findall(path)]

    @property
    def fault_code(self) -> int:
        """The CWMP fault code of a SOAP fault."""
        return int(next(e.text or "0" for e in self.message.iter() if e.tag.rpartition("}")[2] == "FaultCode"))


class Wire:
    """One TCP connection; nothing is added to what is sent."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, source: str | None = None) -> None:
        self.port = port
        self._tls = tls
        self._source = source
        self.reader: asyncio.StreamReader | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        """Connect."""
        local = (self._source, 0) if self._source else None
        self.reader, self.writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self._tls, local_addr=local, limit=1 << 24
        )

    async def close(self) -> None:
        """Disconnect."""
        if self.writer is not None:
            self.writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await self.writer.wait_closed()
        self.reader = self.writer = None

    async def send(self, raw: bytes) -> None:
        """Send bytes as they are, on a new connection if there is none."""
        if self.writer is None:
            await self.open()
        assert self.writer is not None
        self.writer.write(raw)
        await self.writer.drain()

    async def receive(self) -> Answer:
        """The next response.

        Raises:
            Closed: there is none.
        """
        assert self.reader is not None
        try:
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 60)
            status, headers = _head(head)
            length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
            body = await self.reader.readexactly(0 if status in (100, 204) else length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Closed from error
        return Answer(status, headers, body)

    async def closed(self) -> bool:
        """Whether the server closes the connection, with nothing more to read."""
        assert self.reader is not None
        with contextlib.suppress(ConnectionError):
            return await asyncio.wait_for(self.reader.read(1), 60) == b""
        return True


def _head(head: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    pairs = (line.partition(":") for line in lines)
    return int(first.split(" ", 2)[1]), tuple((name, value.strip()) for name, _, value in pairs)


@dataclass
class Cpe:
    """A device that says what a test tells it to; it keeps cookie and connection like a good CPE."""

    port: int
    serial: str
    oui: str = "00D09E"
    product_class: str = "Conform"
    manufacturer: str = "Maker"
    version: int = 0
    root: str = "Device."
    url: str = "/"
    connection_request_url: str = ""
    cookie: str | None = None
    keeps_cookie: bool = True
    tls: ssl.SSLContext | None = None
    source: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.wire = Wire(self.port, self.tls, self.source)

    @property
    def key(self) -> str:
        """How the server calls the device."""
        return f"{self.oui}-{self.product_class}-{self.serial}"

    def envelope(self, content: str, id: str | None = "1", headers: str = "") -> bytes:
        """A SOAP envelope around the text of a message."""
        own = f'<cwmp:ID soap:mustUnderstand="1">{escape(id)}</cwmp:ID>' if id is not None else ""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="{SOAP}"'
            f' xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/" xmlns:xsi="{XSI}"'
            f' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:cwmp="{CWMP.format(self.version)}">'
            f"<soap:Header>{own}{headers}</soap:Header><soap:Body>{content}</soap:Body></soap:Envelope>"
        ).encode()

    def inform(
        self,
        *events: tuple[str, str] | str,
        parameters: Parameters = (),
        retry_count: int = 0,
        current_time: str = "2026-01-02T03:04:05Z",
        id: str | None = "1",
        headers: str = "",
    ) -> bytes:
        """An Inform with the parameters that every Inform must carry, and others."""
        pairs = [event if isinstance(event, tuple) else (event, "") for event in events or ("2 PERIODIC",)]
        carried = [*self.forced(), *parameters]
        structs = "".join(
            f"<EventStruct><EventCode>{escape(code)}</EventCode><CommandKey>{escape(key)}</CommandKey></EventStruct>"
            for code, key in pairs
        )
        return self.envelope(
            f"<cwmp:Inform><DeviceId><Manufacturer>{self.manufacturer}</Manufacturer><OUI>{self.oui}</OUI>"
            f"<ProductClass>{escape(self.product_class)}</ProductClass><SerialNumber>{escape(self.serial)}</SerialNumber>"
            f'</DeviceId><Event soapenc:arrayType="cwmp:EventStruct[{len(pairs)}]">{structs}</Event>'
            f"<MaxEnvelopes>1</MaxEnvelopes><CurrentTime>{current_time}</CurrentTime>"
            f"<RetryCount>{retry_count}</RetryCount>{values(carried)}</cwmp:Inform>",
            id,
            headers,
        )

    def forced(self) -> list[tuple[str, str, str]]:
        """The parameters that every Inform must carry."""
        summary = "DeviceSummary" if self.root.startswith("Internet") else "RootDataModelVersion"
        return [
            (f"{self.root}{summary}", "2.11", "xsd:string"),
            (f"{self.root}DeviceInfo.HardwareVersion", "HW1", "xsd:string"),
            (f"{self.root}DeviceInfo.SoftwareVersion", "SW1", "xsd:string"),
            (f"{self.root}DeviceInfo.ProvisioningCode", "", "xsd:string"),
            (f"{self.root}ManagementServer.ParameterKey", "", "xsd:string"),
            (f"{self.root}ManagementServer.ConnectionRequestURL", self.connection_request_url, "xsd:string"),
        ]

    def request(self, body: bytes, headers: dict[str, str] | None = None) -> bytes:
        """The bytes of a POST; a header whose value is None is left out."""
        wanted: dict[str, str | None] = {"Host": "acs.example", "Content-Length": str(len(body))}
        if body:
            wanted |= {"Content-Type": 'text/xml; charset="utf-8"', "SOAPAction": ""}
        if self.cookie and self.keeps_cookie:
            wanted["Cookie"] = self.cookie
        wanted |= self.headers
        wanted |= headers or {}
        lines = "".join(f"{name}: {value}\r\n" for name, value in wanted.items() if value is not None)
        return f"POST {self.url} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + body

    async def post(self, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Send a POST and take its answer and its cookie."""
        await self.wire.send(self.request(body, headers))
        return self.keep(await self.wire.receive())

    def keep(self, answer: Answer) -> Answer:
        """Take the cookie of an answer."""
        cookie = answer.header("Set-Cookie")
        if cookie is not None:
            self.cookie = cookie.partition(";")[0]
        return answer

    async def open(self, *events: tuple[str, str] | str, parameters: Parameters = ()) -> Answer:
        """Open a session: Inform and InformResponse."""
        answer = await self.post(self.inform(*events, parameters=parameters))
        assert (answer.status, answer.rpc) == (200, "InformResponse")
        return answer

    async def answer(self, asked: Answer, content: str) -> Answer:
        """Answer an RPC of the server, with its id."""
        return await self.post(self.envelope(content, asked.id))

    async def close(self) -> None:
        """Drop the connection."""
        await self.wire.close()

    async def session(self, *events: tuple[str, str] | str, parameters: Parameters = ()) -> None:
        """A session in which nothing is asked; it ends well."""
        await self.open(*events, parameters=parameters)
        answer = await self.post()
        assert answer.status == 204, answer.body
        await self.close()


def values(parameters: Parameters) -> str:
    """A ParameterList of names with their values."""
    structs = "".join(
        f"<ParameterValueStruct><Name>{escape(n)}</Name>"
        f'<Value xsi:type="{t}">{escape(v)}</Value></ParameterValueStruct>'
        for n, v, t in parameters
    )
    return f'<ParameterList soapenc:arrayType="cwmp:ParameterValueStruct[{len(parameters)}]">{structs}</ParameterList>'


def values_response(parameters: Parameters) -> str:
    """A GetParameterValuesResponse."""
    return f"<cwmp:GetParameterValuesResponse>{values(parameters)}</cwmp:GetParameterValuesResponse>"


def names_response(names: Sequence[tuple[str, bool]]) -> str:
    """A GetParameterNamesResponse of (name, writable)."""
    structs = "".join(
        f"<ParameterInfoStruct><Name>{escape(name)}</Name><Writable>{int(writable)}</Writable></ParameterInfoStruct>"
        for name, writable in names
    )
    return (
        "<cwmp:GetParameterNamesResponse>"
        f'<ParameterList soapenc:arrayType="cwmp:ParameterInfoStruct[{len(names)}]">{structs}</ParameterList>'
        "</cwmp:GetParameterNamesResponse>"
    )


def fault(code: int, text: str = "no", refused: Sequence[tuple[str, int, str]] = ()) -> str:
    """A SOAP fault with a CWMP fault in it."""
    each = "".join(
        f"<SetParameterValuesFault><ParameterName>{name}</ParameterName><FaultCode>{wrong}</FaultCode>"
        f"<FaultString>{why}</FaultString></SetParameterValuesFault>"
        for name, wrong, why in refused
    )
    return (
        "<soap:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><cwmp:Fault>"
        f"<FaultCode>{code}</FaultCode><FaultString>{text}</FaultString>{each}</cwmp:Fault></detail></soap:Fault>"
    )


def array_counts(answer: Answer) -> list[tuple[int, int]]:
    """(declared, present) of every array in an answer."""
    found = []
    for element in answer.xml.iter():
        for name, value in element.attrib.items():
            counted = re.search(r"\[(\d+)\]$", value) if name.endswith("arrayType") else None
            if counted:
                found.append((int(counted[1]), len(element)))
    return found
