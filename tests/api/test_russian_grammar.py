"""Russian sentences are right for whatever is put into them: nothing agrees in gender or number with an insert.

"{0} не найден" is wrong for a name that is feminine, and "{count} раза" for five: such a sentence says what kind
of thing it speaks of ("узел {0} не найден"), or sets the insert behind a colon ("раз: {count}").
"""

import re
import tomllib
from collections.abc import Iterator

from acs.services.actions.words import texts as subscribers_texts
from acs.services.tmf.note_words import SENTENCES
from acs.services.translation import texts
from tests.cli.update_locale import read
from tests.russian_texts import ROOT

_INSERT = r"\{[\w.]*\}"
#: endings of short participles, adjectives and verbs in the past that say a gender or a number
_AGREEING = (
    r"(?:\w+(?:ен|ён|ена|ено|ены|ан|ана|ано|аны|ат|ята|ято|яты|ут|ута|уто|уты|ился|илась|илось|ились"
    r"|ал|ала|ало|али|ил|ила|ило|или|ел|ела|ело|ели|ял|яла|яло|яли|шёл|шла|шло|шли|ался|алась|алось|ались)"
    r"|равен|равна|равно|должен|должна|должно|должны|нужен|нужна|нужно|нужны|занят|занята|занято)"
)
#: an insert that no noun of ours stands before, and a word that would have to agree with it
_GENDER = re.compile(rf"(?:^|[:;,.(«—] ?){_INSERT}(?: не| уже| ещё)? {_AGREEING}\b(?! {_INSERT} не)")
#: a number, and a noun in the form that goes with two, three and four
_COUNTED = re.compile(rf"{_INSERT} (?:раза|минуты|секунды|строки|линии|устройства|дня|часа|файла|символа|попытки)\b")
#: a number of one alone stands there, or an abbreviation that is of one gender; or the word is of another sentence
ALLOWED = {
    "должно быть не больше {0} символа",
    "{0} не вызывали: устройство за NAT, оно приходит с {1}; будите его через STUN ([stun]) или XMPP ([xmpp]) "
    "или ждите очередного Inform",
    "{0} не вызывали: {1}",
    "О {path} устройства {device} ничего не известно; спросите само устройство, без --cached.",
    "факт {0} линии {1}: {2} — не конечное число",
    "{0} не спросили: его домен не {1}, который назван в xmpp.domain",
}


def russian() -> Iterator[str]:
    """Every Russian text that has places for values."""
    book = texts("ru")
    for name in ("errors", "parts", "checks", "details", "findings", "starts"):
        yield from book[name].values()
    yield from (said["ru"] for said in subscribers_texts().values())
    yield from SENTENCES["ru"].values()
    for message in read("ru"):
        if isinstance(message.string, str):  # one that counts has its forms
            yield message.string
    for path in sorted((ROOT / "probes/linetest/packs/default").glob("causes-*.toml")):
        for cause in tomllib.loads(path.read_text(encoding="utf-8"))["cause"].values():
            yield from (cause[key]["ru"] for key in ("text", "script"))


def test_nothing_agrees_with_an_insert() -> None:
    wrong = {one for one in russian() if (_GENDER.search(one) or _COUNTED.search(one)) and one not in ALLOWED}
    assert not wrong, "say what kind of thing the insert is, or set it behind a colon"


def test_a_sentence_that_agrees_is_found() -> None:
    for wrong in ("{0} не найден", "фраза: {what} не измерено", "перезагружали {count} раза", "{0} должна кончаться"):
        assert _GENDER.search(wrong) or _COUNTED.search(wrong), wrong
    for right in ("узел {0} не найден", "не измерено: {what}", "перезагрузок: {count}", "{0} требует https"):
        assert not _GENDER.search(right) and not _COUNTED.search(right), right
