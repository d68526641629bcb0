"""House and street of an address as people write it. Pure.

    "Lenina 5, kv. 12"                  → house "lenina 5", street "lenina"
    "Town, Main st., 7k2, 31"           → house "town, main st., 7k2", street "town, main st."
    "ул. Мира, д. 5, корп. 2, кв. 7"    → house "ул. мира, д. 5, корп. 2", street "ул. мира"

What lies inside a house (flat, room, entrance, floor) is cut off at the end, then comes the house's number with the
buildings that it has, and what is before is the street.

The rule of this file: it only groups; what it cannot read is a group of its own, and harms nobody.
"""

import re

#: what lies inside a house, in Russian, in Latin letters, and in English
_INNER = (
    r"(?:кв|кварт|квартира|kv|kvart|kvartira|apt|apart|apartment|appt|flat|unit|suite|ste"
    r"|оф|офис|of|ofis|office|комн?|комната|komn?|komnata|room|rm|пом|помещ|помещение|pom|pomesh?ch?enie"
    r"|под|подъезд|подьезд|парадная|pod|pod['\"]?[yj]?ezd|paradnaya|entrance|entr?|entry"
    r"|эт|этаж|et|etazh|floor|fl|секция|sektsiya|section|домофон|domofon|intercom|код|kod|code)"
)
#: what divides a house that has a number: a building, a letter
_PART = (
    r"(?:(?:к|k|с|s)\.?\s?\d[^\s,]{0,3}"
    r"|(?:корп|корпус|korp|korpus|corp|стр|строение|str|stroenie|лит|литер|литера|lit|liter|litera"
    r"|вл|владение|vl|vladenie|block|blk|bldg?|building)(?:\.\s*|\s+|(?=\d))№?\s?[^\s,]{1,4})"
)
_NAMED = r"(?:(?:дом|д|dom|d|house|вл|владение|vl|vladenie|уч|участок|no|nr)(?:\.\s*|\s+|(?=\d)))?"
_NUMBER = rf"{_NAMED}№?\s?\d+[^\s,]{{0,6}}(?:\s[a-zа-я](?=\s|$))?(?:\s*{_PART})*"
#: names of areas that end in a number which is no house's
_AREA = re.compile(r"^(?:мкрн?|микрорайон|mkrn?|mikroraion|mikrorayon|microdistrict|квартал|kvartal|quarter)\b")

_INSIDE = re.compile(rf"^{_INNER}(?:\b|(?=\d))\.?\s*(?:№|#)?\s*\S{{0,8}}$|^#\s*\S+$")
_INSIDE_AFTER = re.compile(rf"^\d+\S{{0,3}}\s+{_INNER}\.?$")
_INSIDE_AT_END = re.compile(rf"^(?P<rest>.*\S)\s+{_INNER}(?:\b|(?=\d))\.?\s*(?:№|#)?\s*\d\S{{0,5}}$")
_HOUSE = re.compile(rf"^{_NUMBER}$")
_ONLY_PART = re.compile(rf"^{_PART}$")
_BARE = re.compile(r"^\d+[a-zа-я]?$")
_NUMBER_AT_END = re.compile(rf"^(?P<street>.*?[^\d\s])\s+{_NUMBER}$")
_NUMBER_FIRST = re.compile(
    r"^\d+[a-z]?\s+(?P<street>\D.*\b(?:st|str|street|ave|avenue|road|rd|lane|ln|drive|dr|blvd|boulevard|way|court)\.?)$"
)


def place_of(address: str) -> tuple[str, str]:
    """Return what names the house, without the flat, and the street; each empty where the address names none."""
    before, house = _read(address)
    if not house:
        return "", ""
    street = before
    if not (_HOUSE.match(house[0]) or _ONLY_PART.match(house[0])):
        match = _NUMBER_AT_END.match(house[0]) or _NUMBER_FIRST.match(house[0])
        street = [*before, match["street"].strip()] if match else []
    return ", ".join([*before, *house]), ", ".join(street)


def house_of(address: str) -> str:
    """Return what names the house, without the flat; empty where the address names no house."""
    return place_of(address)[0]


def street_of(address: str) -> str:
    """Return what names the street, without the house; empty where the address names no house or no street."""
    return place_of(address)[1]


def _read(address: str) -> tuple[list[str], list[str]]:
    """The parts before the one that holds the house's number, and those from it on; no house where there is none."""
    parts = _outside(address)
    if len(parts) >= 2 and _BARE.match(parts[-1]) and _starts_house(parts[:-1]) is not None:
        parts.pop()  # a flat that is only a number, behind the house's number
    start = _starts_house(parts)
    if start is None and parts and any(letter.isdigit() for letter in parts[-1]):
        start = len(parts) - 1  # a house by a name of its own
    return (parts, []) if start is None else (parts[:start], parts[start:])


def _starts_house(parts: list[str]) -> int | None:
    """Which part holds the number of the house, behind which only its buildings come; None where none does."""
    at = len(parts)
    while at and _ONLY_PART.match(parts[at - 1]):
        at -= 1
    if at and _has_number(parts[at - 1]):
        return at - 1
    # "st., building 5": the building is the house
    return at if at < len(parts) and any(letter.isdigit() for letter in parts[at]) else None


def _has_number(part: str) -> bool:
    if _AREA.match(part):
        return False
    return any(form.match(part) for form in (_HOUSE, _NUMBER_AT_END, _NUMBER_FIRST))


def _outside(address: str) -> list[str]:
    """The parts of an address without what lies inside the house."""
    text = re.sub(r"\([^)]*\)", " ", address)
    parts = [" ".join(part.split()).casefold() for part in re.split(r"[,;\n]", text) if part.strip()]
    while parts:
        last = parts[-1]
        if _INSIDE.match(last) or _INSIDE_AFTER.match(last):
            parts.pop()
        elif (match := _INSIDE_AT_END.match(last)) is not None:
            parts[-1] = match["rest"]
        else:
            break
    return parts
