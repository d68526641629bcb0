"""HTTP Basic and Digest arithmetic for both ends: the ACS that challenges a CPE, and the ACS that answers one.

The one rule: nothing here remembers. A nonce proves its own age by an HMAC, so that any process can check it; whoever
wants replay protection keeps the highest `nc` per nonce. Comparisons of secrets take constant time.

Source: TR-069 Amendment 6, §3.4.4 and §3.4.5; RFC 2617 (with RFC 2069 answers) and RFC 7616 for SHA-256.
"""

import binascii
import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from acs.errors import ProtocolError

#: Bits of a nonce's number below its microsecond: 63 bits last until 2112.
_ID_BITS: Final = 11

#: Longest Authorization or WWW-Authenticate header that is read.
MAX_HEADER: Final = 4096

#: Looking behind keeps it linear: a name is tried once, not from each of its letters.
_PARAMETER = re.compile(r'(?<![A-Za-z0-9_*-])([A-Za-z0-9_*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_SCHEME = re.compile(r"(?:^|,|\s)(Digest|Basic)(?=\s|$|,)", re.IGNORECASE)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)')
_ESCAPED = re.compile(r"\\(.)")
_HASHES: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType(
    {
        "MD5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),
        "SHA-256": lambda data: hashlib.sha256(data).hexdigest(),
    }
)


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a WWW-Authenticate header asks for. `qop` is "auth", or None when the peer wants the RFC 2069 form."""

    scheme: str
    realm: str = ""
    nonce: str = ""
    algorithm: str = "MD5"
    qop: str | None = None
    opaque: str | None = None
    stale: bool = False


@dataclass(frozen=True, slots=True)
class BasicCredentials:
    """Username and password in clear; a secret."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DigestResponse:
    """What a CPE proves in its Authorization header; `uri` as it gave it, which need not be the request's."""

    username: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str = "MD5"
    qop: str | None = None
    nc: str | None = None
    cnonce: str | None = None
    opaque: str | None = None

    @property
    def count(self) -> int | None:
        """The nonce count as a number; None when absent or not hexadecimal."""
        try:
            return int(self.nc or "", 16)
        except ValueError:
            return None


class NonceState(StrEnum):
    """What a nonce that came back is worth."""

    #: Ours and young enough.
    FRESH = "fresh"
    #: Ours but too old: challenge again with stale=true.
    STALE = "stale"
    #: Not ours.
    FORGED = "forged"


def ha1(user: str, realm: str, password: str, algorithm: str = "MD5") -> str:
    """The verifier H(user:realm:password); as secret as the password, within its realm."""
    return _hash(algorithm, f"{user}:{realm}:{password}")


def parse_challenge(header: str) -> Challenge:
    """The challenge in a WWW-Authenticate header; Digest is preferred where Basic is offered as well.

    Missing commas, folded lines and quoted or bare values are accepted.

    Raises:
        ProtocolError: neither Digest nor Basic, no nonce, or an algorithm that we do not know.
    """
    found = _schemes(header)
    for scheme, text in found:
        if scheme == "digest":
            return _digest_challenge(_parameters(text))
    for scheme, text in found:
        if scheme == "basic":
            return Challenge("Basic", _parameters(text).get("realm", ""))
    raise ProtocolError("the challenge is neither Digest nor Basic", status_hint=401)


def answer(challenge: Challenge, method: str, uri: str, username: str, password: str, cnonce: str, nc: int = 1) -> str:
    """The Authorization header that answers a challenge. `uri` is path and query exactly as requested."""
    if challenge.scheme == "Basic":
        return basic_header(username, password)
    count = f"{nc:08x}"
    secret = ha1(username, challenge.realm, password, challenge.algorithm)
    parts = DigestResponse(
        username, challenge.realm, challenge.nonce, uri, "", challenge.algorithm, challenge.qop, count, cnonce
    )
    fields = [
        f'username="{_quote(username)}"',
        f'realm="{_quote(challenge.realm)}"',
        f'nonce="{_quote(challenge.nonce)}"',
        f'uri="{_quote(uri)}"',
        f'response="{_response(parts, method, secret)}"',
        f"algorithm={challenge.algorithm}",
    ]
    if challenge.qop is not None:
        fields += [f"qop={challenge.qop}", f"nc={count}"]
    if challenge.qop is not None or challenge.algorithm.endswith("-sess"):
        fields.append(f'cnonce="{_quote(cnonce)}"')
    if challenge.opaque is not None:
        fields.append(f'opaque="{_quote(challenge.opaque)}"')
    return "Digest " + ", ".join(fields)


def basic_header(username: str, password: str) -> str:
    """The Authorization header for Basic."""
    return "Basic " + b64encode(f"{username}:{password}".encode()).decode("ascii")


def parse_authorization(header: str | None) -> DigestResponse | BasicCredentials | None:
    """What an Authorization header claims; None when it is absent, unreadable or of another scheme.

    Quoted and bare values, any order, escapes and control characters inside quotes are accepted.
    """
    if header is None or len(header) > MAX_HEADER:
        return None
    scheme, _, rest = header.strip().partition(" ")
    match scheme.lower():
        case "basic":
            return _basic_credentials(rest.strip())
        case "digest":
            return _digest_response(_parameters(rest))
        case _:
            return None


def verify(response: DigestResponse, method: str, ha1: str) -> bool:
    """Whether a digest response was made with the verifier's password for this HTTP method, in constant time.

    The given `uri` is used as it is; whoever is strict compares it with the request's target as well.
    """
    try:
        expected = _response(response, method, ha1)
    except ProtocolError:
        return False
    return hmac.compare_digest(expected.encode(), response.response.strip().lower().encode("utf-8", "replace"))


def verify_basic(credentials: BasicCredentials, username: str, password: str) -> bool:
    """Whether Basic credentials are these, in constant time."""
    same_name = hmac.compare_digest(credentials.username.encode("utf-8", "replace"), username.encode())
    same_password = hmac.compare_digest(credentials.password.encode("utf-8", "replace"), password.encode())
    return same_name and same_password


def challenge_header(
    realm: str, nonce: str, stale: bool = False, *, opaque: str | None = None, algorithm: str = "MD5"
) -> str:
    """The WWW-Authenticate header of the ACS: Digest, qop auth; MD5 is what every CPE must understand."""
    header = f'Digest realm="{_quote(realm)}", qop="auth", nonce="{nonce}", algorithm={algorithm}'
    if opaque is not None:
        header += f', opaque="{_quote(opaque)}"'
    return header + ", stale=true" if stale else header


def basic_challenge(realm: str) -> str:
    """The WWW-Authenticate header that asks for Basic; only for TLS (TR-069 §3.4.4)."""
    return f'Basic realm="{_quote(realm)}"'


class Nonces:
    """Mints and checks nonces that prove by an HMAC when and by whom they were made; it holds nothing but its key."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def mint(self, now: float, unique: str = "") -> str:
        """A nonce made at `now` (Unix seconds). `unique` (letters and digits) parts those of the same microsecond."""
        text = f"{int(now * 1_000_000):x}.{unique}"
        return f"{text}.{self._sign(text)}"

    @staticmethod
    def id_of(nonce: str) -> int:
        """The number of a nonce of ours: its time, then 11 bits that part those of one microsecond."""
        text, _, signature = nonce.rpartition(".")
        return int(text.partition(".")[0], 16) << _ID_BITS | int(signature[:4], 16) & (1 << _ID_BITS) - 1

    @staticmethod
    def first_id(at: float) -> int:
        """The smallest number that a nonce made at `at` (Unix seconds) can have."""
        return int(at * 1_000_000) << _ID_BITS

    def check(self, nonce: str, now: float, max_age_s: float) -> NonceState:
        """Whether a nonce is ours and not older than `max_age_s`; a minute of the future is borne (other nodes)."""
        text, _, signature = nonce.rpartition(".")
        if not hmac.compare_digest(self._sign(text).encode(), signature.encode("utf-8", "replace")):
            return NonceState.FORGED
        age_s = now - int(text.partition(".")[0], 16) / 1_000_000
        return NonceState.FRESH if -60 <= age_s <= max_age_s else NonceState.STALE

    def _sign(self, text: str) -> str:
        return hmac.new(self._secret, text.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]


def _response(parts: DigestResponse, method: str, ha1: str) -> str:
    algorithm = parts.algorithm
    ha2 = _hash(algorithm, f"{method}:{parts.uri}")
    if algorithm.endswith("-sess"):
        ha1 = _hash(algorithm, f"{ha1}:{parts.nonce}:{parts.cnonce or ''}")
    if parts.qop is None:
        return _hash(algorithm, f"{ha1}:{parts.nonce}:{ha2}")
    if parts.qop != "auth":
        raise ProtocolError(f"digest qop {parts.qop!r} is not supported; only auth is offered", status_hint=401)
    return _hash(algorithm, f"{ha1}:{parts.nonce}:{parts.nc or ''}:{parts.cnonce or ''}:{parts.qop}:{ha2}")


def _hash(algorithm: str, text: str) -> str:
    hashed = _HASHES.get(algorithm.removesuffix("-sess"))
    if hashed is None:
        raise ProtocolError(f"digest algorithm {algorithm!r} is not supported; MD5 is", status_hint=401)
    return hashed(text.encode("utf-8", "surrogateescape"))


def _algorithm(text: str) -> str:
    """The algorithm in its canonical spelling; absent means MD5."""
    name = text.strip().upper() or "MD5"
    return name.removesuffix("-SESS") + "-sess" if name.endswith("-SESS") else name


def _digest_challenge(fields: Mapping[str, str]) -> Challenge:
    algorithm = _algorithm(fields.get("algorithm", ""))
    if algorithm.removesuffix("-sess") not in _HASHES:
        raise ProtocolError(f"digest algorithm {algorithm!r} is not supported", status_hint=401)
    nonce = fields.get("nonce", "")
    if not nonce:
        raise ProtocolError("the digest challenge has no nonce", status_hint=401)
    offered = [value.strip().lower() for value in fields.get("qop", "").split(",")]
    return Challenge(
        "Digest",
        fields.get("realm", ""),
        nonce,
        algorithm,
        "auth" if "auth" in offered else None,
        fields.get("opaque"),
        fields.get("stale", "").lower() == "true",
    )


def _digest_response(fields: Mapping[str, str]) -> DigestResponse | None:
    if not fields.get("username") or not fields.get("nonce") or not fields.get("response"):
        return None
    qop = fields.get("qop", "").strip().lower()
    return DigestResponse(
        fields["username"],
        fields.get("realm", ""),
        fields["nonce"],
        fields.get("uri", ""),
        fields["response"],
        _algorithm(fields.get("algorithm", "")),
        qop or None,
        fields.get("nc"),
        fields.get("cnonce"),
        fields.get("opaque"),
    )


def _basic_credentials(encoded: str) -> BasicCredentials | None:
    try:
        decoded = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = decoded.decode()
    except UnicodeDecodeError:
        text = decoded.decode("latin-1")
    username, colon, password = text.partition(":")
    return BasicCredentials(username, password) if colon else None


def _schemes(header: str) -> list[tuple[str, str]]:
    """The challenges of a header that may hold several: (scheme in lower case, its parameters as text)."""
    text = header[:MAX_HEADER]
    marks = list(_SCHEME.finditer(_blank_quoted(text)))
    ends = [*[mark.start() for mark in marks[1:]], len(text)]
    return [(mark[1].lower(), text[mark.end() : end]) for mark, end in zip(marks, ends, strict=False)]


def _blank_quoted(text: str) -> str:
    """The text with what is quoted blanked, so that a realm cannot look like a scheme; an open quote has no end."""
    return _QUOTED.sub(lambda found: "_" * len(found[0]), text)


def _parameters(text: str) -> dict[str, str]:
    """The parameters by lower-case name; the first of a name counts."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(text[:MAX_HEADER]):
        value = match[2] if match[2] is not None else match[3]
        found.setdefault(match[1].lower(), _ESCAPED.sub(r"\1", value) if match[2] is not None else value)
    return found


def _quote(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "")
