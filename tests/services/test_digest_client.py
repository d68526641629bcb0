"""The digest client: every form of challenge that CPEs make, each verified by arithmetic of its own."""

import hashlib
import re
from collections.abc import Callable, Sequence

import pytest

from acs.config import ConnectionRequestsSection
from acs.services.targets import Target
from acs.services.waking.http_method import GETS, HttpMethod
from acs.services.waking.methods import Attempt, CallFailed, Reply, Result
from acs.services.waking.reach import Reach
from acs.store.records import Credentials

URL = "http://192.0.2.7:7547/cr?id=1"
REACH = Reach("k", "192.0.2.7", URL)
GOOD = Credentials("acs", "pass word")
HASHES: dict[str, Callable[[bytes], "hashlib._Hash"]] = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


class Door:
    """A CPE that checks digests by RFC 2617's text, not by our code. `uri` is what it computes over."""

    def __init__(self, challenge: str, *, uri: str = "/cr?id=1", nonces: Sequence[str] = ("n1",)) -> None:
        self.challenge = challenge
        self.uri = uri
        self.nonces = list(nonces)
        self.seen: list[str | None] = []

    async def resolve(self, host: str) -> Sequence[str]:
        return [host]

    async def get(self, _address: str, _target: Target, authorization: str | None) -> Reply:
        self.seen.append(authorization)
        if authorization is not None and self._right(authorization):
            return Reply(200)
        stale = ", stale=true" if authorization and len(self.nonces) > 1 else ""
        if authorization and len(self.nonces) > 1:
            self.nonces.pop(0)
        return Reply(401, self.challenge.replace("@@", self.nonces[0]) + stale)

    def _right(self, header: str) -> bool:
        given = {name: a or b for name, a, b in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)}
        algorithm = given.get("algorithm", "MD5")
        digest = HASHES[algorithm.removesuffix("-sess")]

        def h(text: str) -> str:
            return digest(text.encode()).hexdigest()

        ha1 = h(f"acs:{given['realm']}:pass word")
        if algorithm.endswith("-sess"):
            ha1 = h(f"{ha1}:{given['nonce']}:{given['cnonce']}")
        ha2 = h(f"GET:{self.uri}")
        if "qop" in given:
            expected = h(f"{ha1}:{given['nonce']}:{given['nc']}:{given['cnonce']}:{given['qop']}:{ha2}")
        else:
            expected = h(f"{ha1}:{given['nonce']}:{ha2}")
        return given["nonce"] == self.nonces[0] and given["response"] == expected


async def call(door: Door, *credentials: Credentials, **keys: object) -> Attempt:
    section = ConnectionRequestsSection.model_validate({"allowed_networks": ("192.0.2.0/24",), **keys})
    return await HttpMethod(door, section).call(REACH, credentials or (GOOD,))


@pytest.mark.parametrize(
    "challenge",
    [
        'Digest realm="cpe", nonce="@@"',
        'Digest realm="cpe", nonce="@@", qop="auth"',
        'Digest realm="cpe", nonce="@@", qop="auth,auth-int", algorithm=MD5',
        'Digest realm="cpe", nonce="@@", qop=auth, algorithm="MD5"',
        'Digest realm="cpe", nonce="@@", qop="auth", algorithm=MD5-sess',
        'Digest realm="cpe", nonce="@@", qop="auth", algorithm=SHA-256, opaque="o"',
        'Digest realm="cpe", nonce="@@", qop="auth", algorithm=SHA-256-sess',
        'digest REALM="cpe" NONCE="@@" QOP="auth"',
        "Digest realm=cpe, nonce=@@, qop=auth",
        'Digest realm="a@b c d",\r\n  nonce="@@",\r\n\tqop="auth"',
        'Basic realm="x", Digest realm="cpe", nonce="@@", qop="auth"',
    ],
)
async def test_each_challenge_is_answered(challenge: str) -> None:
    door = Door(challenge)
    attempt = await call(door)
    assert attempt.result is Result.ACCEPTED, attempt
    assert len(door.seen) == 2


async def test_a_stale_nonce_is_answered_anew() -> None:
    door = Door('Digest realm="cpe", nonce="@@", qop="auth"', nonces=("n1", "n2"))
    assert (await call(door)).result is Result.ACCEPTED


async def test_a_cpe_that_computes_over_the_root_is_borne() -> None:
    assert (await call(Door('Digest realm="cpe", nonce="@@", qop="auth"', uri="/"))).result is Result.ACCEPTED


async def test_other_passwords_that_the_cpe_may_have_are_tried() -> None:
    door = Door('Digest realm="cpe", nonce="@@", qop="auth"')
    assert (await call(door, Credentials("acs", "old"), GOOD)).result is Result.ACCEPTED


async def test_a_cpe_that_refuses_everything_is_not_asked_without_end() -> None:
    door = Door('Digest realm="cpe", nonce="@@", qop="auth"', nonces=[f"n{n}" for n in range(50)])
    attempt = await call(door, Credentials("acs", "a"), Credentials("acs", "b"))
    assert attempt.result is Result.UNAUTHORIZED
    assert len(door.seen) <= GETS + 1


async def test_basic_is_answered_only_where_the_configuration_says_so() -> None:
    class BasicDoor(Door):
        def _right(self, header: str) -> bool:
            return header == "Basic YWNzOnBhc3Mgd29yZA=="

    door = BasicDoor('Basic realm="x"')
    attempt = await call(door)
    assert attempt.result is Result.FAILED and "connection_requests.basic" in attempt.explanation
    assert door.seen == [None]
    assert (await call(BasicDoor('Basic realm="x"'), basic=True)).result is Result.ACCEPTED


@pytest.mark.parametrize("challenge", ["", "Negotiate", 'Digest realm="x"', "Digest nonce=n, algorithm=SHA-512"])
async def test_what_is_no_challenge_is_told(challenge: str) -> None:
    attempt = await call(Door(challenge))
    assert attempt.result is Result.FAILED and "challenge" in attempt.explanation


async def test_a_private_url_of_a_device_from_elsewhere_is_told_as_nat() -> None:
    class Never(Door):
        async def get(self, *_: object) -> Reply:
            raise AssertionError("it was called")

    section = ConnectionRequestsSection.model_validate({})
    reach = Reach("k", "203.0.113.9", "http://192.168.1.1:7547/")
    attempt = await HttpMethod(Never(""), section).call(reach, (GOOD,))
    assert attempt.result is Result.NAT
    assert "203.0.113.9" in attempt.explanation


async def test_a_connection_closed_after_the_challenge_is_tried_once_more() -> None:
    class Closing(Door):
        closed = False

        async def get(self, address: str, target: Target, authorization: str | None) -> Reply:
            if authorization is not None and not self.closed:
                self.closed = True
                raise CallFailed(Result.CLOSED, "closed")
            return await super().get(address, target, authorization)

    assert (await call(Closing('Digest realm="cpe", nonce="@@"'))).result is Result.ACCEPTED
