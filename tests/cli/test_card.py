"""The card of a verdict."""

from typing import Any

import pytest

from cli import output, texts
from cli.card import card, duration, evidence, evidence_line, measured, reason, style

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
        "−28.1 dBm, norm −25 … −8 dBm, olt-1, 1 min ago",
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
    assert "Материалы: патч-корд" in text
    assert "Слабый сигнал" in text and "выезд в квартиру" in text and "абонентский кабель" in text


def test_without_a_verdict_the_card_says_why() -> None:
    assert card({}, {"detail": "the store is full"}) == ["No verdict: the store is full"]


def test_small_things() -> None:
    assert [duration(seconds) for seconds in (0, 59, 60, 7200, 200_000)] == ["0 s", "59 s", "1 min", "2 h", "2 d"]
    assert style({"verdict": "NFF"}) == "green" and style({"verdict": "DISPATCH_LINE"}) == "red"
    assert reason("something") == "something"


@pytest.mark.parametrize(
    ("verdict", "colour"),
    [
        ({"verdict": "NFF", "cause": "nff"}, "green"),
        ({"verdict": "NFF", "cause": "nff", "needs_human": True}, "yellow"),
        ({"verdict": "MONITOR_24H", "cause": "repeat_green"}, "green"),
        ({"verdict": "MONITOR_24H", "cause": "restored_unmeasured"}, "yellow"),
    ],
)
def test_a_card_is_green_only_where_nothing_is_left_to_see(verdict: dict[str, Any], colour: str) -> None:
    assert style(verdict) == colour


def test_a_healthy_line_has_no_place_and_an_open_question_says_that_it_is_not_known() -> None:
    healthy = {**VERDICT, "verdict": "NFF", "cause": "nff", "location": "unknown"}
    assert not any(line.startswith("Where:") for line in card(healthy))
    assert "Where: not known" in card({**healthy, "verdict": "INCONCLUSIVE"})


def test_a_person_reads_what_to_do_before_the_name_of_the_action_and_the_name_of_the_rival() -> None:
    verdict = {**VERDICT, "action": "reboot_cpe"}
    verdict["runner_up"] = {"cause": "high_ber", "title": {"ru": "Ошибки", "en": "Bit errors"}, "posterior": 0.04}
    lines = card(verdict)
    assert "Next step: Send a technician. (reboot_cpe)" in lines
    assert "Confidence: 93%; next: Bit errors (high_ber) 4%" in lines


def test_values_are_written_as_people_write_them() -> None:
    assert measured(3_053_903, "s") == "35 d" and measured(0.065, "") == "0.065" and measured(True, "") == "yes"
    assert measured(12_345_678, "B") == "12345678 B"
    texts.choose("ru")
    assert measured(-28.1, "dBm") == "−28,1 дБм" and measured(False, "") == "нет"


def test_a_norm_is_said_in_the_words_of_its_value() -> None:
    texts.choose("ru")
    row = {"fact": "ont.run_state", "value": "offline", "norms": {"ru": "online", "en": "online"}, "source": "olt-1"}
    assert evidence_line(row, {}) == "Терминал в сети: не в сети (offline), норма в сети, olt-1"
    lamp = {"fact": "led.power", "value": "on", "norms": {"ru": "горит", "en": "on"}, "source": "ticket 7"}
    assert evidence_line(lamp, {}) == "Индикатор POWER (со слов абонента): вкл. (on), норма горит, ticket 7"


def test_a_card_without_evidence_has_no_heading_for_it() -> None:
    assert "Evidence:" in card(VERDICT)
    assert "Evidence:" not in card({**VERDICT, "evidence": []})


def test_what_goes_on_after_a_bullet_stands_under_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_card("Line", ["Evidence:", "  • " + "light " * 40, "[words] that no markup takes away"])
    rows = [row.strip("│ \n") and row[2:] for row in capsys.readouterr().out.splitlines()[1:-1]]
    assert [row[: row.index(row.strip())] for row in rows] == ["", "  ", "    ", "    ", ""]
    assert rows[1].startswith("  • light") and rows[2].startswith("    light") and rows[-1].startswith("[words]")
