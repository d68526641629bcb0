"""The access network as this process sees it: the one way to its nodes, their alarms, looks at whole nodes, rounds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from acs.config import Config
from acs.errors import ConfigError
from acs.metrics import Metrics
from acs.services.access_alarms import AccessAlarms
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.polling import Polling
from acs.services.surveys import Surveys
from acs.store.store import Store
from probes.access import AccessReader
from probes.errors import ProfileError
from probes.gentle import Gentle, Limits
from probes.profiles.schema import load_profiles
from probes.quiet import QuietHours
from probes.traps import load_traps

#: seconds between two looks at which nodes are due for a round
_TICK_S = 10.0
#: seconds between two bites of old alarms
_PRUNE_S = 600.0


@dataclass(frozen=True, slots=True)
class AccessNetwork:
    """Everything about access nodes beyond reading one line."""

    reader: AccessReader
    alarms: AccessAlarms
    surveys: Surveys
    polling: Polling
    config: Config

    def jobs(self) -> dict[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it: rounds where they are switched on, and old alarms."""
        jobs: dict[str, tuple[float, Callable[[], Awaitable[object]]]] = {"old alarms": (_PRUNE_S, self.alarms.prune)}
        if self.config.polling.enabled:
            jobs["polling"] = (min(_TICK_S, self.config.polling.interval_s), self.polling.round)
        return jobs


def build_access_network(
    config: Config, store: Store, bus: Bus, reader: AccessReader, metrics: Metrics, clock: Clock
) -> AccessNetwork:
    """Put it together; nothing runs yet.

    Raises:
        ConfigError: a trap profile is wrong.
    """
    try:
        traps = load_traps(config.traps.profiles_directory)
    except ProfileError as error:
        raise ConfigError(f"traps.profiles_directory: {error}") from error
    alarms = AccessAlarms(store, bus, config.traps, traps, load_profiles(), metrics, clock)
    surveys = Surveys(store, reader, config.polling, clock)
    return AccessNetwork(reader, alarms, surveys, Polling(store, surveys, config.polling, metrics, clock), config)


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
