"""Systems that tell us of lines: what one process hears of a system while another finds it silent."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from acs.app import App
from acs.config import ContextSection
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.services.context_sources import PULL, PUSH, ContextSources
from acs.store import context_sources as source_store
from acs.store.context_sources import ContextSource
from acs.store.transaction import Transaction
from tests.held_rows import meanwhile

NOW = utc_now().replace(microsecond=0)


def sources_at(app: App, now: datetime) -> ContextSources:
    section = ContextSection(expected={"crm": 600.0})
    return ContextSources(app.store, section, app.northbound.alarms, lambda: now)


async def known(app: App) -> dict[str, ContextSource]:
    return {one.name: one for one in await sources_at(app, NOW).find(local_actor())}


async def test_an_answer_that_comes_while_a_failure_is_noted_is_kept(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, later = app_on_both, NOW + timedelta(seconds=1)
    await sources_at(app, NOW - timedelta(hours=1)).heard("crm", PULL, etag="old")
    others = meanwhile(
        monkeypatch, app.store, source_store, "put",
        lambda: sources_at(app, later).heard("crm", PULL, entries=7, etag="new"),
    )  # fmt: skip
    await sources_at(app, NOW).failed("crm", PULL, "it answered 503")
    await others[0]
    crm = (await known(app))["crm"]
    assert (crm.ok_at, crm.down_since, crm.entries, crm.etag) == (later, None, 7, "new")


async def test_a_failure_that_comes_while_an_answer_is_noted_is_kept(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, failing = app_on_both, sources_at(app_on_both, NOW)
    await failing.heard("crm", PULL)
    others = meanwhile(monkeypatch, app.store, source_store, "put", lambda: failing.failed("crm", PULL, "HTTP 503"))
    await failing.heard("crm", PULL, entries=7)
    await others[0]
    crm = (await known(app))["crm"]
    assert (crm.down_since, crm.problem, crm.entries) == (NOW, "HTTP 503", 7)


async def test_a_system_that_is_heard_while_it_is_found_silent_is_not_down(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, heard = app_on_both, list[ContextSource]()
    await sources_at(app, NOW - timedelta(hours=1)).heard("crm", PUSH)
    real = source_store.every

    async def read(tx: Transaction, **only: Any) -> Sequence[ContextSource]:
        found = await real(tx, **only)
        if not heard:
            heard.extend(found)
            await sources_at(app, NOW).pushed("crm", 3)
        return found

    monkeypatch.setattr(source_store, "every", read)
    await sources_at(app, NOW).turn()
    crm = (await known(app))["crm"]
    assert heard and (crm.ok_at, crm.down_since, crm.entries) == (NOW, None, 3)


async def test_a_system_that_is_silent_for_too_long_is_down_until_it_is_heard(app_on_both: App) -> None:
    app = app_on_both
    await sources_at(app, NOW - timedelta(hours=1)).turn()
    await sources_at(app, NOW).turn()
    assert (await known(app))["crm"].down_since == NOW
    assert "nothing came since" in (await known(app))["crm"].problem
    await sources_at(app, NOW).pushed("crm", 1)
    assert (await known(app))["crm"].down_since is None
