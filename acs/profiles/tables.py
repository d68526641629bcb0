"""How a profile says where the rows of a table stand in a parameter tree.

The rule of this file: a form names one kind of rows by its path; several forms of one table give their rows one after
the other, and a form that refines the base's of the same rows keeps what the base knows as a second source.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from acs.profiles.columns import TABLES
from acs.profiles.meaning import Bounds, Meaning, Path_, Strict, Text
from probes.facts import Scalar

#: a leaf as seen from its row: `^.` is the row above, `A->B` follows the reference in A, `*` any row of a table below
Leaf = Annotated[str, Field(min_length=1, max_length=300, pattern=r"^(\^\.)*[A-Za-z][A-Za-z0-9_.*>^-]*$")]


class Column(Meaning):
    """Where one column of a row stands, and what its text means."""

    leaf: Leaf
    #: another leaf: the value becomes 100 × leaf / of
    of: Leaf | None = None
    #: the leaf stands in the row of another table whose named reference points at this row
    referring: Path_ | None = None
    #: leaves of the row and the range that their numbers must be in for this reading to hold (which unit is meant)
    given: dict[str, Bounds] = Field(default_factory=dict)
    #: leaves and the texts that they must have for this reading to hold
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    #: leaf of the row → leaf beside the one that is read; both must say the same (the band of a radio and of its load)
    alike: dict[str, Text] = Field(default_factory=dict)
    #: where this knowledge comes from, if not from the table's own source
    source: Text | None = None


class Reach(Strict):
    """Rows count only if, going down by the references in `through`, one of them has `leaf` with one of the values."""

    through: Text = "LowerLayers"
    leaf: Text
    values: tuple[str, ...]


class TableForm(Strict):
    """One kind of rows of a table."""

    name: Text
    #: the row's path, one * per instance number, without a dot at its end
    rows: Path_
    #: rows come and go, so the table is asked for whole, by its partial path
    volatile: bool = False
    #: the number of rows, seen from the row above; where it is 0 the rows that are still known are history
    counted_by: Text | None = None
    #: leaves of the row and the values they must have for the row to count
    where: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    reaches: Reach | None = None
    #: only used where the forms before it gave no row
    fallback: bool = False
    #: of rows with the same value in this column only the first counts, enabled ones before others
    one_per: str | None = None
    #: rows without a value in all of these columns are dropped
    needs: tuple[str, ...] = ()
    #: columns whose value is known without asking
    fixed: dict[str, Scalar] = Field(default_factory=dict)
    columns: dict[str, Column | tuple[Column, ...]] = Field(default_factory=dict)
    source: Text

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.name not in TABLES:
            raise ValueError(f"no table {self.name!r}; one of {', '.join(sorted(TABLES))}")
        known = TABLES[self.name].columns
        named = {*self.columns, *self.fixed, *self.needs, *([self.one_per] if self.one_per else [])}
        if strange := sorted(named - set(known)):
            raise ValueError(f"table {self.name!r} has no column {strange[0]!r}; it has {', '.join(known)}")
        if self.volatile and "*" not in self.rows:
            raise ValueError("volatile needs a * in rows: it is about the rows of a table")
        return self

    def readings_of(self, column: str) -> tuple[Column, ...]:
        """The ways to read a column, in the order of trust."""
        known = self.columns.get(column, ())
        return known if isinstance(known, tuple) else (known,)


def merged(own: Sequence[TableForm], base: Mapping[str, Sequence[TableForm]]) -> dict[str, tuple[TableForm, ...]]:
    """Every table of a profile. A form for the same rows as one of the base takes its place and refines it.

    A form for other rows of a table that the base has is added to the base's: both give rows.
    """
    tables = {name: list(forms) for name, forms in base.items()}
    for form in own:
        forms = tables.setdefault(form.name, [])
        same = next((number for number, other in enumerate(forms) if other.rows == form.rows), None)
        if same is None:
            forms.append(form)
        else:
            forms[same] = _refined(form, forms[same])
    return {name: tuple(forms) for name, forms in tables.items()}


def _refined(own: TableForm, base: TableForm) -> TableForm:
    names = [*own.columns, *(name for name in base.columns if name not in own.columns)]
    columns = {name: (*own.readings_of(name), *base.readings_of(name)) for name in names}
    given = own.model_fields_set
    kept = {name: getattr(base, name) for name in TableForm.model_fields if name not in given}
    return own.model_copy(update={**kept, "columns": columns, "fixed": {**base.fixed, **own.fixed}})
