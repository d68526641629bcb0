"""The words of notes in tickets, in both languages: sentences, and names for codes that stand in what is told. Pure.

The rule of this file: a sentence is right for whatever is put into it; a code without a name here stays as it is.
"""

from collections.abc import Mapping

from probes.facts import FACTS

#: what a note begins with, or one of its lines
SENTENCES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "verdict": "Line test",
        "again": "Line test after the repair",
        "next": "Next step: {what}",
        "queue": "Queue {queue}, until {due}",
        "human": "A person has to confirm it: {why}",
        "missing": "Not measured: {what}",
        "goes_on": "The line test goes on; what else it finds is kept with it.",
        "failed": "The line test ended without a verdict: {why}",
        "outage": "The line belongs to an outage: {what}",
        "opened": "Mass outage: {what}",
        "name": "{kind} outage at {where}",
        "ended": "The outage is over: {what}",
        "fixed": "After {action} the line is well",
        "gone": "After {action} the fault does not show any more",
        "not_fixed": "{action} did not help",
        "fell_back": "After {action} the fault was gone, and came back",
    },
    "ru": {
        "verdict": "Проверка линии",
        "again": "Проверка линии после ремонта",
        "next": "Следующий шаг: {what}",
        "queue": "Очередь {queue}, до {due}",
        "human": "Нужно подтверждение человека: {why}",
        "missing": "Не измерено: {what}",
        "goes_on": "Проверка линии продолжается; что она найдёт ещё, сохранится вместе с ней.",
        "failed": "Проверка линии закончилась без вердикта: {why}",
        "outage": "Линия относится к аварии: {what}",
        "opened": "Массовая авария: {what}",
        "name": "Авария: {kind}, {where}",
        "ended": "Авария закончилась: {what}",
        "fixed": "После действия «{action}» линия исправна",
        "gone": "После действия «{action}» неисправности больше не видно",
        "not_fixed": "Действие «{action}» не помогло",
        "fell_back": "После действия «{action}» неисправность ушла и вернулась",
    },
}
#: why a person has to confirm, before the colon of its code
_REASONS: Mapping[str, Mapping[str, str]] = {
    "gate_unknown": {"en": "unknown", "ru": "не известно"},
    "unsafe": {"en": "not now", "ru": "сейчас нельзя"},
    "needs": {"en": "impossible without", "ru": "невозможно без"},
    "limit_24h": {"en": "the limit of the day is used up", "ru": "исчерпан суточный предел"},
    "action_already_tried": {
        "en": "this was already done for the ticket",
        "ru": "это уже делали по этому обращению",
    },
    "visit_is_cheaper": {"en": "a visit is cheaper than trying", "ru": "выезд дешевле попытки"},
    "repeated_contacts": {
        "en": "the subscriber has contacted us too often for another try from here",
        "ru": "абонент обращался слишком часто, чтобы снова пробовать отсюда",
    },
    "inventory_doubt": {"en": "facts may be those of another line", "ru": "факты могут быть от другой линии"},
    "pack_failed": {
        "en": "the pack of this line could not judge, and the server's own one did",
        "ru": "набор правил этой линии не смог её рассудить, решил набор сервера",
    },
}
#: kinds and levels of outages; in English their codes are the words
_OUTAGES: Mapping[str, str] = {
    "power": "питание",
    "fibre": "волокно",
    "mixed": "питание или волокно, не ясно",
    "unknown": "причина не известна",
    "sessions": "сеансы",
    "tickets": "обращения",
    "splitter": "сплиттер",
    "pon": "порт PON",
    "slot": "слот",
    "switch": "коммутатор",
    "house": "дом",
    "street": "улица",
    "firmware": "прошивка",
    "model": "модель",
    "olt": "OLT",
    "bras": "BRAS",
}


def reason(code: str, language: str) -> str:
    """Why a person has to confirm, by a code such as "gate_unknown:incident.match"."""
    kind, _, name = code.partition(":")
    said = _REASONS.get(kind)
    if said is None:
        return code
    return f"{said[language]}: {fact(name, language)}" if name else said[language]


def fact(name: str, language: str) -> str:
    """What a fact is called."""
    spec = FACTS.get(name)
    return name if spec is None else spec.title[language]


def of_outage(code: object, language: str) -> str:
    """A kind or a level of an outage."""
    return str(code) if language == "en" else _OUTAGES.get(str(code), str(code))
