"""The server of the conformance tests, for the odd devices too."""

from tests.conformance.conftest import acs, closed_acs, hang_up, hanging_up

__all__ = ["acs", "closed_acs", "hang_up", "hanging_up"]
