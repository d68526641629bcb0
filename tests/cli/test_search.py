"""What the shell hands over as one word: plain words are a phrase, a query stays a query."""

import pytest

from cli.search import _quoted


@pytest.mark.parametrize("words", ["Lenina 5", "ул. Ленина 5", "Brest-Litovsk 12 - 3", "ORION 7"])
def test_plain_words_are_looked_for_as_they_stand(words: str) -> None:
    assert _quoted(words) == f'"{words}"'


@pytest.mark.parametrize(
    "query",
    [
        "rx<-25",
        "rx<-25 OR rx<-22",
        "NOT rx<-25",
        "Lenina OR Gagarina",
        "Lenina -Gagarina",
        "fw!=V5R019 temp>40",
        "model:HG8245 rx<-25",
        '"Lenina 5" vip',
        "(a b)",
    ],
)
def test_a_query_in_one_argument_stays_a_query(query: str) -> None:
    assert _quoted(query) == query
