"""What can be searched for: the fields of the language and of the index, in one table. Pure.

The rule of this file: a field is folded the same way when it is written to the index and when it is asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from acs.store.search_terms import digits, fold, squeezed


class Kind(StrEnum):
    """How a field is compared."""

    #: `:` finds what begins so
    TEXT = "text"
    #: `:` finds the whole word only
    WORD = "word"
    #: several words; `:` finds one that begins so, or a phrase
    WORDS = "words"
    #: letters and digits without separators; a bare word may also be its end
    IDENTIFIER = "identifier"
    #: a path with `/`; `:` finds everything below it
    PATH = "path"
    #: compared part by part, numbers as numbers
    VERSION = "version"
    #: a measured number
    NUMBER = "number"
    #: how long ago, such as 30m, 12h, 7d
    AGE = "age"
    #: whether there is one
    PRESENCE = "presence"
    #: a saved group
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class SearchField:
    """One field; `source` is the fact or column behind a number or an age."""

    kind: Kind
    title: str
    source: str = ""


#: name → field, in the order in which they are told
FIELDS: Mapping[str, SearchField] = {
    "serial": SearchField(Kind.IDENTIFIER, "serial number of the device, or PON serial of the line"),
    "mac": SearchField(Kind.IDENTIFIER, "MAC address of the device"),
    "ip": SearchField(Kind.TEXT, "address that the device comes from, has on its WAN, or its session has"),
    "line": SearchField(Kind.IDENTIFIER, "id of the line"),
    "contract": SearchField(Kind.IDENTIFIER, "contract or account of the line"),
    "phone": SearchField(Kind.IDENTIFIER, "telephone number of the line"),
    "login": SearchField(Kind.TEXT, "PPPoE login of the line"),
    "address": SearchField(Kind.WORDS, "postal address of the line"),
    "model": SearchField(Kind.WORDS, "model of the device"),
    "vendor": SearchField(Kind.WORDS, "manufacturer of the device"),
    "fw": SearchField(Kind.VERSION, "software version of the device"),
    "hw": SearchField(Kind.VERSION, "hardware version of the device"),
    "tag": SearchField(Kind.WORD, "tag of the device or of its line"),
    "place": SearchField(Kind.PATH, "topology path of the line, such as olt-1/0/3"),
    "region": SearchField(Kind.WORD, "region of the line"),
    "operator": SearchField(Kind.WORD, "operator of the line"),
    "tech": SearchField(Kind.WORD, "technology of the line: pon, fttb, dsl"),
    "service": SearchField(Kind.WORD, "service of the line"),
    "key": SearchField(Kind.TEXT, "key of the device"),
    "rx": SearchField(Kind.NUMBER, "light at the ONT, dBm", "ont.rx_dbm"),
    "tx": SearchField(Kind.NUMBER, "transmit power of the ONT, dBm", "ont.tx_dbm"),
    "temp": SearchField(Kind.NUMBER, "temperature of the optics, °C", "ont.temp_c"),
    "cpu": SearchField(Kind.NUMBER, "CPU load of the CPE, %", "cpe.cpu_pct"),
    "mem": SearchField(Kind.NUMBER, "free memory of the CPE, %", "cpe.mem_free_pct"),
    "clients": SearchField(Kind.NUMBER, "Wi-Fi clients", "wifi.clients"),
    "rssi": SearchField(Kind.NUMBER, "signal of the worst Wi-Fi client, dBm", "wifi.worst_rssi"),
    "lan": SearchField(Kind.NUMBER, "rate of the LAN port, Mbit/s", "ont.lan_speed_mbit"),
    "seen": SearchField(Kind.AGE, "time since the last Inform", "last_inform_at"),
    "new": SearchField(Kind.AGE, "time since the first Inform", "first_seen_at"),
    "boot": SearchField(Kind.AGE, "time since the last boot", "last_boot_at"),
    "has": SearchField(Kind.PRESENCE, "device or line"),
    "group": SearchField(Kind.GROUP, "a saved group"),
}

#: other names that people write
ALIASES: Mapping[str, str] = {
    "account": "contract",
    "sn": "serial",
    "firmware": "fw",
    "version": "fw",
    "software": "fw",
    "hardware": "hw",
    "manufacturer": "vendor",
    "addr": "address",
    "tel": "phone",
    "node": "place",
    "port": "place",
    "olt": "place",
    "technology": "tech",
    "device": "key",
    **{field.source: name for name, field in FIELDS.items() if field.kind is Kind.NUMBER},
}

#: fields whose words are looked for without naming the field
BARE = tuple(
    name
    for name, field in FIELDS.items()
    if field.kind in (Kind.TEXT, Kind.WORD, Kind.WORDS, Kind.IDENTIFIER, Kind.PATH, Kind.VERSION)
)
#: fields whose words are also written backwards
IDENTIFIERS = tuple(name for name, field in FIELDS.items() if field.kind is Kind.IDENTIFIER)
#: what a field of the order of versions is called in the index
ORDER = "<"
#: fact → field of the numbers that are kept
NUMBERS: Mapping[str, str] = {field.source: name for name, field in FIELDS.items() if field.kind is Kind.NUMBER}

_FOLDS: Mapping[str, Callable[[str], str]] = {"phone": digits}


def folded(name: str, text: str) -> str:
    """A text as the index holds it in this field."""
    if name in _FOLDS:
        return _FOLDS[name](text)
    return squeezed(text) if FIELDS[name].kind is Kind.IDENTIFIER else fold(text)
