"""How a list of changed tickets is read to its end though it moves while it is read. Pure.

    since ──► page ──► since the last change on it ──► page ─► …      one that is changed meanwhile comes once more
                └─ every change on it of one instant ──► the next page of that instant, which overlaps this one

The rule of this file: a ticket is never skipped in silence; where a list cannot be read on, that is said.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from acs.services.adapters import paths
from acs.services.adapters.schema import PollForm

#: of a page within one instant, the share that the next one shows again: so many may leave the list meanwhile
_OVERLAP = 10
#: what the formats of instants count in
_GRAINS = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))


class Paging:
    """Where a look at a system stands. `gap`: the instant that the last page left unread, or ""."""

    def __init__(self, poll: PollForm, since: datetime) -> None:
        self._poll = poll
        self._at = since
        self._page = self._offset = 0
        self._numbered = bool(paths.holes([poll.path, poll.body]) & {"offset", "page"})
        self._seen: set[tuple[str, datetime | None]] = set()
        self.gap = ""

    @property
    def words(self) -> dict[str, str]:
        """What the next question says."""
        numbers = {"limit": self._poll.limit, "offset": self._offset, "page": self._page + 1}
        return {"since": self._text(self._at), **{name: str(number) for name, number in numbers.items()}}

    def is_new(self, number: str, changed_at: datetime | None) -> bool:
        """Whether a ticket did not come in this look, or changed since it came. It counts as come from now on."""
        key = (number, changed_at)
        new = key not in self._seen
        self._seen.add(key)
        return new

    def go_on(self, changes: Sequence[datetime | None]) -> bool:
        """Whether there is more to ask for, after a page with these changes in its order."""
        self.gap = ""
        if len(changes) < self._poll.limit:
            return False
        last = _last(changes)
        if last is not None and last > self._at and self._text(last) != self._text(self._at):
            self._at, self._page, self._offset = last, 0, 0
            return True
        if self._numbered:
            self._page += 1
            self._offset += self._poll.limit - self._poll.limit // _OVERLAP
            return True
        self.gap = self._text(self._at)
        return last is not None and self._past()

    def _past(self) -> bool:
        """Go past an instant that cannot be read to its end; what comes later must not wait for it."""
        later = (self._at + grain for grain in _GRAINS)
        after = next((one for one in later if self._text(one) != self._text(self._at)), None)
        self._at = after or self._at
        return after is not None

    def _text(self, at: datetime) -> str:
        return at.astimezone(UTC).strftime(self._poll.since)


def _last(changes: Sequence[datetime | None]) -> datetime | None:
    """The last change of a page that is in the order of its changes; None where they are not told, or lie otherwise."""
    told = [one for one in changes if one is not None]
    return told[-1] if len(told) == len(changes) and told == sorted(told) else None
