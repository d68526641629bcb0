"""The device as a whole: restart, reset with its settings put back, restoring; and what set-top boxes have. Pure."""

from collections.abc import Callable, Sequence
from typing import Annotated

from pydantic import Field

from acs.services.actions.base import SHORT_CUT, Action, Asked, Given, View, change
from acs.services.actions.losing import lost, password_known
from acs.services.actions.words import Refused


class Backup(Given):
    """A configuration by its id; without one the newest of a line that was up."""

    backup: Annotated[str, Field(max_length=32)] = "last_good"


class Successor(Given):
    """The serial number of the device that takes over."""

    serial: Annotated[str, Field(min_length=1, max_length=128)]


def _reboot(_view: View, _given: Given) -> Sequence[Asked]:
    return [Asked("reboot")]


def _reset(_view: View, _given: Given) -> Sequence[Asked]:
    return [Asked("backup"), Asked("factory_reset"), Asked("restore", {"action": "factory-reset", "fresh": True})]


def _restore(view: View, given: Backup) -> Sequence[Asked]:
    if given.backup == "last_good" and not view.has_good_backup:
        raise Refused("no_good_backup" if view.has_backup else "no_backup")
    return [Asked("restore", {"action": "restore", "backup": given.backup})]


def _swap(_view: View, given: Successor) -> Sequence[Asked]:
    return [Asked("swap", {"serial": given.serial})]


def _without_backup(view: View) -> Refused | None:
    return None if view.has_backup else Refused("no_backup")


def _set_true(name: str, meaning: str) -> Callable[[View, Given], Sequence[Asked]]:
    def build(view: View, _given: Given) -> Sequence[Asked]:
        place = view.need(meaning)
        return [change(name, {"values": {place.path: {"value": "1", "type": "xsd:boolean"}}, "trigger": True})]

    return build


_CUT = {
    "en": "The subscriber is cut off for a minute or two.",
    "ru": "Связь у абонента прервётся на одну–две минуты.",
}

ACTIONS = (
    Action("reboot", {"en": "Restart", "ru": "Перезагрузить"}, _reboot, risk=_CUT, rpc="Reboot"),
    Action(
        "factory-reset", {"en": "Factory settings, then the line's settings again",
                          "ru": "Сброс к заводским с возвратом настроек линии"},
        _reset, rpc="FactoryReset", against=password_known("password_unknown"), also=lost,
        risk={"en": "The device starts from nothing and gets the line's settings again: five minutes without service. "
                    "What the subscriber set where we cannot see it is lost.",
              "ru": "Устройство начнёт с нуля и снова получит настройки линии: пять минут без связи. "
                    "То, что абонент настроил сам и нам не видно, пропадёт."},
    ),
    Action(
        "restore", {"en": "Put a kept configuration back", "ru": "Вернуть сохранённые настройки"},
        _restore, Backup, risk=SHORT_CUT, against=_without_backup,
    ),
    Action(
        "swap", {"en": "Another device takes over", "ru": "Замена устройства"}, _swap, Successor, rpc="",
        against=password_known("password_unknown_of_old"), also=lost,
        risk={"en": "The line, and the settings of this device, pass to the other one.",
              "ru": "Линия и настройки этого устройства перейдут к другому."},
    ),
    Action(
        "cache-clear", {"en": "Set-top box: clear its cache", "ru": "Приставка: очистить кэш"},
        _set_true("cache-clear", "stb.cache_clear"), needs=("stb.cache_clear",),
        risk={"en": "The picture is gone for some seconds.", "ru": "Изображение пропадёт на несколько секунд."},
    ),
    Action(
        "channel-refresh", {"en": "Set-top box: fetch the list of channels anew", "ru": "Приставка: обновить каналы"},
        _set_true("channel-refresh", "stb.channels"), needs=("stb.channels",),
        risk={"en": "The box searches for its channels; the picture is gone meanwhile.",
              "ru": "Приставка заново найдёт каналы; на это время изображение пропадёт."},
    ),
)  # fmt: skip
