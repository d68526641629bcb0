"""The card and the plot on the screen: what is stale, missing or unproven is said; both languages; JSON as it came."""

from typing import Any

import pytest

from cli import texts
from cli.chart import draw
from cli.device_card import print_device_card
from tests.cli.conftest import Running

TITLE = {"ru": "Свет", "en": "Light"}


def value(name: str, state: str = "ok", **more: Any) -> dict[str, Any]:
    base = {
        "name": name, "title": {"ru": f"{name} ру", "en": f"{name} en"}, "value": 7, "unit": "dBm", "state": state,
        "at": "2026-03-05T12:00:00+00:00", "age_s": 90.0, "source": "cpe", "raw": None, "note": "",
    }  # fmt: skip
    return base | more


def card(**more: Any) -> dict[str, Any]:
    cell = {"value": True, "state": "ok", "at": "2026-03-05T12:00:00+00:00", "age_s": 90.0, "raw": None}
    ports = {
        "name": "ports", "title": {"ru": "Порты", "en": "Ports"}, "state": "ok",
        "columns": [
            {"name": "link", "title": {"ru": "Связь", "en": "Link"}, "unit": "", "state": "ok"},
            {"name": "crc_errors", "title": {"ru": "CRC", "en": "CRC errors"}, "unit": "", "state": "not_reported"},
        ],
        "rows": [{"path": "P.1", "source": "cpe", "cells": {"link": cell}}],
    }  # fmt: skip
    hosts = {**ports, "name": "hosts", "title": {"ru": "Хосты", "en": "Hosts"}, "columns": [], "rows": []}
    values = [
        value("fresh"),
        value("old", "stale", age_s=90_000.0),
        value("odd", "unreadable", value=None, raw="--"),
        value("never", "not_reported", value=None, at=None, age_s=None),
        value("later", "not_read", value=None, at=None, age_s=None),
    ]
    health = {
        "name": "health",
        "title": {"ru": "Состояние", "en": "Health"},
        "values": values,
        "tables": [ports, hosts],
    }
    return {
        "device": "K-1", "kind": "ont", "line": None, "profile": "p", "profile_title": "Some boxes", "proven": True,
        "unknown": [], "read_at": None, "defects": [], "defects_reviewed": None,
        "reboots": [
            {
                "at": "2026-03-05T12:00:00+00:00", "cause": "asked", "by": "anna", "reason": "slow", "operation": "1",
                "events": [],
            }
        ],
        "sections": [health],
    } | more  # fmt: skip


def test_a_card_says_what_is_stale_unreadable_and_missing(capsys: pytest.CaptureFixture[str]) -> None:
    print_device_card(card())
    shown = capsys.readouterr().out
    assert "fresh en" in shown and "7 dBm" in shown and "2 min ago" in shown
    assert "1 d ago, stale" in shown
    assert "unreadable: --" in shown
    assert "Not reported by this model: never en, Ports: CRC errors" in shown
    assert "Not read yet: later en" in shown
    assert "Hosts: none" in shown
    assert "reboot from here" in shown and "anna slow" in shown
    assert "\x1b" not in shown, "colour is for terminals"


def test_a_card_in_russian_warns_of_an_unproven_profile_and_of_defects(capsys: pytest.CaptureFixture[str]) -> None:
    texts.choose("ru")
    defect = {"title": {"ru": "виснет", "en": "hangs"}, "source": "notes"}
    print_device_card(card(proven=False, defects=[defect]))
    print_device_card(card(profile=None))
    shown = capsys.readouterr().out
    assert "fresh ру" in shown and "Состояние" in shown
    assert "виснет" in shown and "hangs" not in shown
    assert "Модель этого не сообщает: never ру" in shown
    assert "Профиль не проверен" in shown and "Нет профиля" in shown


def test_notes_sources_and_units_are_in_the_language_of_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    texts.choose("ru")
    found = card()
    found["sections"][0]["values"] = [
        value("margin", source="pack", note="against -27 dBm of gpon_b+", unit="V"),
        value("trend", source="history", note="over 6.8 days"),
        value("class", source="configuration", note="assumed"),
        value("boots", source="nms", note="told"),
        value("other", source="access node", note="something new"),
        value("defects", value="none", unit="", source="profile x", note="reviewed 2026-11-21"),
    ]
    print_device_card(found)
    shown = capsys.readouterr().out
    for wanted in (
        "7 В",
        "нормы",
        "при -27 дБм (gpon_b+)",
        "за 6.8 дн.",
        "принят обычный для сети",
        "нет",
        "профиль x",
    ):
        assert wanted in shown, shown
    for unwanted in ("told", "assumed", "pack", "reviewed", "none", "history"):
        assert unwanted not in shown, shown


def test_a_list_of_defects_that_nobody_keeps_is_no_missing_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    found = card()
    found["sections"][0]["values"] = [value("defects", "not_known", value=None, at=None, age_s=None, source="")]
    print_device_card(found)
    shown = capsys.readouterr().out
    assert "nobody keeps a list of this model's" in shown and "No parameter known" not in shown


def test_a_chart_has_a_dot_for_each_point_and_no_line_over_a_gap() -> None:
    steady = [(float(n), float(n), float(n), float(n)) for n in range(10)]
    chart = draw([*steady, (90.0, 9.0, 8.0, 9.0)], start=0.0, end=100.0, width=50, height=5)
    assert (chart.top, chart.bottom) == (9.0, 0.0)
    assert len(chart.lines) == 5 and {len(line) for line in chart.lines} == {50}
    assert all(not line[6:44].strip() for line in chart.lines), "nothing was measured there"
    assert chart.lines[0].strip(), "the last point stands at the top"
    flat = draw([(0.0, 4.0, 4.0, 4.0)], start=0.0, end=1.0, width=4, height=3)
    assert (flat.top, flat.bottom) == (5.0, 3.0)
    assert draw([], start=0.0, end=1.0, width=3, height=2).lines == ("   ", "   ")


def test_show_and_plot_of_a_running_server(demo: Running) -> None:
    key = demo.device("L0001")
    shown = demo.run("device", "show", key)
    assert shown.exit_code == 0, shown.output
    assert "Margin to the receiver's edge" in shown.stdout and "Wi-Fi radios" in shown.stdout
    full = demo.json("device", "show", key)
    assert full["card"]["device"] == full["key"] == key
    assert {section["name"] for section in full["card"]["sections"]} >= {"identity", "optics", "wan", "wifi"}
    names = demo.json("device", "plot", key)
    assert "ont.rx_dbm" in names
    curves = demo.json("device", "plot", key, "ont.rx_dbm", "--days", "30")
    assert curves["curves"] and all(curve["points"] for curve in curves["curves"])
    drawn = demo.run("device", "plot", key, "ont.rx_dbm", "--days", "30", "--height", "4")
    assert drawn.exit_code == 0 and "Light at the ONT" in drawn.stdout
    every = demo.json("device", "plot", key, "--all", "--days", "30")
    assert [each["fact"] for each in every] == names
    lines = demo.run("device", "plot", key, "--all", "--days", "30")
    assert lines.exit_code == 0 and "ont.rx_dbm" in lines.stdout and "greatest" in lines.stdout
    both = demo.run("device", "plot", key, "ont.rx_dbm", "--all")
    assert both.exit_code == 2 and "leave ont.rx_dbm out" in both.stderr
    nothing = demo.run("device", "plot", key, "ont.rx_dbm", "--days", "0.000001")
    assert nothing.exit_code == 0 and "Nothing was measured" in nothing.stdout
    wrong = demo.run("device", "plot", key, "ppp.last_error")
    assert wrong.exit_code != 0 and "is no number" in wrong.stderr
