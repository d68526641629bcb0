"""A verdict for people: the card of a line test, in Russian and English.

The rule of this file: it adds nothing to the verdict; every line is a fact, its norm, its source and its age.
"""

from datetime import UTC, datetime
from re import Match

from probes.facts import FACTS, FactKind, Scalar
from probes.linetest.model import Evidence, Title, Verdict, VerdictKind
from probes.linetest.pack import QUOTE
from probes.linetest.view import instant

_SHOWN_EVIDENCE = 6
_SHOWN_MISSING = 8
_SHOWN_BELIEF = 0.01

_PLACES_RU = {
    "home-device": "устройство в доме",
    "home-LAN/Wi-Fi": "домашняя сеть",
    "home-power": "питание в доме",
    "drop": "абонентский отвод",
    "splitter/closure": "сплиттер или муфта",
    "feeder": "магистральное волокно",
    "OLT port": "порт OLT",
    "switch": "коммутатор",
    "copper run": "медный кабель",
    "cabinet": "шкаф",
    "aggregation": "агрегация",
    "IPTV platform": "платформа ТВ",
    "voice platform": "платформа телефонии",
    "account": "счёт",
    "unknown": "не установлено",
}

_TEXTS: dict[str, Title] = {
    "location": {"ru": "Место", "en": "Location"},
    "confidence": {"ru": "Уверенность", "en": "Confidence"},
    "likely": {"ru": "Вероятнее всего", "en": "Likeliest"},
    "runner_up": {"ru": "следующая причина", "en": "next cause"},
    "queue": {"ru": "Очередь", "en": "Queue"},
    "due": {"ru": "срок", "en": "due"},
    "evidence": {"ru": "Основания", "en": "Evidence"},
    "norm": {"ru": "норма", "en": "norm"},
    "missing": {"ru": "Не измерено", "en": "Not measured"},
    "more": {"ru": "и ещё", "en": "and more:"},
    "next": {"ru": "Дальше", "en": "Next"},
    "measure": {"ru": "измерить", "en": "measure"},
    "human": {"ru": "Нужно решение человека", "en": "A person must confirm"},
    "also": {"ru": "Также найдено", "en": "Also found"},
    "parts": {"ru": "Взять с собой", "en": "Take along"},
    "check": {"ru": "Проверка после ремонта", "en": "Check after the repair"},
    "yes": {"ru": "да", "en": "yes"},
    "no": {"ru": "нет", "en": "no"},
    "nothing": {"ru": "не измерено", "en": "not measured"},
}

_REASONS: dict[str, Title] = {
    "gate_unknown": {"ru": "неизвестно: {0}", "en": "unknown: {0}"},
    "unsafe": {"ru": "сейчас нельзя: {0}", "en": "not now: {0}"},
    "needs": {"ru": "невозможно без: {0}", "en": "impossible without: {0}"},
    "limit_24h": {"ru": "исчерпан суточный предел", "en": "the limit of the day is used up"},
    "action_already_tried": {"ru": "это уже делали по этому обращению", "en": "this was already done for the ticket"},
    "visit_is_cheaper": {"ru": "выезд дешевле попытки", "en": "a visit is cheaper than trying"},
}

_UNITS_RU = {
    "dBm": "дБм",
    "dB": "дБ",
    "m": "м",
    "s": "с",
    "ms": "мс",
    "min": "мин",
    "Mbit/s": "Мбит/с",
    "mA": "мА",
    "B": "байт",
    "kΩ": "кОм",
    "d": "сут",
    "dB/day": "дБ/сут",
    "packets": "пакетов",
    "/s": "/с",
}


def card(verdict: Verdict, lang: str = "en") -> list[str]:
    """Return the card as lines: verdict, text, place and belief, evidence, what is missing, what to do next."""
    lang = lang if lang in ("ru", "en") else "en"
    lines = [f"{verdict.verdict.value} · {verdict.title[lang]}", fill(verdict.text[lang], verdict, lang)]
    lines += _summary(verdict, lang)
    if verdict.evidence:
        lines.append(_say("evidence", lang) + ":")
        lines += ["  " + evidence_line(item, lang) for item in _told(verdict)]
    missing = missing_line(verdict, lang)
    lines += [missing] if missing else []
    lines += [f"{_say('also', lang)}: {item.title[lang]} ({item.location})" for item in verdict.secondary]
    if verdict.human_reasons:
        reasons = "; ".join(_reason(code, lang) for code in verdict.human_reasons)
        lines.append(f"{_say('human', lang)}: {reasons}")
    return [*lines, *_next(verdict, lang)]


def evidence_line(item: Evidence, lang: str) -> str:
    """Return one line: title, value with unit, norm, source and age."""
    title = FACTS[item.fact].title[lang]
    norm = f", {_say('norm', lang)} {item.norm[lang]}" if item.norm.get(lang, "—") != "—" else ""
    return f"{title}: {told(item.fact, item.value, item.unit, lang)}{norm} [{item.source}, {age(item.age_s, lang)}]"


def missing_line(verdict: Verdict, lang: str) -> str:
    """Return the facts that could have spoken and were not measured; empty when there is none."""
    names = [FACTS[name].title[lang] for name in verdict.not_measured if name in FACTS]
    if not names:
        return ""
    more = len(names) - _SHOWN_MISSING
    rest = f", {_say('more', lang)} {more}" if more > 0 else ""
    return f"{_say('missing', lang)}: {', '.join(names[:_SHOWN_MISSING])}{rest}"


def told(name: str, value: Scalar, unit: str, lang: str) -> str:
    """Return the value of a fact as a person reads it; an instant without its seconds' fraction."""
    if FACTS[name].kind is FactKind.INSTANT:
        at = instant(str(value))
        return _moment(at) if at is not None else str(value)
    return shown(value, unit, lang)


def shown(value: Scalar, unit: str, lang: str) -> str:
    """Return a value as a person reads it."""
    if isinstance(value, bool):
        return _say("yes" if value else "no", lang)
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if not isinstance(value, str):
        text = text.replace("-", "−")
        text = text.replace(".", ",") if lang == "ru" else text
    unit = _UNITS_RU.get(unit, unit) if lang == "ru" else unit
    return f"{text} {unit}" if unit else text


def age(seconds: float, lang: str) -> str:
    """Return an age in the largest whole unit."""
    for size, ru, en in ((86400, "сут", "d"), (3600, "ч", "h"), (60, "мин", "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {ru if lang == 'ru' else en}"
    return f"{seconds:.0f} {'с' if lang == 'ru' else 's'}"


def fill(text: str, verdict: Verdict, lang: str) -> str:
    """Return a text of the pack with {fact.name} replaced by its value; an unmeasured fact says so."""

    def value(match: Match[str]) -> str:
        name = match.group(1)
        return told(name, verdict.context[name], "", lang) if name in verdict.context else _say("nothing", lang)

    return QUOTE.sub(value, text)


def _told(verdict: Verdict) -> tuple[Evidence, ...]:
    return verdict.evidence[:_SHOWN_EVIDENCE]


def _summary(verdict: Verdict, lang: str) -> list[str]:
    place = _PLACES_RU.get(verdict.location, verdict.location) if lang == "ru" else verdict.location
    likely = [
        f"{item.title[lang]} {item.posterior * 100:.0f} %"
        for item in verdict.ranking
        if item.posterior >= _SHOWN_BELIEF
    ]
    if verdict.verdict is VerdictKind.INCONCLUSIVE:
        belief = f"{_say('likely', lang)}: {'; '.join(likely[:3])}"
    else:
        belief = f"{_say('confidence', lang)}: {verdict.posterior * 100:.0f} %"
        second = verdict.runner_up
        if second is not None and second.posterior >= _SHOWN_BELIEF:
            belief += f" ({_say('runner_up', lang)}: {second.title[lang]}, {second.posterior * 100:.0f} %)"
    due = f"{_say('due', lang)} {_moment(verdict.due_at)}"
    return [f"{_say('location', lang)}: {place}. {belief}", f"{_say('queue', lang)}: {verdict.queue}, {due}"]


def _next(verdict: Verdict, lang: str) -> list[str]:
    lines = [f"{_say('next', lang)}: {verdict.script[lang]}"]
    if verdict.next_probe:
        title = FACTS[verdict.next_probe].title[lang]
        lines = [
            f"{_say('next', lang)}: {_say('measure', lang)} «{title}» ({verdict.next_probe}). {verdict.script[lang]}"
        ]
    if verdict.parts:
        lines.append(f"{_say('parts', lang)}: {', '.join(verdict.parts)}")
    if verdict.post_check:
        lines.append(f"{_say('check', lang)}: {verdict.post_check}")
    return lines


def _reason(code: str, lang: str) -> str:
    kind, _, name = code.partition(":")
    title = FACTS[name].title[lang] if name in FACTS else name
    return _REASONS.get(kind, {"ru": code, "en": code})[lang].format(title)


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _say(key: str, lang: str) -> str:
    return _TEXTS[key][lang]
