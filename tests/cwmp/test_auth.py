"""Digest and Basic at both ends, against vectors, and with what real CPEs send."""

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp.auth import (
    BasicCredentials,
    Challenge,
    DigestResponse,
    Nonces,
    NonceState,
    answer,
    basic_header,
    challenge_header,
    ha1,
    parse_authorization,
    parse_challenge,
    verify,
    verify_basic,
)
from acs.errors import ProtocolError

USER, REALM, PASSWORD = "001122-ONT-ABC123", "acs", "pa55"
NONCE = "0123456789abcdef0123456789abcdef"
SECRET = "d353ba54902e211f8eeb19237f9d9112"


def test_the_verifier_is_that_of_the_vector() -> None:
    assert ha1(USER, REALM, PASSWORD) == SECRET


@pytest.mark.parametrize(
    ("algorithm", "qop", "method", "uri", "expected"),
    [
        ("MD5", "auth", "POST", "/cwmp", "0e8e96e757221742eb3f6c9c6624405a"),
        ("MD5", None, "POST", "/cwmp", "706d0807701088ae51215abeebcc3abc"),
        ("MD5-sess", "auth", "POST", "/cwmp", "c9285fbfcde5bfb4bc23826f0feb012e"),
        ("MD5", "auth", "GET", "/r4nd0m", "44c1c5c771e8253efea12f34ac2a5d63"),
    ],
)
def test_vectors_at_both_ends(algorithm: str, qop: str | None, method: str, uri: str, expected: str) -> None:
    header = answer(Challenge("Digest", REALM, NONCE, algorithm, qop), method, uri, USER, PASSWORD, "f1e2d3c4")
    assert f'response="{expected}"' in header
    given_back = parse_authorization(header)
    assert isinstance(given_back, DigestResponse)
    assert verify(given_back, method, SECRET)
    assert not verify(given_back, "PUT", SECRET)
    assert not verify(given_back, method, ha1(USER, REALM, "wrong"))


def test_sha_256_is_answered() -> None:
    challenge = parse_challenge('Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth"')
    response = parse_authorization(answer(challenge, "GET", "/", "u", "p", "c"))
    assert isinstance(response, DigestResponse)
    assert verify(response, "GET", ha1("u", "r", "p", "SHA-256"))


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20), st.text(max_size=20))
def test_any_name_and_password_survive_the_quoting(username: str, password: str) -> None:
    challenge = parse_challenge(challenge_header('a "realm" \\ with, commas', "abc", opaque="x"))
    response = parse_authorization(answer(challenge, "POST", '/x?a="b"', username, password, "c"))
    assert isinstance(response, DigestResponse)
    assert response.username == username
    assert verify(response, "POST", ha1(username, challenge.realm, password))


@given(
    st.text(max_size=100) | st.sampled_from(["Digest", "Basic", "Digest ,,=", "Basic =", "Bearer x", "Digest username"])
)
def test_any_header_is_read_or_not_but_never_breaks(header: str) -> None:
    parse_authorization(header)
    parse_authorization(f"Digest {header}")
    try:
        parse_challenge(header)
    except ProtocolError as error:
        assert str(error)


@pytest.mark.parametrize(
    "header",
    [
        f'Digest username="{USER}",realm="acs",nonce="{NONCE}",uri="/cwmp",algorithm="MD5",qop="auth",nc="00000001",'
        'cnonce="f1e2d3c4",response="0e8e96e757221742eb3f6c9c6624405a"',
        f"Digest username={USER}, realm=acs, nonce={NONCE}, uri=/cwmp, qop=auth, nc=00000001, cnonce=f1e2d3c4,"
        " response=0E8E96E757221742EB3F6C9C6624405A",
        f'digest  response="706d0807701088ae51215abeebcc3abc" , uri = "/cwmp",username="{USER}",nonce="{NONCE}"',
    ],
)
def test_odd_spellings_of_cpes_are_read(header: str) -> None:
    response = parse_authorization(header)
    assert isinstance(response, DigestResponse)
    assert verify(response, "POST", SECRET)


def test_an_rfc_2069_answer_with_an_empty_uri_is_verified_as_given() -> None:
    old = Challenge("Digest", REALM, NONCE)
    response = parse_authorization(answer(old, "POST", "", USER, PASSWORD, ""))
    assert isinstance(response, DigestResponse)
    assert response.qop is None
    assert verify(response, "POST", SECRET)


def test_a_cnonce_with_a_nul_is_taken() -> None:
    response = parse_authorization(
        answer(Challenge("Digest", REALM, NONCE, "MD5", "auth"), "POST", "/", USER, PASSWORD, "a\0b")
    )
    assert isinstance(response, DigestResponse)
    assert verify(response, "POST", SECRET)


@pytest.mark.parametrize(
    "header",
    [
        'Digest realm="r" nonce="n" qop="auth,auth-int" algorithm="MD5"',
        'Digest realm="r",\r\n nonce="n",\r\n\tqop=auth',
        'Basic realm="Digest nonce=x", Digest nonce="n", realm="r", qop="auth"',
    ],
)
def test_odd_challenges_are_read(header: str) -> None:
    challenge = parse_challenge(header)
    assert (challenge.scheme, challenge.realm, challenge.nonce, challenge.qop) == ("Digest", "r", "n", "auth")


def test_a_challenge_without_qop_and_one_for_basic() -> None:
    assert parse_challenge('Digest realm="r", nonce="n"').qop is None
    basic = parse_challenge('Basic realm="a@b c"')
    assert basic == Challenge("Basic", "a@b c")
    assert answer(basic, "GET", "/", "u", "p:q", "c") == basic_header("u", "p:q")


@pytest.mark.parametrize("header", ["", "Negotiate", 'Digest realm="r"', 'Digest nonce="n", algorithm=SHA-512'])
def test_a_challenge_that_cannot_be_answered_is_refused(header: str) -> None:
    with pytest.raises(ProtocolError):
        parse_challenge(header)


def test_basic_credentials() -> None:
    credentials = parse_authorization(basic_header("u", "p:ä"))
    assert credentials == BasicCredentials("u", "p:ä")
    assert isinstance(credentials, BasicCredentials)
    assert verify_basic(credentials, "u", "p:ä")
    assert not verify_basic(credentials, "u", "p")
    assert "p:" not in repr(credentials)
    assert parse_authorization("Basic !!!") is None
    assert parse_authorization(None) is None
    assert parse_authorization("Digest " + "a" * 10_000) is None


def test_a_nonce_proves_its_age_and_its_maker() -> None:
    nonces = Nonces(b"secret")
    nonce = nonces.mint(1000.25, "c1")
    assert nonces.check(nonce, 1100, 300) is NonceState.FRESH
    assert nonces.check(nonce, 1301, 300) is NonceState.STALE
    assert nonces.check(nonce, 900, 300) is NonceState.STALE
    assert Nonces(b"other").check(nonce, 1100, 300) is NonceState.FORGED
    assert nonces.mint(1000.25, "c2") != nonce


@given(st.text(max_size=60))
def test_a_forged_nonce_never_breaks(nonce: str) -> None:
    assert Nonces(b"secret").check(nonce, 1000, 300) is NonceState.FORGED


def test_the_nonce_count() -> None:
    header = answer(Challenge("Digest", REALM, NONCE, "MD5", "auth"), "POST", "/", USER, PASSWORD, "c", nc=0x1F)
    response = parse_authorization(header)
    assert isinstance(response, DigestResponse)
    assert response.count == 0x1F
    assert DigestResponse("u", "r", "n", "/", "x", nc="zz").count is None


@pytest.mark.parametrize("repeated", ["a", " ", "a ", 'a="', '\\"', '"\\', ",", "Digest,", "a=", ' "', "a\t="])
def test_no_header_takes_long_to_read(repeated: str) -> None:
    text = f"Digest {repeated * 4096}"[:4096]
    began = time.thread_time()
    parse_authorization(text)
    for header in (text, text.removeprefix("Digest "), '"' + text):
        with contextlib.suppress(ProtocolError):
            parse_challenge(header)
    assert time.thread_time() - began < 0.25
