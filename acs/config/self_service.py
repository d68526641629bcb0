"""`[self_service]`: a subscriber tests his own line, from the operator's portal or app."""

from typing import Annotated

from pydantic import Field

from acs.config.base import Count, Section


class SelfServiceSection(Section):
    """`[self_service]`: line tokens and how often a line is tested for its owner."""

    #: Seconds that a line token lives where the portal does not say: a visit of the personal page.
    token_s: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    #: Longest life of a line token, in seconds.
    token_max_s: Annotated[float, Field(gt=0, le=86_400)] = 3_600.0
    #: Tests of one line within an hour that its owner may ask for.
    checks_per_hour: Count = 6
    #: Tests of one line within a day that its owner may ask for.
    checks_per_day: Count = 20
    #: Addresses of the portal or app, such as `https://my.example`, whose pages may call the check from a browser.
    origins: tuple[Annotated[str, Field(pattern=r"^https?://[^/*\s]+$", max_length=300)], ...] = ()
