"""Details speak the language of who asks: what became of operations, deliveries, sources of line tests, campaigns."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from acs.api.operations import operation_answer
from acs.app import App
from acs.services.actions.words import Refused, say
from acs.services.clock import utc_now
from acs.services.line_test_progress import Progress
from acs.services.translation import _Book, _Form, texts, translated
from acs.store import deliveries, line_tests, lines, operations
from acs.store.deliveries import Attempt, Delivery, DeliveryState
from acs.store.records import (
    LineRecord,
    LineTestRecord,
    LineTestState,
    OperationRecord,
    OperationState,
    OperationTransition,
    StepName,
)
from tests.api.test_devices import KEY, device, events_of
from tests.api.test_error_language import CYRILLIC, EVERY, places
from tests.detail_texts import told
from tests.error_texts import written

__all__ = ["device"]

RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"}
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
DETAILS = texts("ru")["details"]
REFUSED = "http refused 12 ms: nothing listens there: the CPE is off or its URL is old"
FAULT = "the CPE refused SetParameterValues: 9003 Invalid arguments"


def test_every_detail_is_translated_and_no_other() -> None:
    wanted = set(told())
    assert len(wanted) > 300
    assert not wanted - set(DETAILS), "write their Russian into acs/api/details.ru.toml"
    assert not set(DETAILS) - wanted - written(), "the code does not say this any more: remove it"
    assert not set(DETAILS) & set(EVERY), "errors.ru.toml has it already"


def test_translations_are_russian_and_keep_the_places() -> None:
    for text, said in DETAILS.items():
        assert places(said) == places(text), text
        assert CYRILLIC.search(said), text


@pytest.mark.parametrize("text", sorted(DETAILS))
def test_a_detail_is_found_by_its_words_whatever_its_values(text: str) -> None:
    shown, wanted = text, DETAILS[text]
    for n in range(10):
        shown, wanted = shown.replace(f"{{{n}}}", f"v-{n}"), wanted.replace(f"{{{n}}}", f"v-{n}")
    assert translated(shown, "ru") == wanted
    assert translated(shown, "en") == shown


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (REFUSED, "http refused 12 ms: там никто не слушает: CPE выключен или его URL устарел"),
        (FAULT, "CPE отказал в SetParameterValues: 9003 Invalid arguments"),
        ("17 values read, 2 refused, not all: the budget of requests was used up",
         "прочитано значений: 17, отказано: 2, не всё: кончился запас запросов"),
        (f"added Device.X.3., but {FAULT}",
         "добавлено Device.X.3., но CPE отказал в SetParameterValues: 9003 Invalid arguments"),
        (f"{FAULT}; what had been changed was taken back",
         "CPE отказал в SetParameterValues: 9003 Invalid arguments; сделанное до этого возвращено"),
        ("the line's serial HWTC1 is ONT 3 there; the light of some ONTs did not come in time",
         "серийный номер линии HWTC1 — там у ONT 3; уровни света части ONT не пришли вовремя"),
        ("olt-1: olt-1 did not answer SNMP; of an agent's own",
         "olt-1: olt-1: нет ответа по SNMP; of an agent's own"),
        (f"the device did not answer within 10 s; when it was called: {REFUSED}",
         "устройство не ответило за 10 с; когда его вызвали: "
         "http refused 12 ms: там никто не слушает: CPE выключен или его URL устарел"),
        (f"the deadline passed after 2 attempts; the last: {FAULT}",
         "срок вышел, попыток: 2; последняя: CPE отказал в SetParameterValues: 9003 Invalid arguments"),
        ("2 settings put back, 1 were so already, 3 rows deleted that it has not: Device.X.1., Device.X.2.",
         "возвращено настроек: 2, уже были такими: 1, строк удалено 3, хотя в ней таких нет: Device.X.1., Device.X.2."),
        ("3 of 4 lines are back, the last at 02:00; 2 tested; still broken: L1, L2 and 3 more",
         "вернулось линий 3 из 4, последняя в 02:00; проверено 2; ещё не исправны: L1, L2 и ещё 3"),
        ("3 silent devices: upgraded on coming; cancel the campaign to wait no longer",
         "молчащих устройств 3: обновление, когда выйдет на связь; чтобы не ждать, отмените кампанию"),
        ("added Device.X.3., found after a session that broke, applied",
         "добавлено Device.X.3., найдено после оборвавшегося сеанса, применено"),
        ("the device could not resolve the host name (Error_CannotResolveHostName)",
         "устройство не нашло адрес по имени (Error_CannotResolveHostName)"),
        ("refused: first: the CPE does not give Device.X: it was not read; second: 9003 Invalid arguments",
         "отказ: first: CPE не даёт Device.X: это не прочитано; second: 9003 Invalid arguments"),
        ("get, set, sent", "get, set, sent"),
        ("nobody's text, with commas; and more: of it", "nobody's text, with commas; and more: of it"),
        ("a fault of a device's own names", "a fault of a device's own names"),
    ],
)  # fmt: skip
def test_the_parts_of_what_is_put_together_are_translated(shown: str, said: str) -> None:
    assert translated(shown, "ru") == said


@pytest.mark.parametrize("hostile", ["x; y, z: w (q); ", "refused: a; ", "1 values read, ", ", but ", "at x, "])
def test_what_is_looked_at_grows_with_the_text_and_no_faster(hostile: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at = []
    forms_for = _Book.forms_for

    def counted(book: _Book, text: str) -> list[_Form]:
        looked_at.append(len(text))
        return forms_for(book, text)

    monkeypatch.setattr(_Book, "forms_for", counted)
    text = hostile * 1_000
    translated(text, "ru")
    assert 0 < sum(looked_at) <= 40 * len(text), "it would be 40 million and more without a limit"


@pytest.fixture
async def failed(app: App, device: str) -> AsyncIterator[str]:
    """An operation whose connection request found nobody, and which the device refused when it came."""
    now = utc_now()
    record = OperationRecord(
        "op-1", KEY, "set", {}, OperationState.QUEUED, "op-1", now, now + timedelta(hours=1), "token:x"
    )
    async with app.store.transaction() as tx:
        await operations.add(tx, record)
        tried = (StepName.CONNECTION_REQUEST_FAILED, REFUSED)
        for state, (step, detail) in ((None, tried), (OperationState.FAILED, (StepName.FAILED, FAULT))):
            kept = detail if state is not None else None
            change = OperationTransition("op-1", (OperationState.QUEUED,), state, now, step, detail, detail=kept)
            assert await operations.transition(tx, change) is not None
    yield "op-1"


async def test_an_operation_that_failed_says_so_in_the_language_of_who_asks(
    client: httpx.AsyncClient, failed: str
) -> None:
    found = (await client.get(f"/operations/{failed}", headers=RUSSIAN)).json()
    assert found["detail"] == "CPE отказал в SetParameterValues: 9003 Invalid arguments", "a device's words stay"
    assert [step["detail"] for step in found["steps"]][1:] == [translated(REFUSED, "ru"), found["detail"]]
    assert found["steps"][1]["code"] == "refused"
    listed = (await client.get("/operations", headers=RUSSIAN)).json()
    assert listed[0]["detail"] == found["detail"]
    assert found["words"]["ru"] == f"Не получилось: {found['detail']}" and FAULT in found["words"]["en"]
    english = (await client.get(f"/operations/{failed}")).json()
    assert english["detail"] == FAULT and english["steps"][1]["detail"] == REFUSED, "what is stored is English"


def test_what_hindered_an_operation_is_told_as_an_error_tells_it() -> None:
    refused = Refused("too_many_reboots", count=3, hours=24)
    assert translated(str(refused), "ru") == refused.said("ru")
    gated = say("gate_failed", detail=FAULT)
    assert translated(gated, "ru") == say("gate_failed", "ru", detail=translated(FAULT, "ru"))
    record = OperationRecord(
        "op-2", KEY, "set", {}, OperationState.FAILED, "op-2", AT, AT, "x", detail=gated,
        result={"why": "gate_failed", "values": {"detail": FAULT}},
    )  # fmt: skip
    shown = operation_answer(record).words
    assert shown == {"en": gated, "ru": translated(gated, "ru")}


async def test_the_steps_come_in_the_language_of_who_follows_them(client: httpx.AsyncClient, failed: str) -> None:
    events = events_of((await client.get(f"/operations/{failed}/events", headers=RUSSIAN)).text)
    assert translated(REFUSED, "ru") in [data["detail"] for name, data in events if name == "step"]
    assert events[-1][1]["detail"] == translated(FAULT, "ru")


async def test_a_late_source_says_why_in_the_language_of_who_asks(app: App, client: httpx.AsyncClient) -> None:
    now, late = utc_now(), "no answer within 4 s"
    facts = {
        "facts": [], "doubts": [], "sources": [{"name": "cpe-live", "state": "late", "problem": late}],
        "unmeasured": [{"fact": "ont.rx_dbm", "because": "late", "source": "cpe-live", "problem": late, "by": None}],
    }  # fmt: skip
    record = LineTestRecord("test-1", "L-1", LineTestState.RUNNING, now, now + timedelta(seconds=9), "x")
    async with app.store.transaction() as tx:
        await lines.upsert(tx, [LineRecord("L-1", "pon")], now)
        await line_tests.add(tx, record)
        await line_tests.finish(tx, "test-1", LineTestState.DONE, now, facts=facts, verdict={"verdict": "NFF"})
    found = (await client.get("/line-tests/test-1", headers=RUSSIAN)).json()["facts"]
    assert found["sources"][0]["problem"] == found["unmeasured"][0]["problem"] == "нет ответа за 4 с"
    assert (await client.get("/line-tests/test-1")).json()["facts"] == facts


async def test_a_source_that_is_late_says_so_as_it_happens_in_the_language_of_who_follows(
    app: App, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_source(*_: object) -> AsyncIterator[Progress]:
        yield Progress("test-1", "source", AT, {"name": "cpe-live", "state": "late", "problem": "no answer within 4 s"})

    monkeypatch.setattr(type(app.northbound.line_tests), "watch", one_source)
    record = LineTestRecord("test-1", "L-1", LineTestState.RUNNING, AT, AT + timedelta(seconds=9), "x")
    async with app.store.transaction() as tx:
        await lines.upsert(tx, [LineRecord("L-1", "pon")], AT)
        await line_tests.add(tx, record)
    events = events_of((await client.get("/line-tests/test-1/events", headers=RUSSIAN)).text)
    assert events[0][0] == "progress" and events[0][1]["problem"] == "нет ответа за 4 с"


async def test_a_delivery_says_why_it_was_not_taken_in_the_language_of_who_asks(
    app: App, client: httpx.AsyncClient
) -> None:
    now, why = utc_now(), "no answer within 10 s from crm.example"
    async with app.store.transaction() as tx:
        await deliveries.add(tx, Delivery("d-1", "crm", "line_test.failed", {}, DeliveryState.PENDING, now, now))
        await deliveries.mark_failed(tx, "d-1", now, why, retry_at=None)
        await deliveries.note(tx, Attempt("d-1", now, 9, False, why))
    found = (await client.get("/deliveries/d-1", headers=RUSSIAN)).json()
    assert found["last_error"] == found["log"][0]["answer"] == "нет ответа за 10 с от crm.example"
    assert (await client.get("/deliveries/d-1")).json()["last_error"] == why


async def test_a_card_says_why_the_device_was_not_read_in_the_language_of_who_asks(
    client: httpx.AsyncClient, device: str
) -> None:
    path = "/devices/00259E-First%2520class-SN0001/card/refresh?wait_s=0.1"
    problem = (await client.post(path, headers=RUSSIAN)).json()["problem"]
    assert problem.startswith("устройство не ответило за 0.1 с"), problem
