"""What a support lead reads: why it was decided, what would decide otherwise, who was silent, words for codes."""

from collections.abc import Iterator
from typing import Any

import pytest

from cli.card import card, confidence, evidence_line
from cli.explained import condition, decided_by, explained
from cli.line import progress_text
from cli.texts import choose
from cli.value_words import WORDS, worded
from probes.facts import FACTS

VERDICT = {"verdict": "INCONCLUSIVE", "cause": "not_determined", "pack": {"id": "p", "version": "1", "hash": "h"}}


@pytest.fixture(params=["en", "ru"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each language, and English again afterwards."""
    yield choose(str(request.param))
    choose("en")


@pytest.fixture
def russian() -> Iterator[None]:
    choose("ru")
    yield
    choose("en")


def flip(verdict: str, posterior: float, fact: str = "led.los") -> dict[str, Any]:
    return {"fact": fact, "is": None, "if": "red", "verdict": verdict, "cause": "drop", "posterior": posterior}


def lines(flips: list[dict[str, Any]]) -> list[str]:
    told = {"verdict": VERDICT, "decided_by": "decided by score: x", "cards": [], "missing": [], "flips": flips}
    return explained(told)


def test_what_would_decide_otherwise_comes_first() -> None:
    choose("en")
    told = lines([flip("INCONCLUSIVE", 0.99), flip("NFF", 0.6), flip("DISPATCH_HOME", 0.9)])
    assert told[-3:] == [
        "  led.los = red (now: not measured) → DISPATCH_HOME (drop, 90%)",
        "  led.los = red (now: not measured) → NFF (drop, 60%)",
        "  led.los = red (now: not measured) → INCONCLUSIVE",
    ]


def test_what_is_left_out_is_counted() -> None:
    choose("en")
    assert lines([flip("NFF", 0.5)] * 15)[-1] == "  and 3 more (--json has all)"


@pytest.mark.parametrize(
    ("line", "english", "russian"),
    [
        ("decided by score: nff", "Decided by the sums", "Решено суммами"),
        (
            "decided by gate: account_blocked",
            "Decided by a gate, before all sums",
            "Решено правилом, которое стоит до всех сумм",
        ),
        (
            "decided by score: not_determined (too little speaks for tp_cut)",
            "Decided by the sums: too little speaks for tp_cut",
            "Решено суммами: слишком мало говорит за tp_cut",
        ),
        (
            "decided by score: not_determined (tp_cut may not be said without sw.subs_n, tdr.result)",
            "Decided by the sums: tp_cut may not be said without sw.subs_n, tdr.result",
            "Решено суммами: tp_cut нельзя назвать без sw.subs_n, tdr.result",
        ),
        ("of another release", "of another release", "of another release"),
    ],
    ids=["score", "gate", "little", "needs", "unknown"],
)
def test_how_it_was_decided_is_said_in_the_language(line: str, english: str, russian: str) -> None:
    for language, expected in (("en", english), ("ru", russian)):
        choose(language)
        assert decided_by(line) == expected
    choose("en")


@pytest.mark.parametrize(
    ("text", "russian"),
    [
        ("ont.rx_dbm < -27", "ont.rx_dbm < -27"),
        ("bras.session was not measured", "не измерено: bras.session"),
        (
            "(olt.reachable = no and (cpe.reachable = yes or @light_margin_db was measured))",
            "(olt.reachable = нет и (cpe.reachable = да или измерено: @light_margin_db))",
        ),
        ("dhcp.status in Bound, Renewing", "dhcp.status — одно из Bound, Renewing"),
        ("ont.tx_dbm between 0.5, 5", "ont.tx_dbm — между 0.5, 5"),
    ],
)
def test_a_condition_is_read_in_the_language_and_agrees_with_no_name(text: str, russian: str) -> None:
    for language, expected in (("en", text), ("ru", russian)):
        choose(language)
        assert condition(text) == expected
    choose("en")


def test_a_code_has_its_word_and_stays_beside_it(russian: None) -> None:
    assert worded("dgi") == "потеря питания (dgi)" and worded("HWTC") == "HWTC"
    row = {"fact": "ont.last_down_cause", "value": "dgi", "source": "olt-1", "age_s": 5}
    assert evidence_line(row, {}) == "Причина последнего падения: потеря питания (dgi), olt-1, 5 с назад"
    choose("en")
    assert (worded("blocked"), worded("dgi")) == ("blocked", "loss of power (dgi)")


def test_words_are_of_codes_that_facts_have() -> None:
    codes = {value for spec in FACTS.values() for value in spec.values}
    causes = {"dgi", "los", "losi", "lofi", "sfi", "rogue"}  # of ont.last_down_cause, whose codes are open
    assert set(WORDS) <= codes | causes


def test_a_runner_up_of_nothing_is_not_named() -> None:
    choose("en")
    said = {"verdict": "NFF", "posterior": 0.98, "runner_up": {"cause": "drop", "posterior": 0.002}}
    assert confidence(said) == "98%"
    assert confidence(said | {"runner_up": {"cause": "drop", "posterior": 0.02}}) == "98%; next: drop 2%"


def test_who_was_silent_and_who_would_have_to_tell_it_stand_below_what_is_missing(language: str) -> None:
    unmeasured = [
        {"fact": "sib.n", "because": "late", "source": "access", "problem": "no answer within 8 s", "by": None},
        {"fact": "sib.up", "because": "late", "source": "access", "problem": "no answer within 8 s", "by": None},
        {"fact": "radius.last", "because": "told", "source": "", "problem": "", "by": {"ru": "ААА", "en": "AAA"}},
        {"fact": "ont.rx_dbm", "because": "stale", "source": "olt", "problem": "", "by": None},
    ]
    verdict = VERDICT | {"location": "unknown", "not_measured": ["sib.n", "sib.up", "radius.last", "ont.rx_dbm"]}
    told = card(verdict, {"facts": {"facts": [], "unmeasured": unmeasured}})
    beneath = [line for line in told if line.startswith("  • ")]
    expected = {
        "en": [
            "  • access node: no answer in time (no answer within 8 s): "
            "ONTs on the same port or splitter, Of them online",
            "  • only other systems tell it (AAA): Last RADIUS answer",
        ],
        "ru": [
            "  • узел доступа: не успел ответить (no answer within 8 s): Терминалов на том же дереве, Из них в сети",
            "  • сообщают только другие системы (ААА): Последний ответ RADIUS",
        ],
    }
    assert beneath == expected[language]


def test_a_connection_request_in_vain_is_told_as_everywhere(russian: None) -> None:
    problem = "http refused 12 ms: там никто не слушает: CPE выключен или его URL устарел"
    silent = {"fact": "ont.rx_dbm", "because": "failed", "source": "cpe-live", "problem": problem, "by": None}
    verdict = {"verdict": "NFF", "not_measured": ["ont.rx_dbm"]}
    told = "\n".join(card(verdict, {"facts": {"facts": [], "unmeasured": [silent]}}))
    assert "HTTP, 12 ms: " in told and "http refused" not in told
    shown = progress_text({"data": {"name": "cpe-live", "state": "failed", "problem": problem}})
    assert "HTTP, 12 ms: " in shown and "http refused" not in shown
