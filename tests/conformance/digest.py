"""Digest answers of a CPE, computed here from RFC 2617 and nothing of ours."""

import hashlib
import re


def parts(challenge: str) -> dict[str, str]:
    """The parameters of a Digest challenge."""
    return {
        name.lower(): quoted or bare
        for name, quoted, bare in re.findall(r'([A-Za-z0-9-]+)\s*=\s*(?:"([^"]*)"|([^\s,]+))', challenge)
    }


def answer(
    challenge: str,
    username: str,
    password: str,
    *,
    uri: str = "/",
    nc: int = 1,
    cnonce: str = "f1e2d3c4",
    qop: bool = True,
    session: bool = False,
    quoted: bool = False,
) -> str:
    """An Authorization header; without `qop` in the form of RFC 2069, with `session` by MD5-sess."""
    given = parts(challenge)
    realm, nonce = given["realm"], given["nonce"]
    secret = _md5(f"{username}:{realm}:{password}")
    if session:
        secret = _md5(f"{secret}:{nonce}:{cnonce}")
    what = _md5(f"POST:{uri}")
    middle = f"{nonce}:{nc:08x}:{cnonce}:auth" if qop else nonce
    fields = [
        f'username="{username}"',
        f'realm="{realm}"',
        f'nonce="{nonce}"',
        f'uri="{uri}"',
        f'response="{_md5(f"{secret}:{middle}:{what}")}"',
    ]
    mark = '"' if quoted else ""
    if session or quoted:
        fields.append(f"algorithm={mark}{'MD5-sess' if session else 'MD5'}{mark}")
    if qop:
        fields += [f"qop={mark}auth{mark}", f"nc={nc:08x}"]
    if qop or session:
        fields.append(f'cnonce="{cnonce}"')
    if "opaque" in given:
        fields.append(f'opaque="{given["opaque"]}"')
    return "Digest " + ", ".join(fields)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
