"""A short run of schemathesis over the whole API: no 5xx, and nothing that the description does not know."""

from pathlib import Path

import pytest

from tests.api.contract import calls_in, documented_in, fuzz, prepared


@pytest.mark.timeout(240)
def test_every_call_answers_as_it_is_described(tmp_path: Path) -> None:
    server = prepared(tmp_path)
    try:
        found = fuzz(server, tmp_path, seconds=None, examples=1, seed=20260301)
        log = server.log_file.read_text(encoding="utf-8")
    finally:
        server.stop()
    assert found.status == 0, found.told
    assert calls_in(tmp_path) >= documented_in(tmp_path) > 0, "a call of each at least"
    assert "api.crashed" not in log
