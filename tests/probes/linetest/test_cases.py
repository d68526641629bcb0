"""The team's shared rows: facts in, verdict out, with every missing-data variant."""

import pytest

from tests.probes.linetest.cases import faults, row_trials, shared_rows, verdict_of
from tests.shared_data import shared

ROWS = {row["id"]: row for row in shared_rows()}


def test_the_shared_rows_are_read() -> None:
    shared("data/linetest-cases.yaml")
    assert len(ROWS) >= 98


@pytest.mark.parametrize("row_id", ROWS)
def test_row(row_id: str) -> None:
    whole, *_ = row_trials(ROWS[row_id])
    assert faults(verdict_of(whole.case), whole) == []


@pytest.mark.parametrize("row_id", ROWS)
def test_row_with_data_missing(row_id: str) -> None:
    _, *variants = row_trials(ROWS[row_id])
    assert [fault for trial in variants for fault in faults(verdict_of(trial.case), trial)] == []
