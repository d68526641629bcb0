"""Passwords and one-time codes: the one place that knows argon2 and TOTP. Pure, but slow on purpose: not on the loop.

The rule of this file: checking costs the same whether the account exists or not.
"""

from datetime import datetime

import argon2
import pyotp

from acs.errors import InvalidInput

#: Argon2id as RFC 9106, §4, second recommended option: 64 MiB, three passes.
_HASHER = argon2.PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
#: hash of nothing that anybody types: what an unknown name is checked against
_NOBODY = _HASHER.hash("nobody has this password, and checking it takes as long as checking a real one")
#: shortest password; NIST SP 800-63B, §5.1.1, asks for 8 and advises more
SHORTEST = 12
LONGEST = 256
#: seconds of one code (RFC 6238, §5.2)
STEP_S = 30


def hash_of_password(password: str) -> str:
    """The argon2id hash of a new password.

    Raises:
        InvalidInput: it is too short or too long.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInput(f"password: write {SHORTEST} to {LONGEST} characters; several words are easy to remember")
    return _HASHER.hash(password)


def is_password(password: str, stored: str | None) -> bool:
    """Whether the password is the one that was hashed; False, after as long a time, where there is none."""
    if len(password) > LONGEST:
        password = ""
    try:
        return _HASHER.verify(stored or _NOBODY, password) and stored is not None
    except argon2.exceptions.VerificationError:
        return False


def new_totp_key() -> str:
    """A new key of a second factor, in Base32."""
    return pyotp.random_base32()


def totp_address(key: str, person: str) -> str:
    """What an authenticator app reads, as text of a QR code."""
    return pyotp.TOTP(key).provisioning_uri(name=person, issuer_name="secondline")


def step_of_code(key: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is: the present one or one beside it; None where it is none of them."""
    totp, present = pyotp.TOTP(key), int(now.timestamp()) // STEP_S
    code = code.replace(" ", "")
    if not (code.isascii() and code.isdigit() and len(code) == totp.digits):
        return None
    for step in (present, present - 1, present + 1):
        if pyotp.utils.strings_equal(totp.generate_otp(step), code):
            return step
    return None
