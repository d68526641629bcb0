"""Every action by its name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from acs.services.actions import network, whole, wifi
from acs.services.actions.base import Action

CATALOGUE: Final[Mapping[str, Action]] = MappingProxyType(
    {action.name: action for family in (whole, wifi, network) for action in family.ACTIONS}
)
