"""The metadata and the columns that every table is made of."""

from sqlalchemy import BigInteger, Column, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: A number that the database hands out: SQLite knows that only as INTEGER.
SERIAL = BigInteger().with_variant(Integer(), "sqlite")


def text_column(name: str, *, null: bool = False) -> Column[str]:
    """A column of text."""
    return Column(name, Text, nullable=null)


def instant(name: str, *, null: bool = False) -> Column[int]:
    """An instant: whole microseconds since 1970."""
    return Column(name, BigInteger, nullable=null)
