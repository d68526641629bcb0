"""The one way of this process to its access nodes, as the configuration wants it."""

from acs.config import Config
from probes.gentle import Gentle, Limits
from probes.quiet import QuietHours


def gentle_of(config: Config) -> Gentle:
    """What every reader of access nodes in this process asks through."""
    access = config.access
    limits = Limits(
        at_once=config.line_tests.per_node,
        per_second=access.requests_per_s,
        burst=access.burst,
        polling_per_second=min(config.polling.requests_per_s, access.requests_per_s),
        failures=access.failures,
        rest_s=access.rest_s,
        rest_max_s=access.rest_max_s,
    )
    quiet = QuietHours.parse(access.quiet_hours, access.quiet_time_zone)
    return Gentle(limits, quiet, access.may_write)
