"""`[history]`: how long measured values are kept, and how finely."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from acs.config.base import Count, Seconds, Section


class HistorySection(Section):
    """`[history]`: readings of lines and devices as time series."""

    #: Keep what devices say of themselves (light, errors, stations, uptime, streams) whenever it is read.
    devices: bool = True
    #: Hours for which values stay rows of their own; then they are packed, ten times smaller.
    young_hours: Annotated[float, Field(ge=1, le=168)] = 24.0
    #: Days for which every value stays as it was measured; what is usual for a line is judged over 7.
    raw_days: Annotated[float, Field(ge=8, le=3_650)] = 14.0
    #: Days for which one point per hour stays: mean, least and greatest. A quarter of a year is looked at hour by hour.
    hourly_days: Annotated[float, Field(ge=8, le=3_650)] = 100.0
    #: Days for which one point per day stays; after that it is forgotten.
    keep_days: Count = 730
    #: Seconds between two turns of the work that packs and forgets.
    tick_s: Seconds = 60.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.raw_days <= self.hourly_days <= self.keep_days:
            raise ValueError(
                "raw_days, hourly_days and keep_days must not fall: values become coarser as they grow old"
            )
        return self
