"""What a person reads of connection requests, in both languages."""

import pytest

from acs.services.waking.methods import Result
from cli import texts
from cli.connection_request import RESULTS, detail_of, told
from cli.operation import step_text


@pytest.fixture
def russian() -> object:
    texts.choose("ru")
    yield None
    texts.choose("en")


def test_every_code_has_its_words() -> None:
    assert set(RESULTS) == {result.value for result in Result}


def test_english_shows_the_server_s_own_words() -> None:
    line = "http timed_out 10002 ms: http://192.0.2.1:7547/ did not answer within 10 s: the device is off"
    assert detail_of(line) == "HTTP, 10002 ms: http://192.0.2.1:7547/ did not answer within 10 s: the device is off"
    assert detail_of("anything else") == "anything else"
    assert detail_of("http some_day 1 ms: of a newer server") == "http some_day 1 ms: of a newer server"


def test_russian_explains_the_code(russian: object) -> None:
    step = {
        "at": "2026-03-05T12:00:00Z", "name": "connection_request_failed",
        "detail": "http nat 0 ms: http://192.168.1.1/ was not called",
    }  # fmt: skip
    assert "CPE за NAT" in step_text(step)
    assert "HTTP, 0 ms" in step_text(step)
    assert told({"result": "no_url"}, "").startswith("CPE не сообщил")
