"""judge raises for no facts whatever, and for no pack that is loaded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.facts import FACTS, Fact, FactKind
from probes.linetest import judge, load_pack
from probes.linetest.form import TECHNOLOGIES
from probes.linetest.outage import binomial_tail

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = '[pack]\nid = "site"\nversion = "1"\nowner = "me"\nextends = "default"\n'


def test_a_mass_fault_that_nobody_counted_is_none(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(HEAD + '[outage.when]\nall = [{ fact = "account.state", op = "eq", value = "active" }]\n')
    facts = {"account.state": Fact("account.state", "active", NOW, "test")}
    assert judge("pon", facts, pack=load_pack(path), now=NOW, strict_gates=True).verdict == "INCONCLUSIVE"


PACK = load_pack()
EXTREMES: dict[FactKind, list[object]] = {
    FactKind.INSTANT: [
        "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
        "2025-12-31T23:00:00Z", "1970-01-01",
    ],
    FactKind.NUMBER: [10**400, -(10**400), 1e308, -1e308, float("inf"), float("nan"), 5e-324, -0.0, 0, 1, -27.0],
    FactKind.COUNT: [10**400, 10**18, 4097, 1031, 500, 1, 0, -1, 2.0],
    FactKind.FLAG: [True, False],
    FactKind.TEXT: ["", "\x00", "{ont.rx_dbm}", "x" * 10_000, "none"],
}  # fmt: skip
MOMENTS = [
    NOW,
    NOW - timedelta(minutes=4),
    datetime.max.replace(tzinfo=UTC),
    datetime.min.replace(tzinfo=UTC),
]
SIBLINGS = ("ont.run_state", "ont.last_down_at", "ticket.opened_at", "cpe.reachable", "sib.n", "sib.others_down_window")


@st.composite
def extreme_facts(draw: st.DrawFn) -> dict[str, Fact]:
    out = {}
    for name in {*SIBLINGS, *draw(st.lists(st.sampled_from(sorted(FACTS)), max_size=40))}:
        spec = FACTS[name]
        value = draw(st.sampled_from(list(spec.values) or EXTREMES[spec.kind]))
        out[name] = Fact(name, value, draw(st.sampled_from(MOMENTS)), "test")  # type: ignore[arg-type]
    return out


@settings(max_examples=300, deadline=None)
@given(extreme_facts(), st.sampled_from(TECHNOLOGIES), st.booleans())
def test_extreme_facts_have_a_verdict(facts: dict[str, Fact], technology: str, strict: bool) -> None:
    said = judge(technology, facts, pack=PACK, now=NOW, strict_gates=strict)
    assert said.due_at <= NOW + timedelta(hours=PACK.file.engine.due_h)
    assert said.to_json()["cause"]


@pytest.mark.parametrize("opened", ["9999-12-31T23:59:59Z", "2199-01-01T00:00:00Z"])
def test_a_ticket_from_the_future_is_due_as_one_of_now(opened: str) -> None:
    facts = {"ticket.opened_at": Fact("ticket.opened_at", opened, NOW, "test")}
    said = judge("pon", facts, pack=PACK, now=NOW, strict_gates=True)
    assert said.due_at == NOW + timedelta(hours=PACK.file.engine.due_h)


def test_the_tail_of_thousands_goes_on_from_that_of_hundreds() -> None:
    near = binomial_tail(256, 8, 0.003)
    assert binomial_tail(257, 8, 0.003) == pytest.approx(near, rel=0.05)
    assert binomial_tail(4096, 30, 0.003) == pytest.approx(1.3237e-5, rel=1e-3)
    assert (binomial_tail(5000, 0, 0.1), binomial_tail(5000, 5001, 0.1)) == (1.0, 0.0)
