"""House and street of addresses as inventories hold them, in Russian, in Latin letters and in English."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.linetest import places
from probes.linetest.places import house_of, street_of


@pytest.mark.parametrize(
    ("address", "house", "street"),
    [
        ("Ленина 5, кв. 12", "ленина 5", "ленина"),
        ("Lenina 5, kv. 12", "lenina 5", "lenina"),
        ("Lenina 5 kv 12", "lenina 5", "lenina"),
        ("Lenina d. 5 kv12", "lenina d. 5", "lenina"),
        ("ul. Lenina, d. 5, kvartira 12", "ul. lenina, d. 5", "ul. lenina"),
        ("ул. Ленина д. 5 кв. 12", "ул. ленина д. 5", "ул. ленина"),
        ("г. Псков, ул. Мира, 7к2, 31", "г. псков, ул. мира, 7к2", "г. псков, ул. мира"),
        ("г. Псков, ул. Мира, д. 7, кв. 3", "г. псков, ул. мира, д. 7", "г. псков, ул. мира"),
        ("ул. Мира, д. 5, корп. 2, кв. 7", "ул. мира, д. 5, корп. 2", "ул. мира"),
        ("ул. Мира, д. 5, корпус 2, стр. 1, кв. 7", "ул. мира, д. 5, корпус 2, стр. 1", "ул. мира"),
        ("ul. Mira, d. 5, korp. 2, kv. 7", "ul. mira, d. 5, korp. 2", "ul. mira"),
        ("ул. Мира, 5, корп. 2, 31", "ул. мира, 5, корп. 2", "ул. мира"),
        ("ул. Мира, д. 5 корп. 2, подъезд 3, этаж 4, кв. 7", "ул. мира, д. 5 корп. 2", "ул. мира"),
        ("ул. Мира 5 корп 2 кв 7", "ул. мира 5 корп 2", "ул. мира"),
        ("ул. Мира, д. 5, 3 подъезд, 2-й этаж", "ул. мира, д. 5", "ул. мира"),
        ("ул. Мира, д. 5, помещение 3Н", "ул. мира, д. 5", "ул. мира"),
        ("ул. Мира, д. 5, лит. А, пом. I", "ул. мира, д. 5, лит. а", "ул. мира"),
        ("ул. Мира, стр. 5", "ул. мира, стр. 5", "ул. мира"),
        ("ул. Мира, вл. 5, стр. 2, офис 301", "ул. мира, вл. 5, стр. 2", "ул. мира"),
        ("ул. Мира, д. 12 А, кв. 3 (домофон 3)", "ул. мира, д. 12 а", "ул. мира"),
        ("ул. Мира, д. 12/4; кв. 3", "ул. мира, д. 12/4", "ул. мира"),
        ("ул. 9 Января 12, кв. 3", "ул. 9 января 12", "ул. 9 января"),
        ("8 Марта, 5, 12", "8 марта, 5", "8 марта"),
        ("мкр. 3, 12, кв. 45", "мкр. 3, 12", "мкр. 3"),
        ("мкр. 3, 12, 45", "мкр. 3, 12", "мкр. 3"),
        ("190000, г. Псков, ул. Мира, д. 7, оф. 2", "190000, г. псков, ул. мира, д. 7", "190000, г. псков, ул. мира"),
        ("Main st., 12, apt 4", "main st., 12", "main st."),
        ("Main st., 12, entrance 2, floor 3, apt 4", "main st., 12", "main st."),
        ("Main st., 12, building 5, apt. 3", "main st., 12, building 5", "main st."),
        ("Main st., building 5, room 3", "main st., building 5", "main st."),
        ("Town, Main str. 5, #12", "town, main str. 5", "town, main str."),
        ("12 Main st., apt 4", "12 main st.", "main st."),
        ("High street 12", "high street 12", "high street"),
        ("д. 5, корп. 2, кв. 7", "д. 5, корп. 2", ""),
        ("Farm behind the wood", "", ""),
        ("кв. 12", "", ""),
        ("", "", ""),
    ],
)
def test_addresses_are_read_as_people_write_them(address: str, house: str, street: str) -> None:
    assert (house_of(address), street_of(address)) == (house, street)


@pytest.mark.parametrize(
    ("house", "street"),
    [
        ("ул. Мира, д. 5", "ул. мира"),
        ("ул. Мира, д. 5, корп. 2", "ул. мира"),
        ("ул. Мира 5", "ул. мира"),
        ("Town, ul. Mira, 5k2", "town, ul. mira"),
        ("Town, Main st., 12", "town, main st."),
    ],
)
def test_what_lies_inside_a_house_names_no_house(house: str, street: str) -> None:
    entrances = ("", "подъезд 2", "под. 2", "podezd 2", "entrance 2", "2 подъезд")
    floors = ("", "этаж 3", "эт. 3", "floor 3", "3 этаж")
    flats = ("кв. 7", "кв 7", "квартира 7", "kv. 7", "kv 7", "kvartira 7", "apt 7", "apt. 7а", "flat 7", "пом. 7")
    for inside in product(entrances, floors, flats):
        for between in (", ", "; ", " , "):
            address = between.join([house, *filter(None, inside)])
            assert (house_of(address), street_of(address)) == (house.casefold(), street), address


def test_the_example_of_the_module_holds() -> None:
    examples = [line for line in (places.__doc__ or "").splitlines() if "→ house" in line]
    assert len(examples) == 3
    for line in examples:
        _, address, _, house, _, street, _ = line.split('"')
        assert (house_of(address), street_of(address)) == (house, street)


@given(st.text(alphabet="аквдпkd .,;#0123456789/-()\n", max_size=40))
def test_any_text_is_read_and_a_street_is_only_where_a_house_is(text: str) -> None:
    house, street = house_of(text), street_of(text)
    assert not street or house
    assert house == house.casefold() and not house.startswith(",")
