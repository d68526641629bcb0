"""The usual light of lines is read once a minute, and looked for again where there is none."""

from datetime import timedelta
from typing import Any

import pytest

from acs.services import usual_levels
from acs.services.usual_levels import UsualLevels
from tests.services.test_path_sources import NOW


async def test_it_is_read_once_a_minute_and_what_is_missing_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []
    stored = {"a": -20.0, "b": -21.0}

    async def baselines(_: Any, lines: list[str], name: str, now: object) -> dict[str, float]:
        assert (name, now is not None) == ("ont.rx_dbm", True)
        asked.append(lines)
        return {line: stored[line] for line in lines if line in stored}

    monkeypatch.setattr(usual_levels, "baselines", baselines)
    usual, tx = UsualLevels("ont.rx_dbm"), None
    assert await usual.of(tx, ["a", "b", "c"], NOW) == stored  # type: ignore[arg-type] # baselines are told
    stored["c"] = -22.0
    assert await usual.of(tx, ["a", "b", "c"], NOW + timedelta(seconds=59)) == stored  # type: ignore[arg-type]
    stored["a"] = -25.0
    assert await usual.of(tx, ["a"], NOW + timedelta(seconds=60)) == {"a": -25.0}  # type: ignore[arg-type]
    set_back = NOW - timedelta(days=1)
    assert await usual.of(tx, ["a"], set_back) == {"a": -25.0}  # type: ignore[arg-type]
    assert asked == [["a", "b", "c"], ["c"], ["a"], ["a"]], "a clock that was set back keeps nothing for a day"
