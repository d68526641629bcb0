"""Logs are JSON lines, and secrets never get into them."""

import asyncio
import io
import json
from collections.abc import Iterator

import pytest
import structlog

from acs import log
from tests.conftest import plain_logs


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    yield stream
    structlog.reset_defaults()
    plain_logs()


def test_a_secret_field_is_hidden_and_the_rest_is_json(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    log.configure("info", stream)
    structlog.get_logger().info("thing.happened", password="p", enrol_secret="q", device="d", Cookie="c")
    structlog.get_logger().debug("thing.ignored")
    (line,) = stream.getvalue().splitlines()
    entry = json.loads(line)
    assert entry["event"] == "thing.happened"
    assert entry["device"] == "d"
    assert {entry["password"], entry["enrol_secret"], entry["Cookie"]} == {log.HIDDEN}


async def test_small_lines_wait_for_each_other_and_a_warning_takes_them_along(
    stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    log.configure("info", stream)
    logger = structlog.get_logger()
    logger.info("first.happened")
    logger.info("second.happened")
    assert not stream.getvalue()
    logger.warning("third.happened")
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events == ["first.happened", "second.happened", "third.happened"]
    logger.info("fourth.happened")
    await asyncio.sleep(log.FLUSH_S * 1.5)
    assert "fourth" in stream.getvalue()
    assert stream.getvalue().endswith("\n")


async def test_lines_that_come_in_a_flood_do_not_pile_up(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logging.basicConfig", lambda **_: None)
    log.configure("info", stream)
    for n in range(log.WAITING):
        structlog.get_logger().info("thing.happened", n=n)
    assert len(stream.getvalue().splitlines()) == log.WAITING
