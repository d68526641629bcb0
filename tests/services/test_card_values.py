"""Values of the card: the defects of a version are those that the judgement of a line knows too."""

from datetime import UTC, datetime

import pytest

from acs.profiles.schema import load_profiles
from acs.services.card_values import defects_of, firmware_values
from acs.store.records import DeviceRecord

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
ROUTER = next(profile for profile in load_profiles() if profile.id == "mikrotik")


@pytest.mark.parametrize(("version", "concerned"), [("6.29", True), ("6.40.7", True), ("6.40.8", False), ("", False)])
def test_a_version_in_the_range_of_a_defect_shows_it(version: str, concerned: bool) -> None:
    record = DeviceRecord(
        key="00AA11-ROUTER-1",
        manufacturer="Example",
        oui="00AA11",
        product_class="ROUTER",
        serial_number="1",
        root="Device.",
        software_version=version,
        hardware_version="",
        connection_request_url="",
        address="192.0.2.1",
        namespace="urn:dslforum-org:cwmp-1-0",
        first_seen_at=NOW,
        last_inform_at=NOW,
        last_boot_at=None,
        uptime_s=None,
        uptime_at=None,
        line=None,
    )
    found = defects_of(ROUTER, record, (record.product_class,))
    assert bool(found) is concerned
    shown = {value.name: value.value for value in firmware_values(record, ROUTER, found, NOW)}
    assert (shown.get("defects") in {each.title["en"] for each in found}) is concerned
