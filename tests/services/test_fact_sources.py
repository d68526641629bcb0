"""Every fact that rules and the acceptance table ask for has a source, or stands in the table of who tells it."""

import re
from pathlib import Path

import pytest
import yaml

from acs.profiles.schema import load_profiles
from acs.services.fact_sources import OWN, gathered, tellers
from probes.facts import FACTS
from probes.linetest.pack_files import load_tree
from tests.shared_data import shared

ROOT = Path(__file__).parents[2]
GATHERED = gathered(load_profiles())
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)?")


def _named_in(value: object) -> set[str]:
    """The facts that a tree of values names, in keys and in texts."""
    if isinstance(value, dict):
        return {str(key) for key in value if key in FACTS}.union(*(_named_in(one) for one in value.values()), set())
    if isinstance(value, list | tuple):
        return set().union(*map(_named_in, value), set())
    return {name for name in _NAME.findall(value) if name in FACTS} if isinstance(value, str) else set()


def asked_by_the_pack() -> set[str]:
    return _named_in(load_tree(None))


def test_every_fact_of_the_rules_has_a_source_or_a_teller() -> None:
    asked = asked_by_the_pack()
    assert {"ping.df_1472_ok", "dns.operator_ok", "ont.rx_slope_db_day", "account.state"} <= asked
    assert asked - GATHERED - set(tellers()) == set(), "gather it, or say in told_facts.toml who tells it"


def test_every_fact_of_the_acceptance_table_has_one_too() -> None:
    rows = yaml.safe_load(shared("data/linetest-cases.yaml").read_text("utf-8"))
    facts = {name for row in rows for name in _named_in(row) if "." in name}
    assert len(facts) > 150
    assert facts - GATHERED - set(tellers()) == set()


def test_what_is_gathered_is_not_said_to_be_told_by_others_only() -> None:
    assert set(tellers()) & GATHERED == set()
    assert set(tellers()) <= FACTS.keys()


def test_every_teller_has_words_in_both_languages() -> None:
    for name, teller in tellers().items():
        assert teller.by.keys() == teller.why.keys() == {"ru", "en"}, name
        assert re.search("[а-я]", teller.by["ru"]) and not re.search("[а-я]", teller.by["en"] + teller.why["en"]), name


@pytest.mark.parametrize("module", sorted(OWN))
def test_a_module_says_the_facts_that_it_is_listed_with(module: str) -> None:
    text = (ROOT / module).read_text("utf-8")
    assert [name for name in OWN[module] if f'"{name}"' not in text] == []
