"""The door at which a CPE hears connection requests through an XMPP server: a small client of its own.

    connect ─▶ STARTTLS ─▶ SASL PLAIN ─▶ bind a resource ─▶ IQ connectionRequest ─▶ result, or an error

Source: TR-069 Amendment 6, Annex K; RFC 6120. The rule: an IQ is obeyed only from whom the ACS allowed and with the
connection-request password.
"""

import asyncio
import base64
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from lxml import etree

NS_CLIENT = "jabber:client"
NS_TLS = "urn:ietf:params:xml:ns:xmpp-tls"
NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl"
NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind"
NS_STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas"
NS_REQUEST = "urn:broadband-forum-org:cwmp:xmppConnReq-1-0"
#: seconds before a lost stream is made again
AGAIN_S = 1.0


@dataclass(frozen=True, slots=True)
class XmppClient:
    """A row of XMPP.Connection, and who may call."""

    server: tuple[str, int]
    username: str
    password: str
    domain: str
    resource: str = "cwmp"
    #: bare or full Jabber IDs; empty = everyone
    allowed: str = ""


class XmppBell:
    """Listens for connection requests. `credentials` gives user and password as they are set now."""

    def __init__(self, credentials: Callable[[], tuple[str, str]], ring: Callable[[], None]) -> None:
        self._credentials = credentials
        self._ring = ring
        #: whom it trusts; None = the system's authorities
        self.tls: ssl.SSLContext | None = None
        self._client: XmppClient | None = None
        self._task: asyncio.Task[None] | None = None
        #: called with the full Jabber ID once it is bound
        self.bound: Callable[[str], None] = lambda _: None
        #: answers service-unavailable, as a device in a session may
        self.busy = False
        #: IQs that came
        self.asked = 0

    def use(self, client: XmppClient | None) -> None:
        """Start, stop, or go on with other settings."""
        if client == self._client:
            return
        self.close()
        self._client = client
        if client is not None:
            self._task = asyncio.create_task(self._live(client))

    def close(self) -> None:
        """Leave the XMPP server."""
        if self._task is not None:
            self._task.cancel()
        self._task = self._client = None

    async def _live(self, client: XmppClient) -> None:
        while True:
            stream = _Stream(client.domain)
            try:
                await self._serve(stream, client)
            except (OSError, EOFError, ValueError, etree.XMLSyntaxError):
                await asyncio.sleep(AGAIN_S)
            finally:
                stream.close()

    async def _serve(self, stream: "_Stream", client: XmppClient) -> None:
        await stream.connect(*client.server)
        await stream.ask(f"<starttls xmlns='{NS_TLS}'/>", "proceed")
        await stream.start_tls(self.tls or ssl.create_default_context(), client.domain)
        proof = base64.b64encode(f"\0{client.username}\0{client.password}".encode()).decode()
        await stream.ask(f"<auth xmlns='{NS_SASL}' mechanism='PLAIN'>{proof}</auth>", "success")
        await stream.begin()
        resource = f"<resource>{client.resource}</resource>"
        answer = await stream.ask(f"<iq type='set' id='b'><bind xmlns='{NS_BIND}'>{resource}</bind></iq>", "iq")
        self.bound(answer.findtext(f".//{{{NS_BIND}}}jid") or "")
        stream.send("<presence/>")
        while True:
            stanza = await stream.next()
            if etree.QName(stanza).localname == "iq" and stanza.get("type") in ("get", "set"):
                stream.send(self._answer(stanza, client))

    def _answer(self, iq: etree._Element, client: XmppClient) -> str:
        query = iq.find(f"{{{NS_REQUEST}}}connectionRequest")
        sender = iq.get("from", "")
        head = f"to={quoteattr(sender)} id={quoteattr(iq.get('id', ''))}"
        if query is None or not _is_allowed(sender, client.allowed):
            return _error(head, "service-unavailable", "")
        self.asked += 1
        told = (query.findtext(f"{{{NS_REQUEST}}}username"), query.findtext(f"{{{NS_REQUEST}}}password"))
        repeated = etree.tostring(query, encoding="unicode")
        if told != self._credentials():
            return _error(head, "not-authorized", repeated)
        if self.busy:
            return _error(head, "service-unavailable", repeated)
        self._ring()
        return f"<iq type='result' {head}/>"


class _Stream:
    """One stream: text out, whole stanzas in."""

    def __init__(self, domain: str) -> None:
        self._domain = domain
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None
        self._parser = etree.XMLPullParser(
            ("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        self._depth = 0
        self._ready: list[etree._Element] = []

    async def connect(self, host: str, port: int) -> None:
        self._reader, self._writer = await asyncio.open_connection(host, port)
        await self.begin()

    async def begin(self) -> None:
        """Open the stream, anew after each negotiation, and wait for its features."""
        self._parser = etree.XMLPullParser(
            ("start", "end"), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
        )
        self._depth = 0
        self._ready.clear()
        self.send(
            f"<?xml version='1.0'?><stream:stream to='{self._domain}' version='1.0' xmlns='{NS_CLIENT}' "
            "xmlns:stream='http://etherx.jabber.org/streams'>"
        )
        await self.next()

    async def start_tls(self, context: ssl.SSLContext, name: str) -> None:
        assert self._writer is not None
        await self._writer.start_tls(context, server_hostname=name)
        await self.begin()

    async def ask(self, text: str, wanted: str) -> etree._Element:
        self.send(text)
        answer = await self.next()
        if etree.QName(answer).localname != wanted:
            raise ValueError(f"the XMPP server answered {etree.QName(answer).localname} instead of {wanted}")
        return answer

    def send(self, text: str) -> None:
        assert self._writer is not None
        self._writer.write(text.encode())

    async def next(self) -> etree._Element:
        while not self._ready:
            data = await self._reader.read(4096)
            if not data:
                raise EOFError("the XMPP server closed the stream")
            self._parser.feed(data)
            for event, element in self._parser.read_events():
                self._depth += 1 if event == "start" else -1
                if event == "end" and self._depth == 1 and isinstance(element, etree._Element):
                    self._ready.append(element)
        return self._ready.pop(0)

    def close(self) -> None:
        if self._writer is not None:
            with suppress(OSError):
                self._writer.close()


def _error(head: str, condition: str, repeated: str) -> str:
    return (
        f"<iq type='error' {head}>{repeated}<error type='cancel' code='503'>"
        f"<{condition} xmlns='{NS_STANZAS}'/></error></iq>"
    )


def _is_allowed(sender: str, allowed: str) -> bool:
    names = [each.strip().lower() for each in allowed.split(",") if each.strip()]
    full, bare = sender.lower(), sender.partition("/")[0].lower()
    return not names or any(name in (full, bare) for name in names)
