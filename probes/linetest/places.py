"""House and street of an address as people write it. Pure.

    "Lenina 5, kv. 12" → house "lenina 5", street "lenina"; "Town, Main st., 7k2, 31" → house "town, main st., 7k2"

The rule of this file: it only groups; what it cannot read is a group of its own, and harms nobody.
"""

import re

_FLAT = re.compile(
    r"^(кв|квартира|apt|apartment|flat|оф|офис|office|unit|комн|комната|room)\b\.?\s*\S*$|^#\s*\S+$", re.IGNORECASE
)
_HOUSE = re.compile(
    r"^(дом|д|house|building|стр|вл|no)?\.?\s*\d+\S{0,6}(\s*(к|корп|стр|лит)\.?\s*\S{1,4})*$", re.IGNORECASE
)
_NUMBER_AT_END = re.compile(r"^(?P<street>.*\D)\s+(д\.?\s*|дом\s+|house\s+)?\d+\S{0,6}$", re.IGNORECASE)


def house_of(address: str) -> str:
    """Return what names the house, without the flat; empty where the address names no house."""
    parts = _parts(address)
    while parts and _FLAT.match(parts[-1]):
        parts.pop()
    if len(parts) >= 2 and _HOUSE.match(parts[-1]) and _HOUSE.match(parts[-2]):
        parts.pop()  # a flat that is only a number, behind the house's number
    elif len(parts) >= 2 and parts[-1].isdigit() and _NUMBER_AT_END.match(parts[-2]):
        parts.pop()
    return ", ".join(parts) if parts and any(letter.isdigit() for letter in parts[-1]) else ""


def street_of(address: str) -> str:
    """Return what names the street, without the house; empty where the address names no house."""
    house = house_of(address)
    if not house:
        return ""
    head, _, last = house.rpartition(", ")
    if _HOUSE.match(last):
        return head
    match = _NUMBER_AT_END.match(last)
    street = match["street"].strip() if match else ""
    return ", ".join(part for part in (head, street) if part) if street else ""


def _parts(address: str) -> list[str]:
    return [" ".join(part.split()).casefold() for part in address.split(",") if part.strip()]
