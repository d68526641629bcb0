"""Raw SNMP values → typed values: scales, enumerations, DateAndTime, PON serials. Pure.

The rule: what a profile does not explain is unreadable and keeps its raw form; it is never guessed and never a number.
"""

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


def canonical_serial(text: str) -> str:
    """One form for the forms of one serial: `HWTC7D4630C3`, `485754437D4630C3` and lower case are the same ONT."""
    plain = text.strip().replace("-", "").replace(" ", "").upper()
    if len(plain) == 16:
        try:
            octets = bytes.fromhex(plain)
        except ValueError:
            return plain
        if octets[:4].isalnum() and octets[:4].isascii():
            return octets[:4].decode("ascii") + plain[8:]
    return plain


def _offset(raw: bytes) -> timezone | None:
    """The zone that 11 octets carry: sign, hours, minutes from UTC; None for 8 octets."""
    if len(raw) == 8:
        return None
    if raw[8:9] not in (b"+", b"-"):
        raise ValueError(f"direction {raw[8]:#x} is neither + nor -")
    away = timedelta(hours=raw[9], minutes=raw[10])
    return timezone(away if raw[8:9] == b"+" else -away)
