"""How we prove ourselves to an XMPP server: SCRAM where it has it, else what twisted.words knows.

    SCRAM-SHA-256, SCRAM-SHA-1 ─▶ DIGEST-MD5, PLAIN (inside TLS) ─▶ none: said with what the server offers

The rule of this file: the strongest that both know; a server that fails its own proof gets no session.
"""

from typing import Any, Final

from twisted.words.protocols.jabber import client, sasl, xmlstream

from acs.errors import ProtocolError
from acs.server.scram import HASHES, Scram

# twisted.words carries no types
_client: Any = client
_sasl: Any = sasl
_xmlstream: Any = xmlstream

#: What can be used, the strongest first.
KNOWN: Final = (*HASHES, "DIGEST-MD5", "PLAIN")


class _Mechanism:
    """SCRAM as twisted.words wants a mechanism."""

    def __init__(self, scram: Scram) -> None:
        self.name, self.scram = scram.name, scram

    def getInitialResponse(self) -> bytes:
        """The first message."""
        return self.scram.first()

    def getResponse(self, challenge: bytes) -> bytes:
        """The answer to a challenge."""
        return self.scram.answer(challenge)


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
        if name in HASHES:
            self.mechanism = _Mechanism(Scram(name, authenticator.jid.user, authenticator.password))
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
        if isinstance(self.mechanism, _Mechanism):
            try:
                told = _sasl.fromBase64(str(success).strip())
                if told or not self.mechanism.scram.verified:
                    self.mechanism.scram.verify(told)
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
