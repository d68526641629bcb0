"""An outage of which nothing is heard is looked at: a few of its lines are tested, so that it ends with evidence.

    no news for `look_again_s`, and no round over its node ─► quick tests of lines of different ports ─► who is online
    some are back ─► the next lines as soon as those are believed        all are down ─► again after `look_again_s`

The rule of this file: it only asks; what the tests see is told to the search as every test tells it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from acs.config import OutagesSection
from acs.errors import AcsError, NotFound
from acs.services.actor import system_actor
from acs.services.line_tests import LineTests
from acs.services.outage_cases import RUNNING, Case
from acs.store import access as access_store
from acs.store import lines as line_store
from acs.store.records import LineRecord
from acs.store.store import Store
from probes.linetest.depths import QUICK

#: outages that one look asks about
_AT_ONCE = 10
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class _Asked:
    """When lines of an outage were tested last for this, and when those of each port."""

    at: datetime
    ports: dict[tuple[object, ...], datetime] = field(default_factory=dict)


class LookAgain:
    """Remembers what it asked. Belongs to one process: after a restart it asks once more."""

    def __init__(self, store: Store, config: OutagesSection, line_tests: LineTests) -> None:
        self._store = store
        self._config = config
        self._line_tests = line_tests
        self._asked: dict[str, _Asked] = {}

    async def go_on(self, running: Iterable[Case], now: datetime) -> None:
        """Begin tests of lines of those outages of which nothing was heard for long."""
        falls = [case for case in running if case.outage.witness == "fall" and case.outage.state in RUNNING]
        self._asked = {id_: self._asked[id_] for id_ in {case.outage.id for case in falls} & self._asked.keys()}
        due = [case for case in falls if self._is_due(case, now)][:_AT_ONCE]
        if not due or not self._config.look_again_lines:
            return
        async with self._store.reading() as tx:
            polls = await access_store.polls(tx)
            quiet = now - timedelta(seconds=self._config.look_again_s)
            due = [one for one in due if one.outage.node not in polls or polls[one.outage.node].polled_at < quiet]
            lines = await line_store.get_many(tx, [one.line for case in due for one in case.down])
        for case in due:
            if not await self._ask(case, [lines[one.line] for one in case.down if one.line in lines], now):
                return

    def _is_due(self, case: Case, now: datetime) -> bool:
        """Whether its news, and our last question, are old; a question that was answered by lines is followed up."""
        asked = self._asked.get(case.outage.id)
        quiet_s = self._config.look_again_s
        news = case.outage.changed_at
        if asked is not None:
            backs = [one.back_at for one in case.lines.values() if one.back_at is not None]
            if backs and max(backs) >= asked.at:
                quiet_s = min(quiet_s, self._config.settle_s)
            news = max(news, asked.at)
        return bool(case.down) and now - news >= timedelta(seconds=quiet_s)

    async def _ask(self, case: Case, down: list[LineRecord], now: datetime) -> bool:
        """Test a line of each of those ports that were asked least lately; False where there is no room for tests."""
        asked = self._asked.setdefault(case.outage.id, _Asked(now))
        asked.at = now
        by_port = {_port_of(line): line for line in down}
        ports = sorted(by_port, key=lambda port: (asked.ports.get(port, _NEVER), str(port)))
        for port in ports[: self._config.look_again_lines]:
            try:
                await self._line_tests.start(system_actor("outages"), by_port[port].id, depth=QUICK)
            except NotFound:
                pass
            except AcsError:  # too many tests wait: after another while
                return False
            asked.ports[port] = now
        return True


def _port_of(line: LineRecord) -> tuple[object, ...]:
    """What one reading tells of: a PON port; of other nodes a line."""
    if line.technology == "pon" and line.slot is not None and line.port is not None:
        return (line.node, line.frame or 0, line.slot, line.port)
    return (line.node, line.id)
