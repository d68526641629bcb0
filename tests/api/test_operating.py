"""Reports of support, counted from what was stored, on both databases: as numbers, as CSV, as a page."""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from acs.api.operating_page import _VERDICTS
from acs.app import App
from acs.services.clock import utc_now
from acs.store import after_fix, lines
from acs.store.after_fix import Closure
from acs.store.instants import micros
from acs.store.records import LineRecord
from acs.store.schema import line_groups, line_tests, tickets
from probes.linetest.model import VerdictKind
from tests.api.conftest import client_of

#: (ticket, line, came minutes ago, seconds to the verdict, verdict, cause, closed after minutes, visited)
CASES = (
    ("T1", "L1", 600, 12, "REMOTE_FIX", "wifi_channel", 8, False),
    ("T2", "L1", 500, 40, "REMOTE_FIX", "wifi_channel", 30, False),
    ("T3", "L2", 400, 20, "DISPATCH_HOME", "drop_fibre_cut", 300, True),
    ("T4", "L2", 3000, 25, "DISPATCH_LINE", "feeder", None, None),
    ("T5", "L3", 100, 10, "GUIDE_CUSTOMER", "=cmd", 4, False),
    (None, "L3", 90, 5, "NFF", "", None, None),
    ("T6", "L3", 2, 3, "NFF", "", None, None),
)


@pytest.fixture
async def worked(app_on_both: App) -> AsyncIterator[App]:
    app, now = app_on_both, utc_now()
    async with app.store.transaction() as tx:
        await lines.upsert(tx, [LineRecord(id_, "pon") for id_ in ("L1", "L2", "L3")], now)
        groups = [
            {"line": "L1", "kind": "region", "name": "north"},
            {"line": "L2", "kind": "region", "name": "<south>"},
        ]
        await tx.connection.execute(insert(line_groups), groups)
        for n, (ticket, line, ago, wait, verdict, cause, closed, visited) in enumerate(CASES):
            came = now - timedelta(minutes=ago)
            row = {
                "id": f"test-{n}", "line": line, "state": "done", "created_at": micros(came + timedelta(seconds=1)),
                "deadline_at": micros(came), "actor": "x", "depth": "normal", "ticket": ticket, "facts": None,
                "finished_at": micros(came + timedelta(seconds=wait)), "detail": "", "service": None,
                "verdict": f'{{"verdict": "{verdict}", "cause": "{cause}", "title": {{"en": "x"}}}}',
            }  # fmt: skip
            await tx.connection.execute(insert(line_tests), row)
            if ticket is None:
                continue
            told = {"id": ticket, "event_id": ticket, "received_at": micros(came), "source": "crm", "body": "{}"}
            told |= {"line": line, "line_test": f"test-{n}", "detail": ""}
            await tx.insert(tickets, told)
            if closed is not None:
                at = came + timedelta(minutes=closed)
                closure = Closure(ticket, "c", cause, at, "x", visited, line=line, line_test=f"test-{n}")
                await after_fix.put_closure(tx, closure)
    yield app


async def test_the_figures_are_what_happened(worked: App) -> None:
    async with await client_of(worked, "read") as client:
        told = (await client.get("/reports/operating", params={"by": "region"})).json()
    total = told["total"]
    assert (total["tests"], total["tickets"], total["closed"], told["whole"]) == (7, 6, 4, True)
    assert total["verdicts"]["REMOTE_FIX"] == 2
    assert total["fixed_remotely"] == {"part": 2, "whole": 4, "share": 0.5}
    assert (total["dispatched"]["part"], total["dispatched"]["whole"]) == (2, 6)
    assert (total["repeats"]["part"], total["repeats"]["whole"]) == (3, 6), "T2 after T1, T3 after T4, T6 after T5"
    assert (total["verdict_median_s"], total["verdict_p95_s"]) == (20.0, 40.0)
    norms = {name: (one["part"], one["whole"]) for name, one in total["norms"].items()}
    assert norms == {
        "answer_30s": (5, 6),
        "first_line_5min": (1, 1),
        "second_line_10min": (1, 2),
        "restored_24h": (1, 2),
    }, "T6 came two minutes ago: nobody can say yet; T4 is older than a day and not closed"
    assert {one["name"]: one["tests"] for one in told["parts"]} == {"north": 2, "<south>": 2, "": 3}


@dataclass(frozen=True)
class Past:
    """Puts what happened into the store; minutes and seconds are counted from now."""

    app: App
    now: datetime

    async def test(
        self, id_: str, *, ago: float, took_s: float, ticket: str | None = None, verdict: str | None = "NFF"
    ) -> None:
        began = self.now - timedelta(minutes=ago)
        row = {
            "id": id_, "line": "L1", "state": "failed" if verdict is None else "done", "created_at": micros(began),
            "deadline_at": micros(began), "actor": "x", "depth": "normal", "ticket": ticket, "facts": None,
            "finished_at": micros(began + timedelta(seconds=took_s)), "detail": "", "service": None,
            "verdict": None if verdict is None else f'{{"verdict": "{verdict}", "cause": ""}}',
        }  # fmt: skip
        async with self.app.store.transaction() as tx:
            await lines.upsert(tx, [LineRecord("L1", "pon")], self.now)
            await tx.connection.execute(insert(line_tests), row)

    async def ticket(self, id_: str, test: str, *, ago: float) -> None:
        came = micros(self.now - timedelta(minutes=ago))
        told = {"id": id_, "event_id": id_, "received_at": came, "source": "crm", "body": "{}", "line": "L1"}
        async with self.app.store.transaction() as tx:
            await tx.insert(tickets, {**told, "line_test": test, "detail": ""})

    async def total(self, **asked: str) -> dict[str, Any]:
        async with await client_of(self.app, "read") as client:
            total: dict[str, Any] = (await client.get("/reports/operating", params=asked)).json()["total"]
        return total


@pytest.fixture
def past(app_on_both: App) -> Past:
    return Past(app_on_both, utc_now())


async def test_a_test_without_a_verdict_counts_and_breaks_the_norm(past: Past) -> None:
    await past.test("a", ago=60, took_s=10, ticket="T1", verdict=None)
    await past.ticket("T1", "a", ago=60)
    await past.test("b", ago=50, took_s=10, ticket="T2")
    await past.ticket("T2", "b", ago=50)
    total = await past.total()
    assert (total["tests"], total["tickets"], total["verdicts"]) == (2, 2, {"NFF": 1})
    assert (total["norms"]["answer_30s"]["part"], total["norms"]["answer_30s"]["whole"]) == (1, 2)
    assert total["verdict_p95_s"] == 10.0, "what never came took no time"
    await past.test("c", ago=59, took_s=10, ticket="T1")
    total = await past.total()
    assert (total["tests"], total["verdict_p95_s"]) == (3, 70.0), "the answer of T1 came with its second test"
    assert total["norms"]["answer_30s"]["part"] == 1


async def test_tickets_that_joined_anothers_test_are_counted(past: Past) -> None:
    await past.test("a", ago=60, took_s=100, ticket="T1")
    await past.ticket("T1", "a", ago=60)
    await past.ticket("T2", "a", ago=59)
    await past.test("b", ago=30, took_s=10)
    await past.ticket("T3", "b", ago=30 - 1 / 12)
    total = await past.total()
    assert (total["tests"], total["tickets"], total["verdicts"]) == (2, 3, {"NFF": 2})
    assert total["norms"]["answer_30s"]["whole"] == 3
    assert (total["verdict_median_s"], total["verdict_p95_s"]) == (40.0, 100.0), "5 s, 40 s and 100 s after they came"


async def test_a_repeat_of_a_ticket_before_the_reports_days_is_one(past: Past) -> None:
    day = 24 * 60
    await past.test("a", ago=3 * day, took_s=10, ticket="T1")
    await past.ticket("T1", "a", ago=3 * day)
    await past.test("b", ago=60, took_s=10, ticket="T2")
    await past.ticket("T2", "b", ago=60)
    total = await past.total(days="1")
    assert (total["tickets"], total["repeats"]["part"], total["repeats"]["whole"]) == (1, 1, 1)


async def test_divisions_spans_and_what_is_refused(worked: App) -> None:
    async with await client_of(worked, "read") as client:
        by_cause = (await client.get("/reports/operating?by=cause")).json()
        assert {one["name"] for one in by_cause["parts"]} == {"wifi_channel", "drop_fibre_cut", "feeder", "=cmd", ""}
        day = (await client.get("/reports/operating?days=1")).json()
        assert day["total"]["tests"] == 6
        nothing = (await client.get("/reports/operating", params={"until": "2020-01-01T00:00:00Z"})).json()
        assert nothing["total"]["tests"] == 0
        assert nothing["total"]["norms"]["answer_30s"]["share"] is None
        assert (await client.get("/reports/operating?by=colour")).status_code == 422
        assert (await client.get("/reports/operating", params={"until": "0001-01-01T00:00:00Z"})).status_code == 422
    async with await client_of(worked, "tickets") as client:
        assert (await client.get("/reports/operating")).status_code == 403


async def test_csv_and_page(worked: App) -> None:
    async with await client_of(worked, "read") as client:
        table = await client.get("/reports/operating.csv?by=cause")
        page = await client.get("/reports/operating.html?by=region&lang=ru")
        plain = await client.get("/reports/operating.html?by=all")
    rows = table.text.splitlines()
    assert table.headers["Content-Type"].startswith("text/csv")
    assert rows[0].startswith("cause,tests,tickets,closed,fixed_remotely,dispatched,repeats,verdict_median_s")
    assert any(row.startswith("'=cmd,1,1,1,0,0,0,10.0") for row in rows), "no spreadsheet takes it for a formula"
    assert "Отчёт поддержки" in page.text
    assert "&lt;south&gt;" in page.text
    assert "<south>" not in page.text
    assert "<script" not in page.text and "http" not in page.text.replace("http-equiv", "")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert plain.text.count("<svg") == 2


async def test_the_page_says_verdicts_and_causes_in_words_of_the_readers_language(worked: App) -> None:
    async with await client_of(worked, "read") as client:
        russian = await client.get("/reports/operating.html?by=verdict", headers={"Accept-Language": "ru"})
        causes = await client.get("/reports/operating.html?by=cause&lang=ru", headers={"Accept-Language": "en"})
        english = await client.get("/reports/operating.html?by=cause")
    assert "<html lang=ru>" in russian.text and "<td>ремонт отсюда</td>" in russian.text
    assert russian.text.count("<td>всё</td>") == 1 and russian.text.count("<td>(нет)</td>") == 0
    assert "REMOTE_FIX" not in russian.text and " s</td>" not in russian.text
    assert "drop_fibre_cut" not in causes.text and "Обрыв" in causes.text
    assert "<td>Drop fibre or patch cord broken</td>" in english.text and "<td>=cmd</td>" in english.text
    assert {one.value for one in VerdictKind} == set(_VERDICTS["en"]) == set(_VERDICTS["ru"])


async def test_a_page_that_is_kept_has_its_looks_inside_and_may_still_do_nothing(worked: App) -> None:
    async with await client_of(worked, "read") as client:
        kept = await client.get("/reports/operating.html?by=day&alone=true")
        style = (await client.get("http://server/style.css")).text
    assert kept.headers["Content-Disposition"] == 'attachment; filename="operating-day.html"'
    assert f"<style>{style}</style>" in kept.text and "style.css" not in kept.text
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert f'<meta http-equiv=Content-Security-Policy content="{rules}">' in kept.text
    assert kept.text.index("http-equiv") < kept.text.index("<style>") < kept.text.index("<h1>")
