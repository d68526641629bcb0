"""Raw SNMP values → typed values: scales, enumerations, DateAndTime, PON serials. Pure.

The rule: what a profile does not explain is unreadable and keeps its raw form; it is never guessed and never a number.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo

from probes.facts import Quality

Raw = int | float | bytes | str


@dataclass(frozen=True, slots=True)
class Decoded:
    """A value with what may be concluded from it. `value` is None unless quality is ok; `raw` is the value as read."""

    value: str | int | float | datetime | None
    quality: Quality
    raw: str


def raw_text(raw: Raw) -> str:
    """A raw value for people: octets as hexadecimal, numbers and text as they are."""
    return raw.hex() if isinstance(raw, bytes) else str(raw)


def good(value: str | int | float | datetime, raw: Raw) -> Decoded:
    """A value that was understood."""
    return Decoded(value, Quality.OK, raw_text(raw))


def missing(raw: Raw) -> Decoded:
    """A sentinel: the node says that it has no value."""
    return Decoded(None, Quality.MISSING, raw_text(raw))


def unreadable(raw: Raw) -> Decoded:
    """A value that no table knows."""
    return Decoded(None, Quality.UNREADABLE, raw_text(raw))


def instant(raw: Raw, zone: tzinfo) -> Decoded:
    """The UTC instant of a DateAndTime: 8 octets in the node's local time `zone`, or 11 with an offset of their own.

    All zero means never: missing. A date that no calendar has is unreadable. Second 60 is a leap second, taken as 59.

    Source: RFC 2579, DateAndTime.
    """
    if not isinstance(raw, bytes) or len(raw) not in (8, 11):
        return unreadable(raw)
    if not any(raw[:8]):
        return missing(raw)
    try:
        year, (month, day, hour, minute, second, tenths) = int.from_bytes(raw[:2], "big"), raw[2:8]
        local = datetime(year, month, day, hour, minute, min(second, 59), tenths * 100_000, tzinfo=_offset(raw) or zone)
        return good(local.astimezone(UTC), raw)
    except (ValueError, OverflowError):
        return unreadable(raw)


def gpon_serial(raw: Raw) -> Decoded:
    """A PON serial as people write it, `HWTC7D4630C3`, from 4 letters of the vendor and 4 octets.

    Source: ITU-T G.984.3 §9.2.4.1, SN.
    """
    if not isinstance(raw, bytes) or len(raw) != 8:
        return unreadable(raw)
    if not any(raw):
        return missing(raw)
    vendor = raw[:4]
    if not (vendor.isalnum() and vendor.isascii()):
        return good(raw.hex().upper(), raw)
    return good(vendor.decode("ascii") + raw[4:].hex().upper(), raw)


def plain_text(raw: Raw) -> str:
    """Text of the node without the spaces and zeros around it; octets that are no UTF-8 are replaced."""
    if isinstance(raw, bytes):
        return raw.decode("utf-8", "replace").strip("\0 \t\r\n")
    return str(raw).strip()


def serial_text(raw: Raw) -> Decoded:
    """A PON serial that the node writes as text, `HWTC7D4630C3`, `HWTC-7d4630c3`, 16 digits; or as 8 octets."""
    if isinstance(raw, bytes) and len(raw) == 8 and not plain_text(raw).isalnum():
        return gpon_serial(raw)
    text = plain_text(raw) if isinstance(raw, (bytes, str)) else ""
    if not text:
        return missing(raw)
    plain = canonical_serial(text)
    return good(plain, raw) if len(plain) in (12, 16) and plain.isalnum() and plain.isascii() else unreadable(raw)


def mac(raw: Raw) -> Decoded:
    """A MAC address as people write it, `aa:bb:cc:dd:ee:ff`, from six octets or from text."""
    if isinstance(raw, bytes) and len(raw) == 6:
        return good(_mac_text(raw), raw) if any(raw) else missing(raw)
    digits = re.sub(r"[-:. ]", "", plain_text(raw)) if isinstance(raw, (bytes, str)) else ""
    try:
        octets = bytes.fromhex(digits)
    except ValueError:
        return unreadable(raw)
    if len(octets) != 6:
        return unreadable(raw)
    return good(_mac_text(octets), raw) if any(octets) else missing(raw)


def mac_records(raw: Raw) -> Decoded:
    """The MACs in records of ten octets (port type, port, VLAN, MAC), each once; a record of zeros is empty."""
    if not isinstance(raw, bytes) or len(raw) % 10:
        return unreadable(raw)
    records = (raw[at : at + 10] for at in range(0, len(raw), 10))
    found = {_mac_text(record[4:]): None for record in records if any(record[4:])}
    return good(", ".join(found), raw)


def bits_of(raw: Raw) -> frozenset[int] | None:
    """The numbers of the bits set in BITS, None when it is none. RFC 2578: bit 0 is the highest of the first octet."""
    if not isinstance(raw, bytes):
        return None
    return frozenset(8 * at + bit for at, octet in enumerate(raw) for bit in range(8) if octet & 0x80 >> bit)


_TIME = re.compile(
    r"(?P<year>\d{4})\s*[-/.]\s*(?P<month>\d{1,2})\s*[-/.]\s*(?P<day>\d{1,2})[T ,]+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d{2}):(?P<second>\d{2})\s*(?P<offset>[+-]\d{2}:?\d{2})?"
)


def text_instant(raw: Raw, zone: tzinfo) -> Decoded:
    """The UTC instant of `2026-11-20 18:02:11` in the node's zone, or with an offset of its own.

    Empty text, dashes and a date of zeros mean never: missing.
    """
    text = plain_text(raw) if isinstance(raw, (bytes, str)) else ""
    if not re.search(r"[1-9A-Za-z]", text):
        return missing(raw) if isinstance(raw, (bytes, str)) else unreadable(raw)
    found = _TIME.fullmatch(text)
    if found is None:
        return unreadable(raw)
    year, month, day, hour, minute, second = (int(found[name]) for name in _TIME_PARTS)
    try:
        own = datetime.strptime(found["offset"], "%z").tzinfo if found["offset"] else None
        local = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=own or zone)
        return good(local.astimezone(UTC), raw)
    except (ValueError, OverflowError):
        return unreadable(raw)


_TIME_PARTS = ("year", "month", "day", "hour", "minute", "second")


def canonical_serial(text: str) -> str:
    """One form for the forms of one serial: `HWTC7D4630C3`, `485754437D4630C3` and lower case are the same ONT.

    A MAC, which names an ONT on EPON, is twelve digits whatever stands between them.
    """
    plain = re.sub(r"[-: .]", "", text).upper()
    if len(plain) == 16:
        try:
            octets = bytes.fromhex(plain)
        except ValueError:
            return plain
        if octets[:4].isalnum() and octets[:4].isascii():
            return octets[:4].decode("ascii") + plain[8:]
    return plain


def _mac_text(octets: bytes) -> str:
    return ":".join(f"{octet:02x}" for octet in octets)


def _offset(raw: bytes) -> timezone | None:
    """The zone that 11 octets carry: sign, hours, minutes from UTC; None for 8 octets."""
    if len(raw) == 8:
        return None
    if raw[8:9] not in (b"+", b"-"):
        raise ValueError(f"direction {raw[8]:#x} is neither + nor -")
    away = timedelta(hours=raw[9], minutes=raw[10])
    return timezone(away if raw[8:9] == b"+" else -away)
