"""One model's settings in another model's words: by meaning, row by row. Pure.

The rule of this file: what either model has no word for is left out; a line's settings are its networks, its login, its
name servers and its forwardings, and nothing else passes from one model to another.
"""

from collections.abc import Iterator, Mapping

from acs.profiles.settings import Place, Settings

#: name → (value, xsd type)
Values = Mapping[str, tuple[str, str]]
#: What passes, by the target whose rows go together.
_BY_ROW = {
    "wifi": ("wifi.ssid", "wifi.password", "wifi.enable"),
    "ppp": ("ppp.username", "ppp.password"),
}
#: Meanings whose values pass from row to row.
PASSING = frozenset(meaning for meanings in _BY_ROW.values() for meaning in meanings)
_ONCE = ("dns.lan",)
_FORWARDING = (
    "forwarding.enable",
    "forwarding.protocol",
    "forwarding.external_port",
    "forwarding.internal_port",
    "forwarding.client",
    "forwarding.title",
)


def translate(old: Settings, values: Values, new: Settings, present: Values) -> dict[str, tuple[str, str]]:
    """The values of one model under the names of the other, as far as both have a word for them."""
    before = {name: value for name, (value, _) in values.items()}
    now = {name: value for name, (value, _) in present.items()}
    found: dict[str, tuple[str, str]] = {}
    for target, meanings in _BY_ROW.items():
        pairs = zip(old.rows(target, before), new.rows(target, now), strict=False)
        for old_row, new_row in pairs:
            for meaning in meanings:
                here, there = old.place(meaning, before, old_row.path), new.place(meaning, now, new_row.path)
                _carry(here, there, values, present, found)
    for meaning in _ONCE:
        _carry(old.place(meaning, before), new.place(meaning, now), values, present, found)
    for name, entry in _forwardings(old, before, values, new, now):
        found[name] = entry
    return found


def _carry(
    here: Place | None, there: Place | None, values: Values, present: Values, found: dict[str, tuple[str, str]]
) -> None:
    if here is None or there is None or not values[here.path][0]:
        return
    value = values[here.path][0]
    found[there.path] = (_in_words(value, here, there), present[there.path][1])


def _in_words(value: str, here: Place, there: Place) -> str:
    word = next((word for word, wire in here.setting.codes.items() if wire == value), value)
    return there.setting.codes.get(word, value if not there.setting.codes else word)


def _forwardings(
    old: Settings, before: Mapping[str, str], values: Values, new: Settings, now: Mapping[str, str]
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Rows of the other model's table, under numbers that are free there: they are added when they are put back."""
    tables = new.tables("forwarding", now) or new.possible_tables("forwarding", now)
    if not tables:
        return
    number = 900
    for row in old.rows("forwarding", before):
        number += 1
        for meaning in _FORWARDING:
            leaf, there = old.leaf(meaning), new.leaf(meaning)
            entry = values.get(row.path + leaf) if leaf else None
            if entry is not None and there:
                yield f"{tables[0]}{number}.{there}", entry
