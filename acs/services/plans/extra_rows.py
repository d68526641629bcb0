"""Rows that a device has and a configuration has not. Pure.

The rule of this file: only a configuration that was read whole can say that a row was not there.
"""

from collections.abc import Collection, Iterable, Mapping

from acs.cwmp.paths import reading_order, rows_above, table_of

#: name → (value, xsd type)
Values = Mapping[str, tuple[str, str]]


def extra_rows(present: Iterable[str], known: Iterable[str]) -> list[str]:
    """The outermost rows of `present` names below which `known` has no name, in the order of their numbers."""
    had = {row for name in known for row in rows_above(name)}
    found: dict[str, None] = {}
    for name in present:
        extra = next((row for row in rows_above(name) if row not in had), None)
        if extra is not None:
            found[extra] = None
    return sorted(found, key=reading_order)


def same_row(row: str, wanted: Values, candidates: Collection[str], present: Values) -> str | None:
    """The candidate of the same table that holds what `wanted` has below `row`; None where none does."""
    leaves = {name[len(row) :]: value for name, (value, _) in wanted.items() if name.startswith(row)}
    for each in candidates:
        if table_of(each) != table_of(row):
            continue
        have = {leaf: present[each + leaf][0] for leaf in leaves if each + leaf in present}
        if have and have == leaves:
            return each
    return None
