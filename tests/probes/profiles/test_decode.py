from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.facts import Quality
from probes.profiles import decode

MOSCOW = ZoneInfo("Europe/Moscow")


def octets(at: datetime, offset: bytes = b"") -> bytes:
    fields = (at.month, at.day, at.hour, at.minute, at.second, at.microsecond // 100_000)
    return at.year.to_bytes(2, "big") + bytes(fields) + offset


INSTANTS = st.datetimes(min_value=datetime(1990, 1, 2), max_value=datetime(2200, 1, 1)).map(
    lambda at: at.replace(microsecond=at.microsecond // 100_000 * 100_000)
)


@given(INSTANTS)
def test_eight_octets_are_the_nodes_local_time(local: datetime) -> None:
    found = decode.instant(octets(local), MOSCOW)
    assert found.value == local.replace(tzinfo=MOSCOW).astimezone(UTC)


@given(INSTANTS, st.integers(-13 * 60, 13 * 60))
def test_eleven_octets_bring_their_own_offset(local: datetime, minutes: int) -> None:
    sign = b"+" if minutes >= 0 else b"-"
    offset = sign + bytes(divmod(abs(minutes), 60))
    found = decode.instant(octets(local, offset), MOSCOW)
    assert found.value == local.replace(tzinfo=timezone(timedelta(minutes=minutes))).astimezone(UTC)


@given(st.binary(max_size=12))
def test_any_octets_give_an_instant_or_say_why_not(raw: bytes) -> None:
    found = decode.instant(raw, UTC)
    assert (found.quality is Quality.OK) == isinstance(found.value, datetime)
    assert found.raw == raw.hex()


@pytest.mark.parametrize(
    ("raw", "quality"),
    [
        (bytes(8), Quality.MISSING),
        (bytes(11), Quality.MISSING),
        (b"", Quality.UNREADABLE),
        (b"\x07\xea\x0d\x01\x00\x00\x00\x00", Quality.UNREADABLE),
        (b"\x07\xea\x02\x1e\x00\x00\x00\x00", Quality.UNREADABLE),
        (b"\x07\xea\x02\x01\x00\x00\x00\x00*\x00\x00", Quality.UNREADABLE),
        (b"\x00\x01\x01\x01\x00\x00\x00\x00+\x05\x00", Quality.UNREADABLE),
        ("2026-02-01", Quality.UNREADABLE),
        (20260201, Quality.UNREADABLE),
    ],
)
def test_never_is_missing_and_an_impossible_date_is_unreadable(raw: decode.Raw, quality: Quality) -> None:
    found = decode.instant(raw, UTC)
    assert (found.value, found.quality) == (None, quality)


def test_a_leap_second_is_read() -> None:
    assert decode.instant(b"\x07\xe0\x0c\x1f\x17\x3b\x3c\x00", UTC).value == datetime(
        2016, 12, 31, 23, 59, 59, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (bytes.fromhex("485754437D4630C3"), "HWTC7D4630C3"),
        (bytes.fromhex("000102037D4630C3"), "000102037D4630C3"),
        (bytes(8), None),
        (b"HWTC", None),
        ("HWTC7D4630C3", None),
    ],
)
def test_a_serial_is_four_letters_and_eight_digits(raw: decode.Raw, value: str | None) -> None:
    assert decode.gpon_serial(raw).value == value


@given(st.binary(min_size=4, max_size=4))
def test_every_form_of_a_serial_is_one_serial(number: bytes) -> None:
    written = "HWTC" + number.hex().upper()
    forms = (written, written.lower(), (b"HWTC" + number).hex(), f"HWTC-{number.hex()}")
    assert {decode.canonical_serial(form) for form in forms} == {written}
    assert decode.gpon_serial(b"HWTC" + number).value == written
