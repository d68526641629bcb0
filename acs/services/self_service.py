"""The subscriber checks his own line with a line token: plain words, one next step, nothing of the network.

    portal ─► line token ─► check ─┬─ running ─► ask again
                                   └─ done ─► what it means, what to do next, until when

The rule of this file: a subscriber sees the words of this file and those that the pack has for him, and never an id, a
name or a number of ours; his test interrupts nothing, and his line is tested so often and no more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
from acs.services.slots import Priority
from acs.store import line_tests as test_store
from acs.store.records import Json, LineTestRecord, LineTestState
from acs.store.store import Store
from probes.linetest.depths import SELF_SERVICE
from probes.linetest.self_service import for_subscriber

#: for so long a finished test answers the next check of its line
_FRESH_S = 60.0
#: finished tests of a line that are looked at
_LOOKED_AT = 200
#: what the check says → what the subscriber does next, one thing
NEXT_STEPS: Mapping[str, str] = {
    "good": "nothing",
    "no_fault_seen": "nothing",
    "watched": "nothing",
    "we_repair": "wait",
    "outage": "wait",
    "you_can_repair": "do",
    "visit": "agree_visit",
    "call_us": "call",
}
_HEADINGS: Mapping[str, Mapping[str, str]] = {
    "running": {"ru": "Проверяем вашу линию", "en": "We are checking your line"},
    "failed": {"ru": "Проверить линию сейчас не удалось", "en": "Your line could not be checked now"},
    "good": {"ru": "С вашей линией всё в порядке", "en": "Your line is fine"},
    "no_fault_seen": {"ru": "Неисправностей не видно", "en": "We see no fault"},
    "watched": {"ru": "Мы наблюдаем за вашей линией", "en": "We are watching your line"},
    "we_repair": {"ru": "Мы уже устраняем неисправность", "en": "We are repairing the fault"},
    "outage": {"ru": "В вашем районе авария", "en": "There is an outage in your area"},
    "you_can_repair": {"ru": "Вы можете исправить это сами", "en": "You can repair this yourself"},
    "visit": {"ru": "Нужен визит мастера", "en": "A technician has to come"},
    "call_us": {"ru": "Позвоните нам, пожалуйста", "en": "Please call us"},
}
_TEXTS: Mapping[str, Mapping[str, str]] = {
    "running": {"ru": "Это займёт меньше минуты.", "en": "It takes less than a minute."},
    "failed": {
        "ru": "Попробуйте ещё раз через несколько минут или позвоните нам.",
        "en": "Try again in a few minutes, or call us.",
    },
}


@dataclass(frozen=True, slots=True)
class OwnCheck:
    """What a subscriber sees, in one language. `state`: running, failed, or one of NEXT_STEPS."""

    state: str
    heading: str
    text: str
    next_step: str
    checked_at: datetime | None = None
    until: datetime | None = None


class SelfService:
    """Use cases of the subscriber's page and of the portal that mints its tokens."""

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
        return self._tokens.mint(LineToken(line, until, actor.name)), until

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
            TooMany: the line was tested often enough for now.
        """
        now = self._clock()
        recent = await self._recent(token.line)
        if recent and (recent[0].state is LineTestState.RUNNING or _age_s(recent[0], now) < _FRESH_S):
            return await self._shown(recent[0], language)
        self._refuse_too_many(recent, now, language)
        try:
            test = await self._tests.start(
                system_actor("self-service"), token.line, depth=SELF_SERVICE, priority=Priority.TICKET
            )
        except NotFound:
            return _own("failed", language)
        except TooMany as error:
            raise TooMany(_TEXTS["failed"][language], retry_after_s=error.retry_after_s) from None
        return await self._shown(test, language)

    async def last(self, token: LineToken, language: str) -> OwnCheck:
        """How the last check of the line stands.

        Raises:
            NotFound: there was none.
        """
        recent = await self._recent(token.line)
        if not recent:
            raise NotFound({"ru": "Проверок ещё не было.", "en": "There was no check yet."}[language])
        return await self._shown(recent[0], language)

    async def _recent(self, line: str) -> list[LineTestRecord]:
        async with self._store.reading() as tx:
            found = await test_store.list_line_tests(tx, line=line, limit=_LOOKED_AT, depth=SELF_SERVICE)
        return [one for one in found if one.created_at > self._clock() - timedelta(days=1)]

    def _refuse_too_many(self, recent: list[LineTestRecord], now: datetime, language: str) -> None:
        for seconds, limit in ((3_600, self._config.checks_per_hour), (86_400, self._config.checks_per_day)):
            within = [one.created_at for one in recent if (now - one.created_at).total_seconds() < seconds]
            if len(within) >= limit:
                wait_s = int(seconds - (now - min(within)).total_seconds()) + 1
                said = {
                    "ru": f"Линию уже проверяли. Следующая проверка возможна через {-(-wait_s // 60)} мин.",
                    "en": f"The line was checked already. The next check is possible in {-(-wait_s // 60)} min.",
                }
                raise TooMany(said[language], retry_after_s=wait_s)

    async def _shown(self, test: LineTestRecord, language: str) -> OwnCheck:
        if test.state is LineTestState.RUNNING:
            return _own("running", language)
        if not isinstance(test.verdict, dict):
            return _own("failed", language)
        async with self._store.reading() as tx:
            pack = await self._packs.pack(tx, pack_hash(test))
        told: dict[str, Any] = for_subscriber(pack, test.verdict)
        until = told["until"]
        return OwnCheck(
            told["state"],
            _HEADINGS[told["state"]][language],
            str(told["text"].get(language, "")),
            NEXT_STEPS[told["state"]],
            test.finished_at,
            datetime.fromisoformat(until) if until else None,
        )


def _own(state: str, language: str) -> OwnCheck:
    step = "wait" if state == "running" else "call"
    return OwnCheck(state, _HEADINGS[state][language], _TEXTS[state][language], step)


def _age_s(test: LineTestRecord, now: datetime) -> float:
    ended = test.finished_at
    return (now - ended).total_seconds() if ended is not None and test.state is LineTestState.DONE else float("inf")
