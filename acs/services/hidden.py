"""Which names carry a secret: parameter paths of CPEs, and keys of what is audited. Pure.

The rule of this file: a name is judged by its last word; an index, a switch or a length of a key is none.
"""

import re

#: what the last word of a secret's name ends with, in lower case, after a trailing number or Wi-Fi band is cut off
_ENDINGS = (
    "password",
    "passwd",
    "passphrase",
    "userpwd",
    "dypass",
    "secret",
    "community",
    "credential",
    "credentials",
    "token",
    "sharedkey",
    "prekey",
    "pskey",
    "psk",
    "wepkey",
    "wpakey",
    "networkkey",
    "radiuskey",
    "authkey",
    "initkey",
    "encryptionkey",
    "privatekey",
    "prikey",
    "clientkey",
    "key_phrase",
    "keyword",
    "pinphrase",
    "loid",
)
#: last words that are secrets as a whole; "pin" and "key" also end words that are none
_WHOLE = frozenset({"pin", "key", "pwd", "wpspin", "devicepin"})
_NUMBERED = re.compile(r"(?:_?(?:2|2_4|5|6)g(?:hz)?|[._]?\d{1,3})$")


def is_secret(name: str) -> bool:
    """Whether the value of this parameter, or of this key, is a secret."""
    leaf = _NUMBERED.sub("", name.rsplit(".", 1)[-1].lower())
    return leaf in _WHOLE or leaf.endswith(_ENDINGS)
