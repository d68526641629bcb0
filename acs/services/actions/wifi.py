"""Wi-Fi: name, password, channel, band, power, on and off. Pure.

The rule of this file: a network is chosen by its number or its present name; without one it is the first that is on.
"""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from acs.services.actions.base import WIFI_CUT, Action, Asked, Given, View, change

Network = Annotated[str | None, Field(max_length=128, description="number or present name; the first that is on")]
Word = Annotated[str, Field(min_length=1, max_length=64)]
#: how long it may be is for the profile to say
Text = Annotated[str, Field(max_length=256)]


class Name(Given):
    """The new name, 1 to 32 octets: a Latin letter has one, a Cyrillic one two."""

    name: Text
    network: Network = None


class Password(Given):
    """The new password, 8 to 63 Latin letters, digits and signs."""

    password: Annotated[Text, Field(repr=False)]
    network: Network = None


class Channel(Given):
    """A channel's number, or `auto`."""

    channel: Word
    network: Network = None


class Band(Given):
    """2.4, 5 or 6 (GHz)."""

    band: Word
    network: Network = None


class Power(Given):
    """Percent of the greatest power."""

    power: Word
    network: Network = None


class Which(Given):
    """The network."""

    network: Network = None


def _name(view: View, given: Name) -> Sequence[Asked]:
    row = view.row("wifi", given.network)
    return [change("wifi-name", {"values": view.assignment("wifi.ssid", given.name, row.path, argument="name")})]


def _password(view: View, given: Password) -> Sequence[Asked]:
    row = view.row("wifi", given.network)
    ssid = view.place("wifi.ssid", row.path)
    step = {"values": view.assignment("wifi.password", given.password, row.path)}
    return [change("wifi-password", step, watch=[ssid.path] if ssid else [])]


def _channel(view: View, given: Channel) -> Sequence[Asked]:
    row = view.row("wifi", given.network)
    auto = view.place("wifi.auto_channel", row.path)
    if given.channel.lower() == "auto":
        place = view.need("wifi.auto_channel", row.path)
        return [change("wifi-channel", {"values": {place.path: "true"}})]
    values = {} if auto is None else {auto.path: "false"}
    values |= {name: str(value) for name, value in view.assignment("wifi.channel", given.channel, row.path).items()}
    return [change("wifi-channel", {"values": values})]


def _band(view: View, given: Band) -> Sequence[Asked]:
    row = view.row("wifi", given.network)
    word = given.band.lower().removesuffix("ghz").strip()
    return [change("wifi-band", {"values": view.assignment("wifi.band", word, row.path)})]


def _power(view: View, given: Power) -> Sequence[Asked]:
    row = view.row("wifi", given.network)
    return [change("wifi-power", {"values": view.assignment("wifi.power", given.power.rstrip("%"), row.path)})]


def _switch(view: View, given: Which, name: str, value: str) -> Sequence[Asked]:
    row = view.row("wifi", given.network)
    return [change(name, {"values": view.assignment("wifi.enable", value, row.path)})]


ACTIONS = (
    Action(
        "wifi-name", {"en": "Wi-Fi: another name", "ru": "Wi-Fi: сменить имя"},
        _name, Name, ("wifi.ssid",), "wifi", WIFI_CUT,
    ),
    Action(
        "wifi-password", {"en": "Wi-Fi: another password", "ru": "Wi-Fi: сменить пароль"},
        _password, Password, ("wifi.password",), "wifi", WIFI_CUT, secrets=("password",),
    ),
    Action(
        "wifi-channel", {"en": "Wi-Fi: another channel", "ru": "Wi-Fi: сменить канал"},
        _channel, Channel, ("wifi.channel",), "wifi", WIFI_CUT,
    ),
    Action(
        "wifi-band", {"en": "Wi-Fi: another band", "ru": "Wi-Fi: сменить диапазон"},
        _band, Band, ("wifi.band",), "wifi", WIFI_CUT,
    ),
    Action(
        "wifi-power", {"en": "Wi-Fi: transmit power", "ru": "Wi-Fi: мощность передатчика"},
        _power, Power, ("wifi.power",), "wifi", WIFI_CUT,
    ),
    Action(
        "wifi-on", {"en": "Wi-Fi: switch on", "ru": "Wi-Fi: включить"},
        lambda view, given: _switch(view, given, "wifi-on", "true"), Which, ("wifi.enable",), "wifi",
    ),
    Action(
        "wifi-off", {"en": "Wi-Fi: switch off", "ru": "Wi-Fi: выключить"},
        lambda view, given: _switch(view, given, "wifi-off", "false"), Which, ("wifi.enable",), "wifi", WIFI_CUT,
    ),
)  # fmt: skip
