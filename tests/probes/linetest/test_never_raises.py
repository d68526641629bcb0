"""judge raises for no facts whatever, and for no pack that is loaded."""

from datetime import UTC, datetime
from pathlib import Path

from probes.facts import Fact
from probes.linetest import judge, load_pack

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = '[pack]\nid = "site"\nversion = "1"\nowner = "me"\nextends = "default"\n'


def test_a_mass_fault_that_nobody_counted_is_none(tmp_path: Path) -> None:
    path = tmp_path / "site.toml"
    path.write_text(HEAD + '[outage.when]\nall = [{ fact = "account.state", op = "eq", value = "active" }]\n')
    facts = {"account.state": Fact("account.state", "active", NOW, "test")}
    assert judge("pon", facts, pack=load_pack(path), now=NOW, strict_gates=True).verdict == "INCONCLUSIVE"
