"""`[packs]`: how a rule pack comes to decide."""

from typing import Annotated

from pydantic import Field

from acs.config.base import Count, Section


class PacksSection(Section):
    """`[packs]`: rule packs of line tests, from a proposal to a decision."""

    #: People who must approve a pack before it may decide; two, so that nobody changes the rules alone.
    approvals: Annotated[int, Field(ge=1, le=5)] = 2
    #: Days that a pack judges silently beside the deciding one before it may decide.
    shadow_days: Annotated[float, Field(ge=0, le=365)] = 7.0
    #: Line tests after which a silent pack has been seen enough, however few days it ran.
    shadow_tests: Annotated[int, Field(ge=0, le=100_000)] = 500
    #: Stored line tests that one comparison of two packs judges again, at most: each costs about a millisecond twice.
    replay_tests: Count = 20_000
