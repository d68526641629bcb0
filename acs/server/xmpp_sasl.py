"""How we prove ourselves to an XMPP server: SCRAM where it has it, else what twisted.words knows.

    SCRAM-SHA-256, SCRAM-SHA-1 ─▶ DIGEST-MD5, PLAIN (inside TLS) ─▶ none: said with what the server offers

SCRAM itself is the library's: a password proven without being sent (RFC 5802, 7677; no channel binding, for which
twisted.words gives no hook).

The rule of this file: the strongest that both know; a server that does not prove itself, or asks for a weak or an
endless derivation, gets no session.
"""

import re
from typing import Any, Final

from scramp import ScramClient, ScramException  # type: ignore[import-untyped] # it ships no types
from twisted.words.protocols.jabber import client, sasl, xmlstream

from acs.errors import ProtocolError

# twisted.words carries no types
_client: Any = client
_sasl: Any = sasl
_xmlstream: Any = xmlstream

#: The SCRAM of ours, and all that can be used, the strongest first.
_SCRAM: Final = ("SCRAM-SHA-256", "SCRAM-SHA-1")
KNOWN: Final = (*_SCRAM, "DIGEST-MD5", "PLAIN")
#: Rounds that a server may ask for: RFC 5802 wants 4096 at least; a million takes up to a second of this process.
_LEAST_ROUNDS, _MOST_ROUNDS = 4_096, 1_000_000
_ROUNDS = re.compile(r"(?:^|,)i=([^,]*)")


class Scram:
    """One exchange with one server, as twisted.words wants a mechanism.

    Raises:
        ProtocolError: the name or the password holds what SASLprep forbids.
    """

    def __init__(self, mechanism: str, username: str, password: str, nonce: str | None = None) -> None:
        self.name = mechanism
        try:
            self._client = ScramClient([mechanism], username, password, c_nonce=nonce)
            self._first: bytes = self._client.get_client_first().encode()
        except ScramException as error:
            text = f"SCRAM: our account cannot be used ({error}); change its name or password, and xmpp.jid or its file"
            raise ProtocolError(text) from error
        self._proof_given = False
        #: the server has proven that it knows the password
        self.verified = False

    def getInitialResponse(self) -> bytes:
        """What the client sends first."""
        return self._first

    def getResponse(self, challenge: bytes) -> bytes:
        """The proof for a server's challenge; nothing for the one that carries its signature.

        Raises:
            ProtocolError: the challenge is none, or one that may not be answered.
        """
        if self._proof_given:
            self.verify(challenge)
            return b""
        text = _text(challenge)
        given = _ROUNDS.search(text)
        rounds = given[1] if given else ""
        if not rounds.isascii() or not rounds.isdigit() or not _LEAST_ROUNDS <= int(rounds[:9]) <= _MOST_ROUNDS:
            raise ProtocolError(f"SCRAM: the server wants {rounds[:20] or 'no'} rounds, which is too few or too many")
        try:
            self._client.set_server_first(text)
            proof: str = self._client.get_client_final()
        except ScramException as error:
            broken = getattr(error.server_error, "value", "") == "invalid-encoding"
            why = "the server's message is no base64" if broken else "the server answers another question than ours"
            raise ProtocolError(f"SCRAM: {why} ({error})") from error
        self._proof_given = True
        return proof.encode()

    def verify(self, last: bytes) -> None:
        """Hold the server's last word against what only somebody who knows the password can say.

        Raises:
            ProtocolError: the server did not prove itself.
        """
        try:
            self._client.set_server_final(_text(last))
        except ScramException as error:
            raise ProtocolError(f"SCRAM: the server did not prove that it knows the password ({error})") from error
        self.verified = True


def _text(message: bytes) -> str:
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProtocolError("SCRAM: the server's message is no UTF-8") from error


class _Initializer(_sasl.SASLInitiatingInitializer):  # type: ignore[misc] # twisted.words carries no types
    """The SASL step of a stream, with SCRAM."""

    def setMechanism(self) -> None:
        """Choose; or say what is offered, and what would do."""
        authenticator = self.xmlstream.authenticator
        offered = _sasl.get_mechanisms(self.xmlstream)
        name = next((each for each in KNOWN if each in offered), None)
        if name is None:
            shown = ", ".join(sorted(str(each)[:40] for each in offered)[:8]) or "nothing"
            text = f"the XMPP server offers {shown}; let it offer one of {', '.join(KNOWN)}"
            raise _sasl.SASLNoAcceptableMechanism(text)
        if name in _SCRAM:
            self.mechanism = Scram(name, authenticator.jid.user, authenticator.password)
        else:
            super().setMechanism()

    def onChallenge(self, element: Any) -> None:
        """Answer a challenge; one that may not be answered ends the stream."""
        try:
            super().onChallenge(element)
        except ProtocolError as error:
            self._deferred.errback(error)

    def onSuccess(self, success: Any) -> None:
        """Go on, once the server has proven itself too."""
        if isinstance(self.mechanism, Scram) and not self.mechanism.verified:
            try:
                self.mechanism.verify(_sasl.fromBase64(str(success).strip()))
            except (ProtocolError, _sasl.SASLIncorrectEncodingError) as error:
                self._deferred.errback(error)
                return
        super().onSuccess(success)


class _Authenticator(_client.XMPPAuthenticator):  # type: ignore[misc] # twisted.words carries no types
    """As twisted's, with our SASL step in the place of its own."""

    def associateWithStream(self, stream: Any) -> None:
        """Set up the steps of a stream."""
        super().associateWithStream(stream)
        steps = []
        for step in stream.initializers:
            if isinstance(step, _sasl.SASLInitiatingInitializer):
                step = _Initializer(stream)
                step.required = True
            steps.append(step)
        stream.initializers = steps


def stream_factory(jid: Any, password: str, tls: Any) -> Any:
    """What makes streams of an account, again whenever one is lost."""
    return _xmlstream.XmlStreamFactory(_Authenticator(jid, password, configurationForTLS=tls))
