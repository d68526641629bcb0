"""What every body of the API has in common.

The rule of this file: a body says nothing that its form does not know, and every text has a greatest length.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from acs.services.clock import in_utc


class Body(BaseModel):
    """A body that comes in: strict about its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nul(cls, data: Any) -> Any:
        """Refuse texts that not every store can hold."""
        if isinstance(data, dict):
            for key, value in data.items():
                if isinstance(value, str) and "\x00" in value:
                    raise ValueError(f"{key}: remove the NUL character")
        return data


class Answer(BaseModel):
    """A body that goes out, made from a record's attributes."""

    model_config = ConfigDict(from_attributes=True)


Name = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(max_length=1_000)]
Instant = Annotated[AwareDatetime, AfterValidator(in_utc)]
Scalar = bool | int | float | Annotated[str, Field(max_length=200)]

LimitQuery = Annotated[int, Query(ge=1, le=1_000, description="Greatest number of rows.")]
SearchQuery = Annotated[str, Query(max_length=200, description="A part of any of the texts that identify the thing.")]
AfterQuery = Annotated[str, Query(max_length=512, description="The last id of the page before.")]


def plain(value: Any) -> Any:
    """A value as JSON has it: instants as RFC 3339."""
    return value.isoformat() if isinstance(value, datetime) else value
