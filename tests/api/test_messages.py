"""What an integrator gets wrong first: each answer names the thing and says what to do, with no word of our insides."""

from typing import Any

import httpx

ROOT = "http://server"
EVENTS = "/api/v1/tickets/events"
LISTENER = "/tmf-api/troubleTicket/v4/listener/troubleTicketCreateEvent"
JSON = {"Content-Type": "application/json"}


def text_of(answer: httpx.Response) -> str:
    """The message of an answer, in either form."""
    return str(answer.json()["message"])


BODIES = [
    ('{"eventId": ', JSON, "body: it is no JSON (Expecting value, character 12); send one JSON document"),
    ("{}", JSON, "eventId: it is missing; add it"),
    ("{}", {"Content-Type": "text/plain"}, "send a JSON object with the header Content-Type: application/json"),
    ("[]", JSON, "body: here a JSON object is wanted"),
    ("", JSON, "body: it is missing; send a body"),
    ('{"eventId": "e", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": 1}}', JSON,
     "event.troubleTicket: here a JSON object is wanted"),
]  # fmt: skip
ADDRESSES = [
    ("POST", "/hooks/line-test", "there is no such address; GET /api/v1/openapi.json"),
    ("GET", "/api/v1/nothing", "there is no such address; GET /api/v1/openapi.json"),
    ("POST", "/tmf-api/troubleTicket/v4/listener/troubleTicketExplodeEvent", "there is no such address"),
    ("GET", LISTENER, "Method Not Allowed"),
]


async def test_a_body_that_cannot_be_used(client: httpx.AsyncClient) -> None:
    for address, status in ((EVENTS, 422), (LISTENER, 400)):
        for body, headers, told in BODIES:
            answer = await client.post(ROOT + address, content=body, headers=headers)
            assert answer.status_code == status, answer.text
            assert told in text_of(answer), body


async def test_every_wrong_member_is_named_in_its_place(client: httpx.AsyncClient) -> None:
    answer = (await client.post(ROOT + EVENTS, json={})).json()
    assert [one["place"] for one in answer["errors"]] == ["eventId", "eventType", "event"]
    assert answer["remedy"] == "Correct what the message names."


async def test_a_field_that_is_not_there_and_a_word_that_is_none_are_told_what_there_is(
    client: httpx.AsyncClient,
) -> None:
    body = {"lien": "L-1", "depth": "deep"}
    call = ROOT + "/api/v1/hooks/line-test"
    for language, told in (
        (
            "en",
            [
                "write one of quick, normal, full",
                "there is no such field; GET /api/v1/openapi.json lists those that there are",
            ],
        ),
        (
            "ru",
            ["напишите одно из quick, normal, full", "такого поля нет; какие есть, говорит GET /api/v1/openapi.json"],
        ),
    ):
        answer = await client.post(call, json=body, headers={"Idempotency-Key": "k", "Accept-Language": language})
        assert {one["place"]: one["message"] for one in answer.json()["errors"]} == dict(
            zip(("depth", "lien"), told, strict=True)
        )


async def test_a_call_without_its_key_is_told_what_a_key_is(client: httpx.AsyncClient) -> None:
    answer = (await client.post(ROOT + "/api/v1/hooks/line-test", json={"line": "L-1"})).json()
    assert answer["detail"].startswith("header.Idempotency-Key: the header is missing; send Idempotency-Key: a word")
    assert answer["errors"][0]["place"] == "header.Idempotency-Key"


async def test_an_address_that_there_is_not(client: httpx.AsyncClient) -> None:
    for method, address, told in ADDRESSES:
        answer = await client.request(method, ROOT + address)
        body: dict[str, Any] = answer.json()
        assert f"{method} {address}: " in body["message"]
        assert told in body["message"]
        if address.startswith("/tmf-api/"):
            assert (body["status"], body["@type"]) == (str(answer.status_code), "Error")
        else:
            assert body["remedy"].startswith("GET /api/v1/openapi.json")
