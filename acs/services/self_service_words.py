"""What is said above the text of a subscriber's own check, and what he does next: one thing.

The rule of this file: a heading claims no more than the text below it; where the verdicts of one state are not equally
sure, such a verdict has a heading of its own.
"""

from collections.abc import Mapping

from probes.linetest.model import VerdictKind

#: words by language
Words = Mapping[str, str]

#: what the check says → what the subscriber does next
NEXT_STEPS: Mapping[str, str] = {
    "running": "wait",
    "failed": "call",
    "good": "nothing",
    "no_fault_seen": "nothing",
    "watched": "nothing",
    "we_repair": "wait",
    "outage": "wait",
    "you_can_repair": "do",
    "visit": "agree_visit",
    "call_us": "call",
}
HEADINGS: Mapping[str, Words] = {
    "running": {"ru": "Проверяем вашу линию", "en": "We are checking your line"},
    "failed": {"ru": "Проверить линию сейчас не удалось", "en": "Your line could not be checked now"},
    "good": {"ru": "С вашей линией всё в порядке", "en": "Your line is fine"},
    "no_fault_seen": {"ru": "Неисправностей не видно", "en": "We see no fault"},
    "watched": {"ru": "Мы наблюдаем за вашей линией", "en": "We are watching your line"},
    "we_repair": {"ru": "Неисправность на нашей стороне", "en": "The fault is on our side"},
    "outage": {"ru": "В вашем районе работы или авария", "en": "There are works or an outage in your area"},
    "you_can_repair": {"ru": "Вы можете исправить это сами", "en": "You can repair this yourself"},
    "visit": {"ru": "Похоже, нужен мастер", "en": "A technician seems to be needed"},
    "call_us": {"ru": "Позвоните нам, пожалуйста", "en": "Please call us"},
}
#: what stands below where no verdict has a text
TEXTS: Mapping[str, Words] = {
    "running": {"ru": "Это займёт меньше минуты.", "en": "It takes less than a minute."},
    "failed": {
        "ru": "Попробуйте ещё раз через несколько минут или позвоните нам.",
        "en": "Try again in a few minutes, or call us.",
    },
}
#: headings of verdicts that say less than others of their state
_OF_VERDICTS: Mapping[VerdictKind, Words] = {
    # it can be repaired, and is not yet: he is asked when it suits him
    VerdictKind.REMOTE_FIX: {"ru": "Мы можем исправить это со своей стороны", "en": "We can repair this from our side"},
    VerdictKind.OPEN_OUTAGE: {"ru": "Возможно, в вашем районе авария", "en": "There may be an outage in your area"},
    VerdictKind.ESCALATE_CORE: {"ru": "Неполадка в нашей сети", "en": "The trouble is in our network"},
}
_STEPS_OF_VERDICTS: Mapping[VerdictKind, str] = {VerdictKind.REMOTE_FIX: "call"}


def heading_of(state: str, verdict: VerdictKind) -> Words:
    """What stands above the text of a verdict that is told as this state."""
    return _OF_VERDICTS.get(verdict, HEADINGS[state])


def next_step_of(state: str, verdict: VerdictKind) -> str:
    """What the subscriber does next after such a verdict."""
    return _STEPS_OF_VERDICTS.get(verdict, NEXT_STEPS[state])
