"""The page on CWMP lists every fault code, event, quirk and state that the code knows."""

from pathlib import Path

from acs.cwmp.events import EVENTS
from acs.cwmp.faults import FAULTS
from acs.cwmp.quirks import QUIRKS
from acs.cwmp.session import State

PAGE = (Path(__file__).parents[2] / "docs" / "cwmp.md").read_text(encoding="utf-8")


def test_every_fault_code_is_documented() -> None:
    assert [code for code, info in FAULTS.items() if f"| {code} | {info.en} |" not in PAGE] == []


def test_every_event_is_documented() -> None:
    assert [code for code in EVENTS if f"| `{code}` |" not in PAGE] == []


def test_every_quirk_is_documented_as_it_is_described() -> None:
    assert [quirk for quirk, info in QUIRKS.items() if f"| `{quirk}` | {info.description} |" not in PAGE] == []


def test_every_state_but_the_end_has_its_row() -> None:
    assert [state for state in State if state is not State.ENDED and f"| {state} |" not in PAGE] == []
