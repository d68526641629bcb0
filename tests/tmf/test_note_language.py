"""Notes in tickets and messages of webhooks quote what became of something in the language of whoever reads them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.services.deliveries import Deliveries
from acs.services.ticket_stories import PARTIAL, told_early
from acs.services.tmf import stories
from acs.services.tmf.ticket_patches import Outage
from acs.services.webhooks import webhook_targets
from acs.store.records import Json, LineTestState
from tests.services.test_webhooks import START, section, taking
from tests.tmf.test_tickets import AT, OUTAGE, VERDICT, line_test, manner

BROKEN = "no answer within 4 s"
OVER = "3 of 4 lines are back, the last at 02:00; 2 tested; still broken: L1"


def test_a_note_on_a_failed_test_says_why_in_the_language_of_the_system() -> None:
    failed = line_test(state=LineTestState.FAILED, verdict=None, detail=BROKEN)
    assert stories.failure_story(manner("ru"), failed, AT).text.endswith("без вердикта: нет ответа за 4 с")
    assert stories.failure_story(manner("en"), failed, AT).text.endswith(f"without a verdict: {BROKEN}")
    other = replace(failed, detail="in the words of somebody else")
    assert stories.failure_story(manner("ru"), other, AT).text.endswith(": in the words of somebody else")


@pytest.mark.parametrize(
    ("language", "why", "missing"),
    [
        ("ru", "не известно: Плановые работы на линии; сейчас нельзя: Идёт разговор; выезд дешевле попытки; low_margin",
         "Не измерено: Индикатор LOS (со слов абонента), own.fact"),
        ("en", "unknown: Planned work that covers the line; not now: A call is active; "
               "a visit is cheaper than trying; low_margin",
         "Not measured: LOS lamp (as the subscriber says), own.fact"),
    ],
)  # fmt: skip
def test_a_note_names_facts_and_reasons_as_people_call_them(language: str, why: str, missing: str) -> None:
    reasons: Json = ["gate_unknown:planned.work", "unsafe:voip.call_active", "visit_is_cheaper", "low_margin"]
    said = VERDICT | {"human_reasons": reasons, "not_measured": ["led.los", "own.fact"]}
    told = stories.verdict_story(manner(language), line_test(verdict=said), AT).text.splitlines()
    assert any(line.endswith(why) for line in told), told
    assert any(line.startswith(missing) for line in told), told


@pytest.mark.parametrize(("language", "wanted"), [("ru", "Следующий шаг: Выезд."), ("en", "Next step: Go there.")])
def test_a_note_says_what_to_do(language: str, wanted: str) -> None:
    """Who reads the ticket sees no card: a cause without the next step sent him to another screen."""
    said = VERDICT | {"script": {"en": "Go there.", "ru": "Выезд."}}
    assert wanted in stories.verdict_story(manner(language), line_test(verdict=said), AT).text.splitlines()
    assert "" not in stories.verdict_story(manner(language), line_test(), AT).text.splitlines()


@pytest.mark.parametrize(
    ("language", "goes_on"), [("ru", "Проверка линии продолжается"), ("en", "The line test goes on")]
)
def test_a_first_word_and_the_end_of_a_test_are_one_note(language: str, goes_on: str) -> None:
    """What the registry said at once is not said again at the end, unless the end says something else."""
    said = VERDICT | {"not_measured": ["led.los"]}
    running = line_test(state=LineTestState.DONE, verdict=said)
    body: dict[str, Json] = {"verdict": said | {"partial": True}}
    test = told_early(running, PARTIAL, body)
    assert test is not None and test.state is LineTestState.RUNNING
    first = stories.verdict_story(manner(language), test, AT)
    assert first.text.splitlines()[-1].startswith(goes_on) and "LOS" not in first.text
    last = stories.verdict_story(manner(language), running, AT)
    assert (last.marker, goes_on in last.text) == (first.marker, False)
    assert stories.verdict_story(manner(language), running, AT, corrects=True).marker != first.marker
    assert told_early(running, "line_test.verdict", body) == running


def test_an_outage_is_named_in_the_language_of_the_system() -> None:
    parent = Outage("TT-900", "o-1", "")
    body = OUTAGE | {"level": "pon"}
    told = stories.outage_story(manner("ru"), body, parent, AT).text
    assert told == f"Линия относится к аварии: волокно, порт PON OLT-3/0/2/5, 31 / 32, {AT.isoformat()}"
    name, text = stories.outage_creation(manner("ru"), body)
    assert name == "Авария: волокно, порт PON OLT-3/0/2/5" and text.startswith("Массовая авария: волокно")
    assert stories.outage_creation(manner("en"), body)[0] == "fibre outage at pon OLT-3/0/2/5"
    ended = stories.outage_end_story(manner("ru"), body | {"state": "closed", "detail": OVER}, AT).text
    assert ended.startswith("Авария закончилась: вернулось линий 3 из 4")
    noted = stories.outage_end_story(manner("ru"), body | {"state": "closed", "note": "it was the cleaner"}, AT).text
    assert noted.endswith(": it was the cleaner"), "a person's words stay"


@pytest.mark.parametrize(("language", "detail"), [("ru", "нет ответа за 4 с"), ("en", BROKEN), (None, BROKEN)])
async def test_a_webhook_quotes_details_in_the_language_of_its_receiver(
    app: App, tmp_path: Path, language: str | None, detail: str
) -> None:
    got: list[httpx.Request] = []
    config = section(tmp_path, target={} if language is None else {"language": language})
    deliveries = Deliveries(app.store, config, clock=lambda: START)
    for target in webhook_targets(config, clock=lambda: START, transport=httpx.MockTransport(taking(got))):
        deliveries.add(target)
    body: dict[str, Any] = {"ticket": "TT-1", "line_test": "t-1", "detail": BROKEN, "note": BROKEN}
    async with app.store.transaction() as tx:
        await deliveries.enqueue(tx, "line_test.failed", body, START)
    await deliveries.pump()
    assert json.loads(got[0].read()) == body | {"detail": detail}, "what a person wrote stays, and so do ids"
