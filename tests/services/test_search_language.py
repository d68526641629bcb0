"""The language of searches: what a query wants, and what is refused with which words."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.errors import InvalidInput
from acs.services.search_language import groups_in, parse
from acs.store.instants import micros
from acs.store.search_terms import All, Between, Either, Has, How, Not, Number, Phrase, Since, Word, in_order

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_the_usual_query() -> None:
    wanted = parse('model:HG8245 rx<-25 fw!=V5R019 tag:vip "Lenina 5"', NOW)
    low = "v0000000005r0000000019"
    assert wanted == All(
        (
            Word(("model",), How.BEGINS, "hg8245"),
            Number("rx", "<", -25.0),
            Not(Between("fw<", low, low + "\U0010ffff")),
            Word(("tag",), How.EXACT, "vip"),
            Phrase(" lenina 5 "),
        )
    )


def test_or_binds_closer_than_standing_side_by_side() -> None:
    a, b, c = (parse(f"tag:{name}", NOW) for name in "abc")
    assert parse("tag:a tag:b OR tag:c", NOW) == All((a, Either((b, c))))
    assert parse("(tag:a tag:b) OR tag:c", NOW) == Either((All((a, b)), c))
    assert parse("tag:a AND NOT tag:b -tag:c", NOW) == All((a, Not(b), Not(c)))


def test_a_mac_and_an_address_are_words_though_they_hold_colons() -> None:
    for text, short in (("AC:DE:48:00:11:22", "acde48001122"), ("acde.4800.1122", "acde48001122")):
        wanted = parse(text, NOW)
        assert isinstance(wanted, Either)
        assert any(isinstance(way, Word) and way.text == short for way in wanted.parts)
    assert parse("mac:AC-DE-48*", NOW) == Word(("mac",), How.BEGINS, "acde48")
    assert isinstance(parse("fe80::1", NOW), Either)


def test_versions_are_ordered_by_their_numbers() -> None:
    versions = ["V5R9", "V5R019C00S100", "V5R019C00S125", "V5R20", "V10R1"]
    assert sorted(versions, key=in_order) == versions
    below = parse("fw<V5R020", NOW)
    assert isinstance(below, Between)
    assert [below.low <= in_order(each) < below.high for each in versions] == [True, True, True, False, False]


def test_ages_are_instants() -> None:
    assert parse("seen<1h", NOW) == Since("last_inform_at", ">", micros(NOW - timedelta(hours=1)))
    assert parse("boot>=7d", NOW) == Since("last_boot_at", "<=", micros(NOW - timedelta(days=7)))


def test_groups_mean_what_they_were_saved_as() -> None:
    groups = {"weak": "rx<-25 tag:a", "worse": "group:weak rx<-28"}
    weak = All((Number("rx", "<", -25.0), Word(("tag",), How.EXACT, "a")))
    assert parse("group:worse has:line", NOW, groups) == All((All((weak, Number("rx", "<", -28.0))), Has("line")))
    assert groups_in('group:Weak x -group:"b c" vendorgroup:z') == {"weak", "b c"}


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("modle:x", "character 1: there is no field 'modle'; did you mean model?"),
        ("a rx<abc", "character 3: rx is a number; 'abc' is none"),
        ("rx<nan", "rx is a number"),
        ('"x', "a quotation mark has no partner"),
        ("(a", "a ( is not closed"),
        ("a)", "a ) has no ( before it"),
        ("OR a", "OR has nothing before it"),
        ("a OR", "a term is missing here"),
        ("NOT", "a term is missing here"),
        ("model<x", "model is a text, and < compares numbers"),
        ("seen:1h", "seen is how long ago; write seen<15m"),
        ("seen<1y", "seen is how long ago"),
        ("seen>999999999w", "before all time"),
        ("has:wifi", "write has:device or has:line"),
        ("group:none", "there is no group 'none'"),
        ("model:", "has no value"),
        ("--", "no letter and no digit"),
        ("(" * 20 + "a" + ")" * 20, "brackets stand 11 deep"),
        ("a " * 61, "more than 60 terms"),
        ("x" * 1001, "1001 characters"),
    ],
)
def test_what_is_refused_says_where_and_what_to_write(query: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse(query, NOW)
    assert told in str(refused.value)


def test_a_group_that_names_itself_is_refused() -> None:
    with pytest.raises(InvalidInput, match="group a names itself, through a → b"):
        parse("group:a", NOW, {"a": "group:b", "b": "group:a"})


@given(st.text(max_size=60))
def test_any_text_is_understood_or_refused(query: str) -> None:
    try:
        parse(query, NOW)
    except InvalidInput as error:
        assert str(error).startswith("query")
