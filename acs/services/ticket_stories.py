"""Which story a delivery tells a ticket: of its line test, of the test after a repair, of an outage.

The rule of this file: what is told is read from the store when it is told, not from the message.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from acs.services.after_fix import said_of
from acs.services.tmf import stories
from acs.services.tmf.stories import Manner
from acs.services.tmf.ticket_patches import Outage, Story
from acs.store import line_tests as test_store
from acs.store import tmf as tmf_store
from acs.store.records import LineTestRecord, LineTestState
from acs.store.store import Store
from probes.linetest.after_fix import Said

#: the event of a verdict that is known at the beginning of a test
PARTIAL = "line_test.partial"
#: earlier tests of the line that are looked at
_LOOKED_AT = 20


class TicketStories:
    """Stories for the tickets of one system."""

    def __init__(self, store: Store, manner: Manner) -> None:
        self._store = store
        self._manner = manner

    async def story(
        self, event: str, ticket: str, body: Mapping[str, Any], at: datetime
    ) -> tuple[Story | None, LineTestRecord | None]:
        """What a ticket is told of an event, and the test that it is about; None for nothing."""
        if event == "outage.ticket_attached":
            outage = str(body.get("outage"))
            return stories.outage_story(self._manner, body, Outage(outage, outage, ""), at), None
        test, before = await test_and_before(self._store, str(body.get("line_test") or ""), ticket)
        if event.startswith("after_fix."):
            return stories.repair_story(self._manner, event.removeprefix("after_fix."), body, at), test
        test = told_early(test, event, body)
        if test is None:
            return None, None
        if test.state is LineTestState.FAILED:
            return stories.failure_story(self._manner, test, at), test
        corrects = bool(body.get("corrects"))
        return stories.verdict_story(self._manner, test, at, before, corrects=corrects), test


def told_early(test: LineTestRecord | None, event: str, body: Mapping[str, Any]) -> LineTestRecord | None:
    """A test as it stood when the message about its beginning was written; any other message is about its end."""
    verdict = body.get("verdict")
    if test is None or event != PARTIAL or not isinstance(verdict, dict):
        return test
    return replace(test, state=LineTestState.RUNNING, finished_at=None, verdict=verdict)


async def test_and_before(store: Store, id_: str, ticket: str) -> tuple[LineTestRecord | None, Said | None]:
    """A test, and, where it followed from the ticket being resolved, what was said before it."""
    async with store.reading() as tx:
        test = await test_store.get(tx, id_)
        if test is None or await tmf_store.event_of_test(tx, id_, ticket) is None:
            return test, None
        earlier = await test_store.list_line_tests(tx, line=test.line, before=id_, limit=_LOOKED_AT)
    done = [one for one in earlier if one.state is LineTestState.DONE]
    first = next((one for one in done if one.ticket == ticket), done[0] if done else None)
    return test, said_of(first)
