"""SCRAM for XMPP by the vectors of its standards, and servers that must not be believed."""

import pytest

from acs.errors import ProtocolError
from acs.server.xmpp_sasl import Scram

#: mechanism, nonce of the client, the server's challenge, our proof, the server's last word (RFC 5802 §5, RFC 7677 §3)
VECTORS = [
    (
        "SCRAM-SHA-1",
        "fyko+d2lbbFgONRv9qkxdawL",
        "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    (
        "SCRAM-SHA-256",
        "rOprNGfwEbeRWgbNEkqO",
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
]


@pytest.mark.parametrize(("name", "nonce", "challenge", "proof", "last"), VECTORS)
def test_the_vectors_of_the_standards(name: str, nonce: str, challenge: str, proof: str, last: str) -> None:
    scram = Scram(name, "user", "pencil", nonce)
    assert scram.getInitialResponse() == f"n,,n=user,r={nonce}".encode()
    assert scram.getResponse(challenge.encode()) == proof.encode()
    assert not scram.verified
    scram.verify(last.encode())
    assert scram.verified


def test_the_last_word_may_come_as_a_challenge() -> None:
    name, nonce, challenge, _, last = VECTORS[0]
    scram = Scram(name, "user", "pencil", nonce)
    scram.getResponse(challenge.encode())
    assert scram.getResponse(last.encode()) == b"" and scram.verified


@pytest.mark.parametrize(
    ("challenge", "word"),
    [
        ("r=another,s=QSXCR+Q6sek8bf92,i=4096", "another question"),
        ("r=mine,s=QSXCR+Q6sek8bf92,i=4096", "another question"),
        ("m=ext,r=mine1,s=QSXCR+Q6sek8bf92,i=4096", "another question"),
        ("r=mine1,s=QSXCR+Q6sek8bf92,i=1", "too few"),
        ("r=mine1,s=QSXCR+Q6sek8bf92,i=99999999999", "too many"),
        ("r=mine1,s=QSXCR+Q6sek8bf92", "no rounds"),
        ("r=mine1,s=QSXCR+Q6sek8bf92,i=", "no rounds"),
        ("r=mine1,s=QSXCR+Q6sek8bf92,i=9999,i=4096", "another question"),
        ("r=mine1,i=4096", "another question"),
        ("r=mine1,s=!,i=4096", "base64"),
        ("\udcff", "UTF-8"),
    ],
)
def test_a_challenge_that_may_not_be_answered(challenge: str, word: str) -> None:
    with pytest.raises(ProtocolError, match=word):
        Scram("SCRAM-SHA-1", "user", "pencil", "mine").getResponse(challenge.encode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("last", [b"v=AAAA", b"v=!", b"", b"e=other-error"])
def test_a_server_that_does_not_prove_itself(last: bytes) -> None:
    name, nonce, challenge, _, _ = VECTORS[0]
    scram = Scram(name, "user", "pencil", nonce)
    with pytest.raises(ProtocolError, match="prove"):
        scram.verify(last)
    scram.getResponse(challenge.encode())
    with pytest.raises(ProtocolError, match="prove"):
        scram.verify(last)


def test_names_with_signs_of_the_grammar_are_quoted() -> None:
    assert Scram("SCRAM-SHA-1", "a=b,c", "x", "N").getInitialResponse() == b"n,,n=a=3Db=2Cc,r=N"


@pytest.mark.parametrize(("name", "password"), [("x", "bell\x07"), ("", "pencil")])
def test_an_account_that_sasl_cannot_carry_is_said_with_what_to_change(name: str, password: str) -> None:
    with pytest.raises(ProtocolError, match=r"xmpp\.jid") as error:
        Scram("SCRAM-SHA-256", name, password)
    assert "pencil" not in str(error.value) and "bell" not in str(error.value)


def test_every_exchange_has_a_nonce_of_its_own() -> None:
    assert len({Scram("SCRAM-SHA-256", "user", "pencil").getInitialResponse() for _ in range(3)}) == 3
