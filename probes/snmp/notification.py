"""Traps and informs of every version: bytes → Notification, and the bytes that acknowledge an inform. No I/O.

    datagram ─ v1, v2c ──────────────────────────────► Notification
             └ v3 ─ engine known? time? user? code? ─► Notification
                     └ no ─► Report, so that a sender of informs finds our engine and clock (RFC 3414 §4)

The rule: a v3 message is believed only with the protections that its user has; v1 traps are told in the words of v2
(RFC 3584 §3.1); `MalformedMessage`, `Unknown` and `WrongKey` are the only errors for any bytes.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.snmp import usm, wire
from probes.snmp.ber import Cell, Kind, MalformedMessage, encode_varbind, parse_oid, tlv
from probes.snmp.ber import integer as encode_integer
from probes.snmp.target import Oid, V3User, Version
from probes.snmp.usm import WrongKey
from probes.snmp.wire import Tag, VarBind

SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
_SNMP_TRAPS = "1.3.6.1.6.3.1.1.5"
_ENTERPRISE_SPECIFIC = 6
#: usmStatsNotInTimeWindows, usmStatsUnknownUserNames, usmStatsUnknownEngineIDs, usmStatsWrongDigests (RFC 3414 §5)
_NOT_IN_TIME = "1.3.6.1.6.3.15.1.1.2.0"
_UNKNOWN_USER = "1.3.6.1.6.3.15.1.1.3.0"
_UNKNOWN_ENGINE = "1.3.6.1.6.3.15.1.1.4.0"
_USM = 3
_AUTH, _PRIV, _REPORTABLE = 1, 2, 4
#: seconds by which a message may be out of time (RFC 3414 §2.2.3)
_WINDOW_S = 150
#: senders whose clocks are remembered
_CLOCKS = 100_000


class Unknown(ValueError):
    """A message of a user whom we do not know, or who ought to protect it better."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One trap or inform, in the words of v2."""

    version: Version
    trap: Oid
    varbinds: tuple[VarBind, ...]
    #: hundredths of a second since the sender started; None where it did not say
    uptime: int | None = None
    #: who says so: the community, or the user of v3
    community: bytes = b""
    user: str = ""
    #: v1: the address that the sender gives itself
    agent: str = ""
    #: v1: the object whose trap it is
    enterprise: Oid = ""
    #: the bytes that acknowledge it; None for a trap, which wants none
    answer: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Report:
    """What tells a sender of v3 how to speak to us; there is nothing to store."""

    answer: bytes
    why: str


@dataclass(slots=True)
class Engine:
    """Our side of SNMPv3: we are the authority for informs. `boots` must grow with every start."""

    id: bytes
    boots: int
    #: seconds since the start
    clock: Callable[[], float]
    _clocks: dict[bytes, tuple[int, int]] = field(default_factory=dict, repr=False)
    _salts: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1), repr=False)

    @property
    def time_s(self) -> int:
        """Our time in the protocol's sense."""
        return int(self.clock())

    def salt(self) -> bytes:
        """Eight bytes that never come twice in one boot."""
        return (self.boots & 0xFFFFFFFF).to_bytes(4, "big") + (next(self._salts) & 0xFFFFFFFF).to_bytes(4, "big")

    def in_time(self, engine: bytes, boots: int, time_s: int) -> bool:
        """Whether a proven message is no replay (RFC 3414 §3.2, step 7)."""
        if engine == self.id:
            return boots == self.boots and abs(time_s - self.time_s) <= _WINDOW_S
        known_boots, known_time = self._clocks.get(engine, (0, 0))
        if boots < known_boots or (boots == known_boots and time_s < known_time - _WINDOW_S):
            return False
        if len(self._clocks) >= _CLOCKS:
            self._clocks.clear()
        self._clocks[engine] = (boots, max(time_s, known_time) if boots == known_boots else time_s)
        return True


#: (source address, user name) → the user; None for one that is not known there
Users = Callable[[str, str], V3User | None]


def decode(data: bytes, source: str, engine: Engine, users: Users) -> Notification | Report:
    """The notification in a datagram, or what to answer to a sender that must learn to speak to us.

    Raises:
        MalformedMessage: no notification.
        Unknown: a v3 user that is not known at this address, or whose message lacks a protection.
        WrongKey: a v3 message that its user did not make, or a replay.
    """
    try:
        number = wire.version_of(data)
        if number == 3:
            return _decode_v3(data, source, engine, users)
        if number not in (0, 1):
            raise MalformedMessage(f"version number {number}")
        return _decode_open(data, number)
    except (IndexError, OverflowError) as error:
        raise MalformedMessage(f"{len(data)} bytes that are no notification: {error}") from error


def _decode_open(data: bytes, number: int) -> Notification:
    _, community, tag, start, end = wire.envelope(data)
    if tag == Tag.TRAP_V1 and number == 0:
        return _trap_v1(data, start, end, community)
    if tag not in (Tag.TRAP_V2, Tag.INFORM) or number == 0:
        raise MalformedMessage(f"tag {tag:#x} is no notification")
    pdu = wire.pdu(data, start, end)
    answer = _open_answer(community, data[start:end]) if tag == Tag.INFORM else None
    return _told(Version.V2C, pdu.varbinds, community=community, answer=answer)


def _trap_v1(data: bytes, start: int, end: int, community: bytes) -> Notification:
    """A trap of v1 in the words of v2 (RFC 3584 §3.1)."""
    first, last = wire.content(data, start, end, Kind.OID)
    enterprise = wire.oid(data[first:last])
    first, at = wire.content(data, last, end, Kind.IP_ADDRESS)
    agent = ".".join(map(str, data[first:at]))
    generic, at = wire.integer(data, at, end)
    specific, at = wire.integer(data, at, end)
    first, last = wire.content(data, at, end, Kind.TIMETICKS)
    trap = f"{enterprise}.0.{specific}" if generic == _ENTERPRISE_SPECIFIC else f"{_SNMP_TRAPS}.{generic + 1}"
    return Notification(
        Version.V1,
        trap,
        wire.varbinds(data, last, end),
        int.from_bytes(data[first:last], "big"),
        community,
        agent=agent,
        enterprise=enterprise,
    )


def _told(
    version: Version,
    varbinds: tuple[VarBind, ...],
    *,
    community: bytes = b"",
    user: str = "",
    answer: bytes | None = None,
) -> Notification:
    trap, uptime, rest = "", None, []
    for one in varbinds:
        if one.oid == TRAP_OID and isinstance(one.value, str):
            trap = one.value
        elif one.oid == SYS_UPTIME and isinstance(one.value, int):
            uptime = one.value
        else:
            rest.append(one)
    if not trap:
        raise MalformedMessage("a notification that does not say what it is (snmpTrapOID.0 is missing)")
    return Notification(version, trap, tuple(rest), uptime, community, user, answer=answer)


def _open_answer(community: bytes, pdu: bytes) -> bytes:
    """The same PDU as an answer (RFC 3416 §4.2.7)."""
    return tlv(0x30, encode_integer(1) + tlv(Kind.OCTETS, community) + tlv(Tag.RESPONSE, _without_error(pdu)))


def _without_error(pdu: bytes) -> bytes:
    """The PDU with its request id and varbinds, and no error."""
    _, at = wire.integer(pdu, 0, len(pdu))
    number = pdu[:at]
    _, at = wire.integer(pdu, at, len(pdu))
    _, at = wire.integer(pdu, at, len(pdu))
    return number + encode_integer(0) + encode_integer(0) + pdu[at:]


@dataclass(frozen=True, slots=True)
class _Secured:
    """The outer parts of a v3 message."""

    number: int
    flags: int
    engine: bytes
    boots: int
    time_s: int
    user: str
    code: bytes
    code_at: int
    salt: bytes
    #: the scoped PDU, or what hides it
    body: bytes


def _decode_v3(data: bytes, source: str, engine: Engine, users: Users) -> Notification | Report:
    message = _secured(data)
    if len(message.engine) < 5 or len(message.engine) > 32:
        return _report(engine, message, None, _UNKNOWN_ENGINE, "it does not know our engine yet")
    user = users(source, message.user)
    if user is None:
        if message.engine == engine.id and message.flags & _REPORTABLE:
            return _report(engine, message, None, _UNKNOWN_USER, f"user {message.user!r} is not known at {source}")
        raise Unknown(f"user {message.user!r} is not known at {source}; store it with the node")
    wanted = (_AUTH if user.auth_password else 0) | (_PRIV if user.privacy_password else 0)
    if message.flags & wanted != wanted:
        raise Unknown(f"user {user.name!r} must {'hide' if wanted & _PRIV else 'authenticate'} its messages")
    if message.flags & ~wanted & (_AUTH | _PRIV):
        raise Unknown(f"user {user.name!r} has no password for the protection that the message uses")
    if wanted & _AUTH:
        refused = _prove(data, message, engine, user)
        if refused is not None:
            return refused
    body, way = _opened(message, user) if wanted & _PRIV else (message.body, 0)
    return _scoped(body, message, engine, user, way)


def _prove(data: bytes, message: _Secured, engine: Engine, user: V3User) -> Report | None:
    if len(message.code) != usm.code_bytes(user):
        raise WrongKey(f"user {user.name!r}: a code of {len(message.code)} bytes; the node uses another protocol")
    usm.verify(user, message.engine, data, message.code_at, message.code)
    if engine.in_time(message.engine, message.boots, message.time_s):
        return None
    if message.engine == engine.id:
        return _report(engine, message, user, _NOT_IN_TIME, "its picture of our clock is old")
    raise WrongKey(f"user {user.name!r}: a message of an earlier time, sent again")


def _scoped(body: bytes, message: _Secured, engine: Engine, user: V3User, way: int) -> Notification | Report:
    start, end = wire.content(body, 0, len(body), 0x30)
    _, at = wire.octets(body, start, end)
    _, at = wire.octets(body, at, end)
    tag, first, last = wire.element(body, at, end)
    if tag == Tag.INFORM and message.engine != engine.id:
        return _report(engine, message, None, _UNKNOWN_ENGINE, "informs go by our engine and clock")
    if tag not in (Tag.TRAP_V2, Tag.INFORM):
        raise MalformedMessage(f"tag {tag:#x} is no notification")
    pdu = wire.pdu(body, first, last)
    answer = None
    if tag == Tag.INFORM:
        scoped = tlv(0x30, body[start:at] + tlv(Tag.RESPONSE, _without_error(body[first:last])))
        answer = _sealed(engine, message.number, user, scoped, way=way)
    return _told(Version.V3, pdu.varbinds, user=user.name, answer=answer)


def _opened(message: _Secured, user: V3User) -> tuple[bytes, int]:
    """The scoped PDU that was hidden, and the way in which it was."""
    plains = usm.decrypted(user, message.engine, message.boots, message.time_s, message.salt, message.body)
    for way, plain in enumerate(plains):
        try:
            _, end = wire.content(plain, 0, len(plain), 0x30)
        except MalformedMessage:
            continue
        return plain[:end], way
    raise WrongKey(f"user {user.name!r}: the message cannot be read with this privacy password and protocol")


def _secured(data: bytes) -> _Secured:
    start, end = wire.content(data, 0, len(data), 0x30)
    _, at = wire.integer(data, start, end)
    head, head_end = wire.content(data, at, end, 0x30)
    number, inner = wire.integer(data, head, head_end)
    _, inner = wire.integer(data, inner, head_end)
    flags, inner = wire.octets(data, inner, head_end)
    model, _ = wire.integer(data, inner, head_end)
    if model != _USM or len(flags) != 1:
        raise MalformedMessage(f"security model {model} with {len(flags)} bytes of flags")
    first, after = wire.content(data, head_end, end, Kind.OCTETS)
    inner, security_end = wire.content(data, first, after, 0x30)
    engine, inner = wire.octets(data, inner, security_end)
    boots, inner = wire.integer(data, inner, security_end)
    time_s, inner = wire.integer(data, inner, security_end)
    user, inner = wire.octets(data, inner, security_end)
    code_at, code_end = wire.content(data, inner, security_end, Kind.OCTETS)
    salt, _ = wire.octets(data, code_end, security_end)
    if flags[0] & _PRIV:
        body, _ = wire.octets(data, after, end)
    else:
        body = data[after:end]
    name = user.decode("utf-8", "replace")
    return _Secured(number, flags[0], engine, boots, time_s, name, data[code_at:code_end], code_at, salt, body)


def _report(engine: Engine, message: _Secured, user: V3User | None, oid: Oid, why: str) -> Report:
    """A Report (RFC 3412 §7.1): unprotected to those who do not know us, authenticated where it carries the clock."""
    varbind = encode_varbind(parse_oid(oid), Cell(Kind.COUNTER32, 1))
    pdu = encode_integer(0) * 3 + tlv(0x30, varbind)
    scoped = tlv(0x30, tlv(Kind.OCTETS, engine.id) + tlv(Kind.OCTETS, b"") + tlv(Tag.REPORT, pdu))
    return Report(_sealed(engine, message.number, user, scoped, way=None), why)


def _sealed(engine: Engine, number: int, user: V3User | None, scoped: bytes, *, way: int | None) -> bytes:
    """A v3 message of ours around a scoped PDU, with the protections of the user; `way` None hides nothing."""
    flags, salt, size = 0, b"", 0
    if user is not None and user.auth_password:
        flags, size = _AUTH, usm.code_bytes(user)
    time_s = engine.time_s
    if user is not None and user.privacy_password and way is not None:
        flags, salt = flags | _PRIV, engine.salt()
        hidden = usm.encrypted(user, engine.id, engine.boots, time_s, salt, scoped, way=way)
        scoped = tlv(Kind.OCTETS, hidden)
    name = user.name.encode() if user is not None else b""
    head = encode_integer(number) + encode_integer(65_507) + tlv(Kind.OCTETS, bytes((flags,))) + encode_integer(_USM)
    known = tlv(Kind.OCTETS, engine.id) + encode_integer(engine.boots) + encode_integer(time_s)
    known += tlv(Kind.OCTETS, name)

    def whole(code: bytes) -> bytes:
        security = tlv(0x30, known + tlv(Kind.OCTETS, code) + tlv(Kind.OCTETS, salt))
        return tlv(0x30, encode_integer(3) + tlv(0x30, head) + tlv(Kind.OCTETS, security) + scoped)

    if not size or user is None:
        return whole(b"")
    return whole(usm.code(user, engine.id, whole(bytes(size))))
