"""Which names carry a secret: parameter paths of CPEs, and keys of what is audited. Pure.

The rule of this file: a name is judged by its last word; an index, a switch or a length of a key is none. Below a path,
every key is a secret that is not known to be the number of a row: of a vendor's names nobody has the list.
"""

import re
from functools import lru_cache

#: what the last word of a secret's name ends with, in lower case, after a trailing number or Wi-Fi band is cut off
_ENDINGS = (
    "password",
    "passwd",
    "passphrase",
    "passwordhash",
    "pwd",
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
    "auth_key",
    "cardkey",
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
_WHOLE = frozenset({"pin", "key", "keyvalue", "wpspin", "devicepin"})
#: of a parameter's path: what the last word of a secret's name ends with, and what such a word of no secret ends with
_ENDINGS_OF_PATHS = ("key", "pass")
_OPEN_ENDINGS = ("parameterkey", "commandkey", "rekey", "sharpkey", "bypass")
#: tables of TR-098 whose keys are numbers of rows
_NUMBERED_TABLES = (".layer2bridging.", ".queuemanagement.")
_NUMBERED = re.compile(r"(?:_?(?:2|2_4|5|6)g(?:hz)?|[._]?\d{1,3})$")
#: Names remembered: a session asks for those of an Inform each time, and devices of a model share theirs.
_REMEMBERED = 16_384


@lru_cache(maxsize=_REMEMBERED)
def is_secret(name: str) -> bool:
    """Whether the value of this parameter, or of this key, is a secret."""
    lowered = name.lower()
    leaf = _NUMBERED.sub("", lowered.rsplit(".", 1)[-1])
    if leaf in _WHOLE or leaf.endswith(_ENDINGS):
        return True
    if "." not in name or not leaf.endswith(_ENDINGS_OF_PATHS) or leaf.endswith(_OPEN_ENDINGS):
        return False
    return not any(table in lowered for table in _NUMBERED_TABLES)
