"""The card of a verdict."""

from typing import Any

from cli import texts
from cli.card import card, duration, evidence, reason, style

VERDICT: dict[str, Any] = {
    "verdict": "DISPATCH_HOME",
    "cause": "low_rx_single",
    "title": {"ru": "Слабый сигнал", "en": "Low light"},
    "location": "drop",
    "posterior": 0.93,
    "runner_up": {"cause": "high_ber", "posterior": 0.04},
    "evidence": [
        {
            "fact": "ont.rx_dbm",
            "value": -28.1,
            "unit": "dBm",
            "points": 12,
            "age_s": 75,
            "norms": {"ru": "−25 … −8 дБм", "en": "−25 … −8 dBm"},
            "source": "olt-1",
        }
    ],
    "not_measured": [f"stb.fact_{number}" for number in range(20)],
    "text": {"ru": "Сигнал слаб.", "en": "The light is low."},
    "script": {"ru": "Выезд.", "en": "Send a technician."},
    "parts": ["patch cord"],
    "queue": "l3-home",
    "due_at": "2026-03-12T18:32:00Z",
    "needs_human": True,
    "human_reasons": ["gate_unknown:incident.match"],
    "secondary": [{"cause": "wifi_weak", "title": {"ru": "Слабый Wi-Fi", "en": "Weak Wi-Fi"}}],
}
TEST = {
    "facts": {
        "facts": [
            {"name": "ont.run_state", "value": "online", "unit": "", "age_s": 2, "source": "olt-1", "quality": "ok"},
            {"name": "bras.session", "value": "up", "unit": "", "age_s": 9, "source": "aaa", "quality": "stale"},
            {"name": "ping.loss_pct", "value": 0, "unit": "%", "age_s": 3, "source": "ping", "quality": "ok"},
            {"name": "sib.down_ratio", "value": 0.0, "unit": "", "age_s": 3, "source": "olt", "quality": "ok"},
        ]
    }
}


def test_a_card_says_what_where_how_sure_why_what_is_missing_and_what_next() -> None:
    text = "\n".join(card(VERDICT, TEST))
    for words in (
        "DISPATCH_HOME",
        "Low light (low_rx_single)",
        "(drop)",
        "93%",
        "high_ber 4%",
        "-28.1 dBm, norm −25 … −8 dBm, olt-1, 1 min ago",
        "and 12 more",
        "Send a technician.",
        "patch cord",
        "l3-home",
        "2026-03-12 18:32",
        "unknown: ",
        "Weak Wi-Fi",
    ):
        assert words in text, words


def test_short_evidence_is_filled_up_with_what_is_fresh() -> None:
    lines = evidence(VERDICT, {fact["name"]: fact for fact in TEST["facts"]["facts"]})
    assert len(lines) == 3
    assert not any("aaa" in line for line in lines)


def test_a_card_in_russian() -> None:
    texts.choose("ru")
    text = "\n".join(card(VERDICT, TEST))
    assert "Слабый сигнал" in text and "выезд в квартиру" in text and "абонентский кабель" in text


def test_without_a_verdict_the_card_says_why() -> None:
    assert card({}, {"detail": "the store is full"}) == ["No verdict: the store is full"]


def test_small_things() -> None:
    assert [duration(seconds) for seconds in (0, 59, 60, 7200, 200_000)] == ["0 s", "59 s", "1 min", "2 h", "2 d"]
    assert style({"verdict": "NFF"}) == "green" and style({"verdict": "DISPATCH_LINE"}) == "red"
    assert reason("something") == "something"
