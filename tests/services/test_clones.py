"""What proves two boxes under one identity, and what does not."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from acs.services.clones import Clones
from acs.store.records import Sighting

NOW = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
KEY = "001122-ONT-1"


def seen(minutes: float, uptime_s: int | None = None, *, address: str = "192.0.2.1", hardware: str = "H") -> Sighting:
    at = NOW + timedelta(minutes=minutes)
    return Sighting(at, address, hardware, uptime_s, None if uptime_s is None else at)


def looked(*row: Sighting) -> list[str | None]:
    """What is said at each sighting after the first."""
    clones = Clones()
    return [clones.look(KEY, earlier, now) for earlier, now in itertools.pairwise(row)]


def test_a_return_to_an_earlier_boot_proves_two_boxes() -> None:
    said = looked(seen(0, 10_000), seen(5, 80_000), seen(10, 10_600))
    assert said[0] is None
    assert said[1] is not None
    assert "booted at" in said[1]


def test_after_its_proof_a_device_is_looked_at_anew() -> None:
    said = looked(seen(0, 10_000), seen(5, 80_000), seen(10, 10_600), seen(15, 80_600), seen(20, 11_200))
    assert [each is not None for each in said] == [False, True, False, True]


@pytest.mark.parametrize(
    "row",
    [
        (seen(0, 10_000), seen(5, 0), seen(10, 300), seen(15, 0)),  # it reboots
        (seen(0, 30), seen(5, 1_700_000_000), seen(10, 1_700_000_300)),  # its clock was set
        (seen(0, 100), seen(1, 6_100), seen(2, 12_100), seen(3, 18_100)),  # hundredths of seconds
        (seen(0, 77), seen(5, 77), seen(10, 77)),  # it does not count
        (seen(0, 10_000, hardware="A"), seen(5, 10_300, hardware="B")),  # one change of hardware
        (seen(0, address="192.0.2.1"), seen(5, address="192.0.2.2"), seen(10, address="192.0.2.3")),
        (seen(0, address="192.0.2.1"), seen(5, address="2001:db8::1"), seen(10, address="192.0.2.1"),
         seen(15, address="2001:db8::1")),
        (seen(0, 100, address="192.0.2.1"), seen(5, 400, address="192.0.2.2"), seen(10, 700, address="192.0.2.1"),
         seen(15, 1000, address="192.0.2.2")),
        (seen(0, address="192.0.2.1"), seen(90, address="192.0.2.2"), seen(180, address="192.0.2.1"),
         seen(270, address="192.0.2.2")),
        (seen(0, 10_000), seen(5, 80_000), seen(5 + 25 * 60, 10_300 + 25 * 3600)),  # too long ago
    ],
)  # fmt: skip
def test_what_one_box_may_say_proves_nothing(row: tuple[Sighting, ...]) -> None:
    assert set(looked(*row)) <= {None}


def test_hardware_that_changes_to_and_fro_proves_two_boxes() -> None:
    said = looked(seen(0, hardware="A"), seen(5, hardware="B"), seen(10, hardware="A"))
    assert said[1] is not None
    assert "hardware 'A'" in said[1]


def test_addresses_that_take_turns_prove_two_boxes_where_nothing_else_tells() -> None:
    one, two = "192.0.2.1", "192.0.2.2"
    said = looked(*(seen(5 * n, address=address) for n, address in enumerate((one, two, one, two))))
    assert said[-1] == f"Informs come in turns from {one} and {two}"
