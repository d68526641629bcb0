"""The same line behind another vendor's OLT: in its codes and scales, read by its profile, it gets the same verdict."""

from datetime import UTC

import pytest

from probes.facts import Fact
from probes.linetest.cases import Case
from probes.profiles.columns import EnumColumn, NumberColumn, RangedColumn
from probes.profiles.schema import AccessProfile, load_profiles
from tests.probes.linetest.cases import Trial, own_trials, row_trials, shared_rows, verdict_of

VENDORS = {name: load_profiles()[name] for name in ("huawei-smartax", "zte-c300", "bdcom-gpon")}
TRIALS = [
    trial
    for trial in (*own_trials(), *(row_trials(row)[0] for row in shared_rows()))
    if trial.case.technology == "pon" and trial.case.facts.keys() & {"ont.run_state", "ont.rx_dbm", "ont.olt_rx_dbm"}
]
SWAPPED = ("ont.run_state", "ont.last_down_cause", "ont.rx_dbm", "ont.tx_dbm", "ont.olt_rx_dbm")


def raw_of(column: object, value: object) -> int | None:
    """What this vendor would tell for a value; None where it has no word for it."""
    if isinstance(column, EnumColumn):
        return next((int(code) for code, meaning in column.values.items() if meaning == value), None)
    if not isinstance(value, int | float):
        return None
    if isinstance(column, NumberColumn):
        number = round((value - column.offset) / column.scale)
        return number if number >= 0 or column.bits is None else number + (1 << column.bits)
    if isinstance(column, RangedColumn):
        for one in sorted(column.ranges, key=lambda each: each.scale):
            number = round((value - column.offset) / one.scale)
            if one.least <= number <= one.most:
                return number
    return None


def behind(profile: AccessProfile, case: Case) -> dict[str, Fact]:
    """The facts of a case as this vendor's OLT tells them, and our profile reads them."""
    told = dict(case.facts)
    for column in profile.columns.values():
        fact = case.facts.get(column.fact) if column.fact in SWAPPED else None
        raw = raw_of(column, fact.value) if fact is not None else None
        if fact is not None and raw is not None:
            decoded = column.decoded(raw, UTC)
            told[fact.name] = Fact(fact.name, decoded.value, fact.at, fact.source)
    return told


def test_each_vendor_has_words_of_its_own() -> None:
    codes = {name: raw_of(one.columns["last_down_cause"], "dgi") for name, one in VENDORS.items()}
    light = {name: raw_of(one.columns["rx"], -21.5) for name, one in VENDORS.items()}
    assert len(set(codes.values())) == 3 and len(set(light.values())) == 3


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_same_line_gets_the_same_verdict(vendor: str) -> None:
    other = {}
    for trial in TRIALS:
        if (found := _said(trial, behind(VENDORS[vendor], trial.case))) != (whole := _said(trial, trial.case.facts)):
            other[trial.name] = (whole, found)
    assert other == {}


def _said(trial: Trial, facts: object) -> tuple[str, str, str]:
    verdict = verdict_of(trial.case, facts)  # type: ignore[arg-type]
    return verdict.verdict.value, verdict.cause, verdict.location
