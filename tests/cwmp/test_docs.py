"""The page on CWMP has a row for every state that a session can be in."""

from pathlib import Path

from acs.cwmp.session import State

PAGE = (Path(__file__).parents[2] / "docs" / "cwmp.md").read_text(encoding="utf-8")


def test_every_state_but_the_end_has_its_row() -> None:
    assert [state for state in State if state is not State.ENDED and f"| {state} |" not in PAGE] == []
