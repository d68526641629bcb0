"""Errors speak the language of who asks: every text of the code has its Russian, and every edge speaks it."""

import re
from collections.abc import AsyncGenerator
from time import perf_counter

import httpx
import pytest
from fastapi import FastAPI

from acs.api import sse
from acs.api.errors import _TITLES, problem
from acs.api.language import Language, preferred
from acs.api.sse import ServerEvent
from acs.api.tmf.answers import _REASONS
from acs.app import App
from acs.errors import no_device
from acs.services.line_tokens import PREFIX as LINE_TOKEN
from acs.services.translation import texts, translated
from tests.api.conftest import client_of
from tests.api.test_devices import no_end
from tests.error_texts import raised, written

RUSSIAN = {"Accept-Language": "ru-RU,ru;q=0.9,en;q=0.5"}
CYRILLIC = re.compile(r"[а-яё]", re.IGNORECASE)
#: these are made of other texts alone
MADE_OF_OTHERS = {"{0}: {1}", "{0}: {1}: {2}"}
BOOK = texts("ru")
EVERY = {**BOOK["errors"], **BOOK["parts"], **BOOK["checks"]}


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{\d+\}", text))


def test_every_text_of_an_error_is_translated_and_no_other() -> None:
    wanted = set(raised())
    assert len(wanted) > 250
    assert not wanted - set(BOOK["errors"]), "write their Russian into acs/api/errors.ru.toml"
    assert not set(BOOK["errors"]) - wanted, "no error says this any more: remove it, or change it as the code did"
    assert not set(BOOK["parts"]) - written(), "the code does not say this any more"
    assert set(_TITLES) | {"http_error"} == set(BOOK["kinds"])
    assert {*_REASONS.values(), "Error"} == set(BOOK["reasons"])


def test_translations_are_russian_and_keep_the_places_and_the_advice() -> None:
    for text, said in EVERY.items():
        assert places(said) == places(text), text
        assert text in MADE_OF_OTHERS or said == "{0}" or CYRILLIC.search(said), text
    for text in set(BOOK["errors"]) - MADE_OF_OTHERS:
        if "; " in text and "\n" not in text:
            assert "; " in BOOK["errors"][text] or "? " in BOOK["errors"][text], f"{text}: what to do is lost"


@pytest.mark.parametrize("text", sorted(set(EVERY) - MADE_OF_OTHERS))
def test_a_text_is_found_by_its_words_whatever_its_values(text: str) -> None:
    values = [f"'v-{n}'" for n in range(10)]
    shown, wanted = text, EVERY[text]
    for n, value in enumerate(values):
        shown, wanted = shown.replace(f"{{{n}}}", value), wanted.replace(f"{{{n}}}", value)
    if text.endswith("\n{0}"):
        assert translated("x\nit cannot be used", "ru") == "x\nэто не годится", "lines are translated one by one"
        shown, wanted = shown.partition("\n")[0], wanted.partition("\n")[0]
    assert translated(shown, "ru") == wanted
    assert translated(shown, "en") == shown


def test_a_long_and_hostile_text_is_looked_up_at_once() -> None:
    hostile = "x holds " * 40_000 + " for " * 40_000
    begun = perf_counter()
    assert translated(hostile, "ru") == hostile
    assert perf_counter() - begun < 30.0, "it would take hours if it grew with the square"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"), ("ru", "ru"), ("ru-RU,ru;q=0.9,en;q=0.8", "ru"), ("en;q=0.5, ru;q=0.6", "ru"), ("*", "en"),
        ("de, fr;q=0.9", "en"), ("de, ru;q=0.1", "ru"), ("ru;q=0", "en"), ("ru;q=nan, en", "en"), ("ru;q=²", "en"),
        ("RU", "ru"), (",;;q=,ru;level=1;q=0.3", "ru"), ("en-GB,en;q=0.9,ru;q=0.9", "en"),
    ],
)  # fmt: skip
def test_the_language_is_the_one_that_is_wanted_most(header: str, language: str) -> None:
    assert preferred(header) == language


def test_lines_and_what_stands_behind_a_place_are_translated_one_by_one() -> None:
    found = problem(422, "invalid_input", "name: it is missing; add it\nport: Input should be less than 9", "ru")
    assert found["detail"] == "name: этого нет; добавьте\nport: должно быть меньше 9"
    assert [one["message"] for one in found["errors"]] == ["этого нет; добавьте", "должно быть меньше 9"]
    row = "row 3, column port: 'x': write a whole number from 0 to 9\nnothing was imported"
    said = ["строка 3, столбец port: 'x': напишите целое число от 0 до 9", "ничего не импортировано"]
    assert translated(row, "ru").splitlines() == said
    advice = "put a cell that holds a comma or semicolon in quotes"
    cells = f"row 4, column b: 'x': the row has 2 cells, and the header 3; {advice}"
    assert "в строке ячеек 2, а в заголовке 3; ячейку с" in translated(cells, "ru")
    assert problem(404, "of tomorrow", "a text of tomorrow", "ru")["title"] == "Запрос не удался"


def test_what_is_wrong_with_a_store_is_translated_with_its_remedy() -> None:
    ends = (
        "its folder must exist, and this user must be allowed to write there",
        "check store.url, this user's rights",
    )
    for text in sorted(BOOK["parts"]):
        if text.startswith(("the SQLite store", "the store at")):
            said = translated(text.replace("{0}", "/a.db").replace("{1}", "why"), "ru")
            assert not any(end in said for end in ends) and said.count("; ") == 1
    line = "no line found: entity:Line='L-7' (0 lines); see [tickets] line_from"
    assert translated(line, "ru") == "линия не найдена: entity:Line='L-7' (линий: 0); см. [tickets] line_from"


async def test_a_problem_speaks_the_language_of_who_asks(client: httpx.AsyncClient) -> None:
    found = await client.get("/lines/L-7", headers=RUSSIAN)
    body = found.json()
    assert (found.status_code, body["code"]) == (404, "not_found"), "what programs read stays"
    assert body["title"] == "Такого нет"
    assert body["detail"] == body["message"] == "нет линии 'L-7'; номера показывает `secondline line list`"
    assert body["remedy"] == "Номера показывает `secondline line list`."
    assert (found.headers["Content-Language"], found.headers["Vary"]) == ("ru", "Accept-Language")
    english = await client.get("/lines/L-7")
    assert english.json()["title"] == "There is no such thing" and english.headers["Content-Language"] == "en"


@pytest.mark.parametrize(
    ("call", "status", "word"),
    [
        (("GET", "/nothing"), 404, "такого адреса нет"),
        (("PATCH", "/lines"), 405, "этого метода здесь нет"),
        (("PUT", "/lines/L-7", {"technology": "smoke"}), 422, "напишите одно из"),
        (("POST", "/lines/import", b"x"), 415, "пошлите CSV"),
        (("POST", "/line-groups/x%00", None), 422, "уберите его"),
        (("GET", "/lines?limit=0"), 422, "не меньше 1"),
        (("GET", "http://server/tmf-api/alarm/v4/alarm/77"), 404, "нет тревоги 77"),
        (("GET", "http://server/tmf-api/nothing"), 404, "такого адреса нет"),
    ],
)
async def test_every_edge_speaks_it(
    client: httpx.AsyncClient, call: tuple[object, ...], status: int, word: str
) -> None:
    method, url, *body = call
    sent: dict[str, object] = {} if not body or body[0] is None else {"json": body[0]}
    if body and isinstance(body[0], bytes):
        sent = {"content": body[0]}
    answer = await client.request(str(method), str(url), headers=RUSSIAN, **sent)  # type: ignore[arg-type] # either
    assert answer.status_code == status, answer.text
    assert word in answer.json()["message"], answer.text
    assert answer.headers["Content-Language"] == "ru"


async def test_who_may_not_is_told_so_in_his_language(app: App) -> None:
    async with await client_of(app, "read") as client:
        refused = await client.put("/lines/L-7", json={"technology": "pon"}, headers=RUSSIAN)
        assert refused.status_code == 403
        assert "не имеет права 'inventory' (есть: read)" in refused.json()["detail"]
        client.headers["Authorization"] = f"Bearer {LINE_TOKEN}x"
        own = await client.get("/self-service/check")  # a subscriber, who says nothing of languages
        assert (own.status_code, own.headers["Content-Language"]) == (401, "ru")
        assert own.json()["detail"] == "токен кончился или не годен; откройте страницу заново"
        own = await client.get("/self-service/check", headers={"Accept-Language": "en"})
        assert own.json()["detail"].startswith("the token has ended")


async def test_a_stream_that_breaks_off_says_why_in_the_language_of_who_listens() -> None:
    async def events() -> AsyncGenerator[ServerEvent]:
        yield ServerEvent("state", {})
        raise no_device("none")

    app = FastAPI()
    app.add_middleware(Language)
    app.add_api_route("/x", lambda: sse.event_stream(events(), no_end))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://server") as client:
        said = (await client.get("/x", headers=RUSSIAN)).text
    assert "event: error" in said and "нет устройства 'none'" in said
