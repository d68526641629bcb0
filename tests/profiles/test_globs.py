"""Texts against patterns: any case, `*` at will; no patterns are no condition."""

import pytest

from acs.profiles.globs import like, none_or_like, tagged


@pytest.mark.parametrize(
    ("text", "patterns", "fits"),
    [("V5.1", ("v5*",), True), ("V5.1", ("v6*", "*.1"), True), ("V5.1", ("v6*",), False), ("V5.1", (), False)],
)
def test_a_text_is_like_one_of_the_patterns_in_any_case(text: str, patterns: tuple[str, ...], fits: bool) -> None:
    assert like(text, patterns) is fits
    assert none_or_like((text,), patterns) is (fits or not patterns)


def test_nothing_said_fits_no_pattern_but_needs_none() -> None:
    assert none_or_like((), ())
    assert not none_or_like((), ("*",))


@pytest.mark.parametrize(
    ("wanted", "unwanted", "fits"),
    [((), (), True), (("vip",), (), True), (("v*", "pilot"), (), False), ((), ("p*",), True), ((), ("v*",), False)],
)
def test_tags_that_must_be_there_and_tags_that_must_not(
    wanted: tuple[str, ...], unwanted: tuple[str, ...], fits: bool
) -> None:
    assert tagged({"VIP", "north"}, wanted, unwanted) is fits
