"""Our end of an XMPP server: connection requests to CPEs as IQs, and accounts made for them (TR-069 Annex K).

    offline ── connect, TLS, SASL, bind ──▶ online ── connection lost ──▶ offline, again after a growing pause

The one rule: nothing is sent before TLS proved the server's name, for passwords stand in what is sent; who answers is
known by a random id and by the sender's address.
"""

import asyncio
import secrets
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext, SSLError
from typing import Any, Final

import structlog
from twisted.internet import ssl
from twisted.words.protocols.jabber import error, jid, xmlstream
from twisted.words.xish import domish

from acs.config import XmppSection, read_secret
from acs.errors import ConfigError
from acs.server.bridge import result_of
from acs.server.xmpp_sasl import stream_factory
from acs.services.waking.methods import CallFailed, Result, XmppReply

log = structlog.get_logger()

# twisted.words and the helpers of twisted.internet.ssl carry no types
_jid: Any = jid
_xmlstream: Any = xmlstream
_domish: Any = domish
_ssl: Any = ssl


NS_REQUEST: Final = "urn:broadband-forum-org:cwmp:xmppConnReq-1-0"
NS_COMMANDS: Final = "http://jabber.org/protocol/commands"
NS_DATA: Final = "jabber:x:data"
#: XEP-0133, §4.1 and §4.6
ADD_USER: Final = "http://jabber.org/protocol/admin#add-user"
CHANGE_PASSWORD: Final = "http://jabber.org/protocol/admin#change-user-password"
#: Seconds for an answer of the XMPP server itself.
SERVER_S: Final = 10.0


class XmppMessenger:
    """Keeps one stream to the XMPP server."""

    def __init__(self, config: XmppSection) -> None:
        assert config.jid is not None and config.password_file is not None
        self._config = config
        self._password = read_secret(config.password_file, "xmpp.password_file")
        self._jid = _jid.JID(f"{config.jid}/secondline-{secrets.token_hex(4)}")
        self._stream: Any = None
        self._connector: Any = None
        self._factory: Any = None
        self._online = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether the stream is up."""
        return self._stream is not None

    def start(self, reactor: Any) -> None:
        """Connect, and connect again whenever the stream is lost.

        Raises:
            ConfigError: the file of authorities cannot be read.
        """
        trust = _trust(self._config.ca_file)
        tls = _ssl.optionsForClientTLS(self._jid.host, trustRoot=trust)
        self._factory = stream_factory(self._jid, self._password, tls)
        self._factory.maxDelay = self._config.reconnect_max_s
        self._factory.initialDelay = 0.5
        self._factory.noisy = False
        self._factory.addBootstrap(_xmlstream.STREAM_AUTHD_EVENT, self._authorized)
        self._factory.addBootstrap(_xmlstream.STREAM_END_EVENT, self._ended)
        self._factory.addBootstrap(_xmlstream.INIT_FAILED_EVENT, self._refused)
        host = self._config.host or self._jid.host
        self._connector = reactor.connectTCP(host, self._config.port, self._factory)

    async def stop(self) -> None:
        """End the stream."""
        if self._factory is not None:
            self._factory.stopTrying()
        if self._stream is not None:
            self._stream.sendFooter()
        if self._connector is not None:
            self._connector.disconnect()
        self._stream = None

    async def online(self) -> None:
        """Return once the stream is up."""
        await self._online.wait()

    async def ask(self, address: str, username: str, password: str, timeout_s: float) -> XmppReply:
        """Send a connection request to a CPE's Jabber ID and give its answer.

        Raises:
            CallFailed: no answer came, or the stream is down.
        """
        iq = self._iq("get")
        query = iq.addElement((NS_REQUEST, "connectionRequest"))
        query.addElement("username", content=username)
        query.addElement("password", content=password)
        try:
            reply = await self._send(iq, address, timeout_s)
        except error.StanzaError as refusal:
            stanza: Any = getattr(refusal, "stanza", None)
            _require_sender(stanza, address)
            repeated = any(child.name == "connectionRequest" for child in stanza.elements())
            return XmppReply(refusal.condition, repeated)
        _require_sender(reply, address)
        return XmppReply("result")

    async def make_account(self, name: str, password: str) -> None:
        """Make an account for a CPE, or give an existing one this password, by XEP-0133.

        Raises:
            CallFailed: the XMPP server refused, or the stream is down.
        """
        domain = self._config.domain or self._jid.host
        account = f"{name}@{domain}"
        fields = {"accountjid": account, "password": password, "password-verify": password}
        try:
            note = await self._command(domain, ADD_USER, fields)
            if note == "error":
                note = await self._command(domain, CHANGE_PASSWORD, {"accountjid": account, "password": password})
        except error.StanzaError as refusal:
            text = f"the XMPP server makes no account for us ({refusal.condition}); make our account an administrator's"
            raise CallFailed(Result.FAILED, text) from refusal
        if note == "error":
            raise CallFailed(Result.FAILED, f"the XMPP server refused to make the account {account}")

    async def _command(self, domain: str, node: str, fields: dict[str, str]) -> str:
        """Run an administrator's command in its two steps; the type of its note, "" where it has none."""
        begun = await self._send(self._command_iq(node), domain, SERVER_S)
        session = begun.command.getAttribute("sessionid") if begun.command else None
        iq = self._command_iq(node, session)
        form = iq.command.addElement((NS_DATA, "x"))
        form["type"] = "submit"
        for name, value in {"FORM_TYPE": "http://jabber.org/protocol/admin", **fields}.items():
            field = form.addElement("field")
            field["var"] = name
            field.addElement("value", content=value)
        done = await self._send(iq, domain, SERVER_S)
        note = next((child for child in done.command.elements() if child.name == "note"), None)
        return "" if note is None else str(note.getAttribute("type") or "")

    def _command_iq(self, node: str, session: str | None = None) -> Any:
        iq = self._iq("set")
        command = iq.addElement((NS_COMMANDS, "command"))
        command["node"] = node
        if session is not None:
            command["sessionid"] = session
            command["action"] = "complete"
        else:
            command["action"] = "execute"
        return iq

    def _iq(self, kind: str) -> Any:
        if self._stream is None:
            where = f"{self._config.host or self._jid.host}:{self._config.port}"
            raise CallFailed(Result.NO_XMPP, f"the server is not connected to the XMPP server {where}")
        iq = _xmlstream.IQ(self._stream, kind)
        iq["id"] = secrets.token_hex(12)
        return iq

    async def _send(self, iq: Any, to: str, timeout_s: float) -> Any:
        iq.timeout = timeout_s
        try:
            return await result_of(iq.send(to))
        except _xmlstream.TimeoutError as late:
            raise CallFailed(Result.TIMED_OUT, f"no answer within {timeout_s:g} s") from late
        except error.StanzaError:
            raise
        except Exception as lost:
            raise CallFailed(Result.NO_XMPP, "the connection to the XMPP server was lost") from lost

    def _authorized(self, stream: Any) -> None:
        self._stream = stream
        self._factory.resetDelay()
        # without presence some servers take us for gone
        stream.send(_domish.Element((None, "presence")))
        self._online.set()
        log.info("xmpp.connected", jid=self._jid.full())

    def _ended(self, _reason: Any) -> None:
        if self._stream is not None:
            log.warning("xmpp.disconnected", jid=self._jid.full())
        self._stream = None
        self._online.clear()

    def _refused(self, failure: Any) -> None:
        log.error("xmpp.refused", jid=self._jid.full(), why=failure.getErrorMessage()[:200] or failure.type.__name__)
        if self._factory is not None and self._connector is not None:
            self._connector.disconnect()


def _require_sender(stanza: Any, address: str) -> None:
    """Refuse an answer of somebody else.

    Raises:
        CallFailed: it does not come from whom we asked.
    """
    sender = stanza.getAttribute("from") or address
    if _jid.JID(sender).full() != _jid.JID(address).full():
        raise CallFailed(Result.FAILED, f"an answer came from {sender[:128]}, who was not asked")


def _trust(ca_file: Path | None) -> Any:
    if ca_file is None:
        return _ssl.platformTrust()
    try:
        text = ca_file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError(f"xmpp.ca_file: {ca_file} cannot be read; name a file of PEM certificates") from problem
    end = "-----END CERTIFICATE-----"
    found = [part[part.index("-----BEGIN") :] + end for part in text.split(end) if "-----BEGIN CERTIFICATE" in part]
    if not found:
        raise ConfigError(f"xmpp.ca_file: {ca_file} holds no certificate; name a file of PEM certificates")
    return _ssl.trustRootFromCertificates([_certificate(ca_file, n, each) for n, each in enumerate(found, 1)])


def _certificate(ca_file: Path, number: int, pem: str) -> Any:
    try:
        SSLContext(PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
        return _ssl.Certificate.loadPEM(pem.encode())
    except (SSLError, ValueError) as problem:
        raise ConfigError(
            f"xmpp.ca_file: certificate {number} in {ca_file} is broken; `openssl x509 -in {ca_file} -noout -text` "
            "must be able to read each of them"
        ) from problem
