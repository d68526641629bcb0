"""The subscriber checks his own line: plain words, one next step, nothing of the network.

    portal ─► line token ─► his page ─┐
    portal's server, scope `test` ────┴─► check ─┬─ running ─► ask again
                                                 └─ done ─► what it means, what to do next, until when

The rule of this file: a subscriber sees the words of `self_service_words` and those that the pack has for him, and no
name or number of ours; his test interrupts nothing, and his line is tested so often and no more, however he asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.config import SelfServiceSection
from acs.errors import InvalidInput, NotFound, TooMany
from acs.services import audit
from acs.services.actor import Actor, Scope, system_actor
from acs.services.clock import Clock
from acs.services.line_tests import LineTests
from acs.services.line_tokens import LineToken, LineTokens
from acs.services.lines import known_line
from acs.services.packs import Packs
from acs.services.replays import pack_hash
from acs.services.running_tests import DEPTHS
from acs.services.self_service_words import HEADINGS, NEXT_STEPS, TEXTS, heading_of, next_step_of
from acs.services.slots import Priority
from acs.store import line_tests as test_store
from acs.store.records import Json, LineTestRecord, LineTestState
from acs.store.store import Store
from probes.linetest.depths import SELF_SERVICE
from probes.linetest.model import VerdictKind
from probes.linetest.self_service import for_subscriber

#: for so long a finished test answers the next check of its line
_FRESH_S = 60.0
#: tests of a line that are looked at
_LOOKED_AT = 200
#: what measures all that a check would: such a test is joined, and tells its end to the subscriber too
_DEEP_ENOUGH = frozenset(DEPTHS[DEPTHS.index(SELF_SERVICE) :])


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """What a subscriber sees, heading and text by language. `state`: running, failed, or one of NEXT_STEPS."""

    id: str
    state: str
    heading: Mapping[str, str]
    text: Mapping[str, str]
    next_step: str
    checked_at: datetime | None = None
    until: datetime | None = None


class SelfService:
    """Use cases of the subscriber's page and of the portal behind it."""

    def __init__(
        self,
        store: Store,
        config: SelfServiceSection,
        line_tests: LineTests,
        packs: Packs,
        tokens: LineTokens,
        clock: Clock,
    ) -> None:
        self._store = store
        self._config = config
        self._tests = line_tests
        self._packs = packs
        self._tokens = tokens
        self._clock = clock

    async def mint(self, actor: Actor, line: str, seconds: float | None = None) -> tuple[str, datetime]:
        """A token for one line, and when it ends; for a portal that knows who its visitor is.

        Raises:
            NotFound: no such line.
            InvalidInput: it would live too long.
        """
        actor.require(Scope.SELF_CHECK)
        seconds = self._config.token_s if seconds is None else seconds
        if not 1 <= seconds <= self._config.token_max_s:
            raise InvalidInput(f"valid_s: write 1 to {self._config.token_max_s:g} seconds; make a new token later")
        now = self._clock()
        until = now + timedelta(seconds=int(seconds))
        after: dict[str, Json] = {"until": until.isoformat(timespec="seconds")}
        async with self._store.transaction() as tx:
            await known_line(tx, line)
            await audit.note(tx, actor, "line_token.minted", f"line:{line}", now, after=after)
        return self._tokens.mint(LineToken(line, until)), until

    @property
    def origins(self) -> Sequence[str]:
        """The addresses whose pages may call from a browser."""
        return self._config.origins

    def proven(self, text: str) -> LineToken | None:
        """What a line token says; None for one that is not good."""
        return self._tokens.proven(text, self._clock())

    async def check(self, token: LineToken, language: str) -> OwnCheck:
        """Test the line of the token, or show the test of the last minute, or the one that runs.

        Raises:
            TooMany: the line was tested often enough for now; told in this language.
        """
        try:
            return await self._check(system_actor("self-service"), token.line, language)
        except NotFound:
            return _own("", "failed")

    async def last(self, token: LineToken, language: str) -> OwnCheck:
        """How the last check of the line stands.

        Raises:
            NotFound: there was none; told in this language.
        """
        recent = await self._recent(token.line)
        if not recent:
            raise NotFound({"ru": "Проверок ещё не было.", "en": "There was no check yet."}[language])
        return await self._shown(recent[0])

    async def start(self, actor: Actor, line: str, language: str) -> OwnCheck:
        """Test a line for its owner, who asks through the portal's server: as `check`.

        Raises:
            NotFound: no such line.
            TooMany: the line was tested often enough for now; told in this language.
        """
        actor.require(Scope.TEST)
        return await self._check(actor, line, language)

    async def get(self, actor: Actor, test_id: str) -> OwnCheck:
        """What became of a check.

        Raises:
            NotFound: no such test, or one that measured less than a check does.
        """
        actor.require(Scope.TEST)
        async with self._store.reading() as tx:
            test = await test_store.get(tx, test_id)
        if test is None or test.depth not in _DEEP_ENOUGH:
            raise NotFound(f"no self-check {test_id!r}; start one")
        return await self._shown(test)

    async def _check(self, actor: Actor, line: str, language: str) -> OwnCheck:
        now = self._clock()
        recent = await self._recent(line)
        if recent and (recent[0].state is LineTestState.RUNNING or _age_s(recent[0], now) < _FRESH_S):
            return await self._shown(recent[0])
        self._refuse_too_many(recent, now, language)
        try:
            test = await self._tests.start(actor, line, depth=SELF_SERVICE, priority=Priority.TICKET)
        except TooMany as error:
            raise TooMany(TEXTS["failed"][language], retry_after_s=error.retry_after_s) from None
        return await self._shown(test)

    async def _recent(self, line: str) -> list[LineTestRecord]:
        """The line's tests of a day that measured what a check does, newest first."""
        async with self._store.reading() as tx:
            found = await test_store.list_line_tests(tx, line=line, limit=_LOOKED_AT, facts=False)
        since = self._clock() - timedelta(days=1)
        return [one for one in found if one.created_at > since and one.depth in _DEEP_ENOUGH]

    def _refuse_too_many(self, recent: Sequence[LineTestRecord], now: datetime, language: str) -> None:
        own = [one.created_at for one in recent if one.depth == SELF_SERVICE]
        for seconds, limit in ((3_600, self._config.checks_per_hour), (86_400, self._config.checks_per_day)):
            within = [at for at in own if (now - at).total_seconds() < seconds]
            if len(within) >= limit:
                wait_s = int(seconds - (now - min(within)).total_seconds()) + 1
                said = {
                    "ru": f"Линию уже проверяли. Следующая проверка возможна через {-(-wait_s // 60)} мин.",
                    "en": f"The line was checked already. The next check is possible in {-(-wait_s // 60)} min.",
                }
                raise TooMany(said[language], retry_after_s=wait_s)

    async def _shown(self, test: LineTestRecord) -> OwnCheck:
        if test.state is LineTestState.RUNNING:
            return _own(test.id, "running")
        if not isinstance(test.verdict, dict):
            return _own(test.id, "failed")
        async with self._store.reading() as tx:
            pack = await self._packs.pack(tx, pack_hash(test))
        told = for_subscriber(pack, test.verdict)
        state, verdict, until = told["state"], VerdictKind(str(test.verdict["verdict"])), told["until"]
        return OwnCheck(
            test.id,
            state,
            heading_of(state, verdict),
            told["text"],
            next_step_of(state, verdict),
            test.finished_at,
            datetime.fromisoformat(until) if until else None,
        )


def _own(test_id: str, state: str) -> OwnCheck:
    return OwnCheck(test_id, state, HEADINGS[state], TEXTS[state], NEXT_STEPS[state])


def _age_s(test: LineTestRecord, now: datetime) -> float:
    ended = test.finished_at
    return (now - ended).total_seconds() if ended is not None and test.state is LineTestState.DONE else float("inf")
