"""A change of status that comes back to us starts nothing; a reason of ours that a ticket only keeps hides nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.services.tmf.ticket_patches import OwnChange, own_change
from acs.services.tmf_listener import Taken, TicketListener
from acs.store.records import LineRecord

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = AT

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("wifi_weak -> GUIDE_CUSTOMER [secondline:t-1 pending]", OwnChange("secondline:t-1", "pending")),
        ("[secondline:c-1:fixed resolved]", OwnChange("secondline:c-1:fixed", "resolved")),
        ("of a version before [secondline:t-1]", OwnChange("secondline:t-1", "")),
        ("[acs:adapter]", None),
        ("drop replaced", None),
        ("", None),
        ("[secondline:" + "x" * 5_000, None),
    ],
)
def test_a_reason_tells_which_status_we_gave(reason: str, found: OwnChange | None) -> None:
    assert own_change(reason, "secondline") == found


class Desk:
    """A ticket that was taken, and events of it."""

    def __init__(self, app: App) -> None:
        self._northbound, self.clock, self._n = app.northbound, Clock(), 0
        config, tests = app.northbound.tmf.listener._config, app.northbound.line_tests
        self._listener = TicketListener(app.store, config, app.northbound.tickets, tests, self.clock)

    async def open(self) -> None:
        await self._northbound.lines.put(local_actor(), LineRecord("L-1", "pon"))
        line = [{"id": "L-1", "role": "line", "@referredType": "Line"}]
        await self._take("TroubleTicketCreateEvent", {"relatedEntity": line})

    async def status(self, status: str, reason: str, *, after_s: float = 600) -> Taken:
        self.clock.now += timedelta(seconds=after_s)
        told = {"status": status, "statusChangeReason": reason}
        return await self._take("TroubleTicketStatusChangeEvent", told)

    async def _take(self, event_type: str, told: dict[str, Any]) -> Taken:
        self._n += 1
        ticket = {"id": "TT-1", **told}
        event = {"eventId": f"e-{self._n}", "eventType": event_type, "event": {"troubleTicket": ticket}}
        return await self._listener.take(local_actor(), event)


async def test_a_reason_of_ours_from_a_status_before_hides_no_resolution(app: App) -> None:
    desk = Desk(app)
    await desk.open()
    assert (await desk.status("pending", "[secondline:t-1 pending]")).line_test is None
    resolved = await desk.status("resolved", "[secondline:t-1 pending]")
    assert resolved.line_test is not None, resolved.detail


async def test_our_own_resolution_starts_nothing_and_the_next_one_of_a_person_does(app: App) -> None:
    desk, ours = Desk(app), "it helped [secondline:c-1:fixed resolved]"
    await desk.open()
    assert (await desk.status("resolved", ours)).detail == "this system resolved it itself: secondline:c-1:fixed"
    again = await desk.status("resolved", ours, after_s=2)
    assert (again.line_test, again.detail) == (None, "this system resolved it itself: secondline:c-1:fixed")
    assert (await desk.status("inProgress", ours)).detail == "noted"
    reopened = await desk.status("resolved", ours)
    assert reopened.line_test is not None, reopened.detail


async def test_a_reason_of_the_version_before_is_ours_however_often_it_comes(app: App) -> None:
    desk = Desk(app)
    await desk.open()
    for _ in range(2):
        assert (await desk.status("resolved", "[secondline:t-1]")).line_test is None
        assert (await desk.status("inProgress", "called again")).line_test is None
