"""What can be wanted of a device: one row per kind of operation, with its arguments checked and its plan made.

A file per family; the table below is all of them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from acs.services.kinds import (
    changing,
    diagnostics,
    others,
    own_credentials,
    provisioning,
    reading,
    restart,
    setting,
    transfers,
    waking,
)
from acs.services.kinds.base import NAME_LENGTH, NAMES, XSD_TYPES, Kind, PlanContext

__all__ = ["KINDS", "NAMES", "NAME_LENGTH", "XSD_TYPES", "Kind", "PlanContext"]

#: Every kind by its name.
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for family in (
            diagnostics,
            restart,
            reading,
            setting,
            changing,
            transfers,
            others,
            own_credentials,
            waking,
            provisioning,
        )
        for kind in family.KINDS
    }
)
