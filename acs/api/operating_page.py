"""The report of support as one page: tables and bars, drawn by the server, without scripts and anything from elsewhere.

The rule of this file: the page says what the numbers say; every text that comes from data is escaped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from acs.api.pages import head
from acs.services.operating import Report
from acs.services.operating_figures import NORMS, Figures, Part

_TEXTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Support report",
        "tests": "tests",
        "tickets": "tickets",
        "closed": "closed",
        "fixed": "fixed remotely",
        "dispatched": "dispatched",
        "repeats": "repeats",
        "median": "verdict, median",
        "p95": "verdict, 95 %",
        "norms": "Norms kept",
        "verdicts": "Verdicts",
        "parts": "By {division}",
        "seconds": "s",
        "none": "(none)",
        "cut": "There were more tests than one report counts; choose fewer days.",
        "answer_30s": "verdict in 30 s",
        "first_line_5min": "first line, 5 min",
        "second_line_10min": "second line, 10 min",
        "restored_24h": "restored in 24 h",
        "region": "region",
        "model": "model",
        "cause": "cause",
        "verdict": "verdict",
        "day": "day",
        "all": "everything",
    },
    "ru": {
        "title": "Отчёт поддержки",
        "tests": "тестов",
        "tickets": "заявок",
        "closed": "закрыто",
        "fixed": "исправлено удалённо",
        "dispatched": "с выездом",
        "repeats": "повторных",
        "median": "вердикт, медиана",
        "p95": "вердикт, 95 %",
        "norms": "Соблюдение норм",
        "verdicts": "Вердикты",
        "parts": "Разбивка: {division}",
        "seconds": "с",
        "none": "(нет)",
        "cut": "Тестов больше, чем считает один отчёт; выберите меньше дней.",
        "answer_30s": "вердикт за 30 с",
        "first_line_5min": "первая линия, 5 мин",
        "second_line_10min": "вторая линия, 10 мин",
        "restored_24h": "восстановлено за 24 ч",
        "region": "регион",
        "model": "модель",
        "cause": "причина",
        "verdict": "вердикт",
        "day": "день",
        "all": "всё",
    },
}
#: verdict → what a person reads
_VERDICTS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "NFF": "no fault found",
        "REMOTE_FIX": "repair from here",
        "GUIDE_CUSTOMER": "guide the subscriber",
        "DISPATCH_HOME": "technician to the flat",
        "DISPATCH_LINE": "line crew",
        "ATTACH_OUTAGE": "attach to a known outage",
        "OPEN_OUTAGE": "open an outage",
        "ESCALATE_CORE": "escalate to the core",
        "INCONCLUSIVE": "not decided yet",
        "MONITOR_24H": "watch for 24 hours",
    },
    "ru": {
        "NFF": "неисправность не найдена",
        "REMOTE_FIX": "ремонт отсюда",
        "GUIDE_CUSTOMER": "помочь абоненту",
        "DISPATCH_HOME": "выезд в квартиру",
        "DISPATCH_LINE": "бригада на линию",
        "ATTACH_OUTAGE": "известная авария",
        "OPEN_OUTAGE": "новая авария",
        "ESCALATE_CORE": "передать в ядро сети",
        "INCONCLUSIVE": "пока не решено",
        "MONITOR_24H": "наблюдать сутки",
    },
}
#: where the page is
PATH = "/api/v1/reports/operating.html"
_BAR, _LABEL, _ROW = 420, 220, 24
#: rows of a table and bars of a plot
_MOST = 50


def page(report: Report, lang: str, causes: Mapping[str, Mapping[str, str]]) -> str:
    """The report as HTML, in `en` or `ru`; `causes` are their titles by language."""
    texts = _TEXTS[lang]
    said = {"verdict": _VERDICTS[lang], "cause": {name: told[lang] for name, told in causes.items() if lang in told}}
    shown = [replace(one, name=said.get(report.division, {}).get(one.name, one.name)) for one in report.parts[:_MOST]]
    span = f"{report.since:%Y-%m-%d %H:%M} – {report.until:%Y-%m-%d %H:%M} UTC"
    cut = "" if report.whole else f"<p>{texts['cut']}</p>"
    norms = [(texts[norm], report.total.norms[norm]) for norm in NORMS]
    whole = max(1, sum(report.total.verdicts.values()))
    counted = sorted(report.total.verdicts.items(), key=lambda one: -one[1])
    verdicts = [(said["verdict"].get(name, name), Part(n, whole)) for name, n in counted]
    division = texts[report.division]
    parts = (
        ""
        if report.division == "all"
        else _table(texts["parts"].format(division=division), division, shown, texts)
        + _plot(division, [(one.name or texts["none"], Part(one.tests, _most(report))) for one in shown])
    )
    return (
        f"{head(texts['title'], lang, PATH)}<h1>{texts['title']}</h1><p><small>{span}</small></p>{cut}"
        f"{_table(texts['title'], '', [replace(report.total, name=texts['all'])], texts)}"
        f"<h2>{texts['norms']}</h2>{_plot(texts['norms'], norms)}"
        f"<h2>{texts['verdicts']}</h2>{_plot(texts['verdicts'], verdicts)}{parts}"
    )


def _most(report: Report) -> int:
    return max((one.tests for one in report.parts), default=1)


def _table(caption: str, first: str, rows: Sequence[Figures], texts: Mapping[str, str]) -> str:
    names = ("tests", "tickets", "closed", "fixed", "dispatched", "repeats", "median", "p95")
    heads = "".join(f"<th scope=col>{texts[name]}</th>" for name in names)
    heads += "".join(f"<th scope=col>{texts[norm]}</th>" for norm in NORMS)
    body = "".join(_row(one, texts) for one in rows)
    return (
        f"<table><caption>{escape(caption)}</caption><tr><th scope=col>{escape(first)}</th>{heads}</tr>{body}</table>"
    )


def _row(one: Figures, texts: Mapping[str, str]) -> str:
    cells = [str(one.tests), str(one.tickets), str(one.closed)]
    cells += [_share(part) for part in (one.fixed_remotely, one.dispatched, one.repeats)]
    cells += [_seconds(value, texts["seconds"]) for value in (one.verdict_median_s, one.verdict_p95_s)]
    cells += [_share(one.norms[norm]) for norm in NORMS]
    name = escape(one.name) or (texts["none"] if one.name == "" else "")
    return f"<tr><td>{name}</td>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _plot(title: str, bars: Sequence[tuple[str, Part]]) -> str:
    """Bars from 0 to the whole, each with its figures."""
    drawn = "".join(_bar(place, name, part) for place, (name, part) in enumerate(bars))
    height, width = _ROW * max(1, len(bars)), _LABEL + _BAR + 140
    return f'<svg role=img aria-label="{escape(title)}" width={width} height={height}>{drawn}</svg>'


def _bar(place: int, name: str, part: Part) -> str:
    y, long = place * _ROW, round(_BAR * min(1.0, part.share or 0.0))
    shown = escape(name if len(name) <= 28 else name[:27] + "…")
    return (
        f"<text x=0 y={y + 16} font-size=13>{shown}</text>"
        f'<rect x={_LABEL} y={y + 4} width={_BAR} height={_ROW - 8} fill="#eee"></rect>'
        f'<rect x={_LABEL} y={y + 4} width={long} height={_ROW - 8} fill="#2b6cb0"></rect>'
        f"<text x={_LABEL + _BAR + 8} y={y + 16} font-size=13>{part.part} / {part.whole}</text>"
    )


def _share(part: Part) -> str:
    return "–" if part.share is None else f"{part.part} ({part.share:.0%})"


def _seconds(value: float | None, unit: str) -> str:
    return "–" if value is None else f"{value:.1f} {unit}"
