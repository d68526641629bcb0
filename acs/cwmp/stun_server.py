"""What a STUN server says to a Binding request of a CPE: an answer, and where the CPE was seen. Pure.

    datagram ─ examine ─▶ Asked ─ (the caller looks up the secret of its USERNAME) ─ respond ─▶ Answer, Sighting

The one rule: an answer goes to the sender's own address and is at most three times as long as what was asked, heads of
IP and UDP counted, so that a forged source gains nobody much; what is no Binding request gets no answer at all.

Source: TR-069 Amendment 6 Annex G.2.2; RFC 3489 §8.1.
"""

from dataclasses import dataclass
from typing import Final

from acs.cwmp import stun
from acs.cwmp.stun import Attribute, AttributeType, Endpoint, Message, MessageType
from acs.errors import ProtocolError

#: Unknown attributes that an error names.
_NAMED: Final = 4
#: Bits of CHANGE-REQUEST that ask for another address or port of the server.
_CHANGE: Final = 0x06


@dataclass(frozen=True, slots=True)
class Asked:
    """A Binding request. `username` None: it carries none."""

    data: bytes
    message: Message
    source: Endpoint

    @property
    def username(self) -> str | None:
        """Who says to ask."""
        return self.message.username

    @property
    def proves(self) -> bool:
        """Whether it carries a proof of its user name."""
        return self.message.covered is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """A datagram to be sent."""

    data: bytes
    to: Endpoint
    #: 0, or the number of the error that it tells
    error: int = 0


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where a CPE hears connection requests. `proved`: it knew the secret of the user name."""

    username: str
    source: Endpoint
    changed: bool
    proved: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of a request; no answer where silence is right."""

    answer: Answer | None = None
    sighting: Sighting | None = None


def examine(data: bytes, source: Endpoint) -> Asked:
    """The request in a datagram.

    Raises:
        ProtocolError: it is no Binding request; it must not be answered.
    """
    message = stun.decode(data)
    if message.type != MessageType.BINDING_REQUEST:
        raise ProtocolError(f"a STUN message of type {message.type:#06x} is no Binding request")
    return Asked(data, message, source)


def respond(asked: Asked, local: Endpoint, secret: str | None, *, demand_proof: bool) -> Verdict:
    """The answer to a request, and the sighting where it asks for connection requests.

    `local` is the address that it reached; `secret` the STUN password of its user name, None where that is unknown;
    `demand_proof`: who wants connection requests must prove its user name first.
    """
    message = asked.message
    unknown = message.unknown()
    if unknown:
        listed = Attribute(AttributeType.UNKNOWN_ATTRIBUTES, stun.unknown_value(unknown[:_NAMED]))
        return Verdict(_error(asked, 420, "Unknown Attribute", listed))
    to = _where_to(asked)
    if to is None or _wants_other_address(message):
        return Verdict()
    wants_calls = message.is_connection_request_binding
    if not asked.proves:
        if wants_calls and demand_proof:
            return Verdict(_error(asked, 401, "Unauthorized"))
        sighting = Sighting(asked.username, asked.source, message.binding_changed, False) if asked.username else None
        return Verdict(_success(asked, local, to), sighting if wants_calls else None)
    username = asked.username
    if not username:
        return Verdict(_error(asked, 432, "Missing Username"))
    if secret is None:
        return Verdict(_error(asked, 401, "Unauthorized"))
    key = _key(message, username, secret)
    style = stun.integrity_style(asked.data, message, key)
    if style is None:
        return Verdict(_error(asked, 431, "Integrity Check Failure"))
    answer = _success(asked, local, to, key, zero_padded=style)
    return Verdict(answer, Sighting(username, asked.source, message.binding_changed, True) if wants_calls else None)


def proved_by(asked: Asked, secret: str) -> bool:
    """Whether the request was signed with this password."""
    key = _key(asked.message, asked.username or "", secret)
    return stun.integrity_style(asked.data, asked.message, key) is not None


def _key(message: Message, username: str, secret: str) -> bytes:
    realm = message.get(AttributeType.REALM)
    if realm is None:
        return secret.encode()
    return stun.long_term_key(username, realm.decode("utf-8", "replace"), secret)


def _where_to(asked: Asked) -> Endpoint | None:
    """Where the answer goes: RESPONSE-ADDRESS only at the sender's own address; None: it names somebody else."""
    value = asked.message.get(AttributeType.RESPONSE_ADDRESS)
    if value is None:
        return asked.source
    try:
        wanted = stun.parse_address(value)
    except ProtocolError:
        return None
    return wanted if wanted.host == asked.source.host and wanted.port else None


def _wants_other_address(message: Message) -> bool:
    """Whether the answer shall come from an address that this server has not: only silence tells the truth then."""
    value = message.get(AttributeType.CHANGE_REQUEST)
    return value is not None and len(value) == 4 and bool(value[3] & _CHANGE)


def _success(
    asked: Asked, local: Endpoint, to: Endpoint, key: bytes | None = None, *, zero_padded: bool = True
) -> Answer:
    message = asked.message
    attributes = [
        Attribute(AttributeType.MAPPED_ADDRESS, stun.address_value(asked.source)),
        Attribute(AttributeType.SOURCE_ADDRESS, stun.address_value(local)),
        Attribute(AttributeType.CHANGED_ADDRESS, stun.address_value(local)),
    ]
    if message.has_cookie:
        value = stun.xor_address_value(asked.source, message.transaction)
        attributes.append(Attribute(AttributeType.XOR_MAPPED_ADDRESS, value))
    if to != asked.source:
        attributes.append(Attribute(AttributeType.REFLECTED_FROM, stun.address_value(asked.source)))
    reply = Message(MessageType.BINDING_RESPONSE, message.transaction, tuple(attributes))
    fingerprint = message.get(AttributeType.FINGERPRINT) is not None
    return Answer(stun.encode(reply, key, zero_padded=zero_padded, fingerprint=fingerprint), to)


def _error(asked: Asked, code: int, reason: str, *more: Attribute) -> Answer:
    attributes = (Attribute(AttributeType.ERROR_CODE, stun.error_value(code, reason)), *more)
    reply = Message(MessageType.BINDING_ERROR, asked.message.transaction, attributes)
    return Answer(stun.encode(reply), asked.source, code)
