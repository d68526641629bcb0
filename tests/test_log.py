"""Logs are JSON lines, and secrets never get into them."""

import io
import json
from collections.abc import Iterator

import pytest
import structlog

from acs import log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    yield stream
    structlog.reset_defaults()


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
