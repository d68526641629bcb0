"""The usual light of lines, the median of seven days, kept for a minute: fifty tickets of one PON read it once.

The rule of this file: a median of seven days is not another one after a minute; a line without one is looked up again.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from acs.services.context import baselines
from acs.store.transaction import Transaction

_KEPT = timedelta(seconds=60)
#: lines that are remembered; beyond them everything is forgotten
_MOST = 100_000


class UsualLevels:
    """Medians of one reading, of lines that were asked for lately. For the server's own reads: it knows no rights."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._kept: dict[str, tuple[datetime, float]] = {}

    async def of(self, tx: Transaction, lines: Sequence[str], now: datetime) -> dict[str, float]:
        """line → median of the last seven days; lines without readings are absent."""
        young = {
            line: kept for line in lines if (kept := self._kept.get(line)) is not None and abs(now - kept[0]) < _KEPT
        }
        found = await baselines(tx, [line for line in lines if line not in young], self._name, now)
        if len(self._kept) + len(found) > _MOST:
            self._kept.clear()
        self._kept.update({line: (now, median) for line, median in found.items()})
        return {line: median for line, (_, median) in young.items()} | found
