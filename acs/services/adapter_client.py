"""The calls to a ticket system by its adapter: what changed, one ticket, what it is told.

The rule of this file: the adapter says what to call; here it is called, and an answer that is no yes is a `NotTaken`.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from acs.config import AdapterSystem, read_secret
from acs.errors import ConfigError, InvalidInput
from acs.services.adapters import paths
from acs.services.adapters.mapping import Call, TheirTicket, encoded, path_of, ticket_of
from acs.services.adapters.paging import Paging
from acs.services.adapters.schema import Adapter, ReadForm, load, packaged
from acs.services.deliveries import Fault, NotTaken
from acs.services.outgoing import Network, Outgoing, Reply, checked_url, taken

#: bytes of an answer that are read
_MOST_BYTES = 16_000_000
#: pages of one look
_PAGES = 50
#: answers of a proxy whose server is away
_PROXY_AWAY = (502, 503, 504)


@dataclass(frozen=True, slots=True)
class Read:
    """A ticket as it is now; `marks` are the texts among which ours would be."""

    ticket: TheirTicket
    marks: tuple[str, ...]

    def holds(self, mark: str) -> bool:
        """Whether it was told what bears this mark."""
        return any(f"[{mark}]" in text for text in self.marks)


@dataclass(frozen=True, slots=True)
class Unread:
    """A ticket in a list that could not be read; `again`: it may be readable later."""

    number: str
    why: str
    again: bool


class AdapterClient:
    """One ticket system."""

    def __init__(
        self,
        config: AdapterSystem,
        plain_networks: tuple[Network, ...],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        key = f"adapters.systems.{config.name}"
        self.adapter = adapter_of(config)
        self._url = checked_url(config.url, f"{key}.url").rstrip("/")
        secret = read_secret(config.key_file, f"{key}.key_file") if config.key_file is not None else ""
        self.words = {**self.adapter.variables, **config.variables, "user": config.user, "key": secret}
        self._headers = _credential(self.adapter, self.words)
        self._timeout_s = config.timeout_s
        self._outgoing = Outgoing(plain_networks, transport=transport)

    async def changed(self, since: datetime) -> AsyncIterator[TheirTicket | Unread]:
        """Tickets that changed since an instant of theirs, in the order in which the system gives them.

        One that cannot be read comes as that: those after it are read all the same. One that is changed while they are
        read comes once more.

        Raises:
            NotTaken: it did not answer, or not as the adapter says.
        """
        poll = self.adapter.poll
        if poll is None:
            return
        paging = Paging(poll, since)
        for _ in range(_PAGES):
            answer = _json(await self._ask(poll.method, poll.path, poll.body, {**self.words, **paging.words}))
            changes: list[datetime | None] = []
            for item in paths.values(answer, poll.items):
                one = await self._one(item, each=poll.each)
                number, at = (one.number, None) if isinstance(one, Unread) else (one.id, one.changed_at)
                changes.append(at)
                if paging.is_new(number, at):
                    yield one
            more = paging.go_on(changes)
            if paging.gap:
                yield _gap(poll.limit, paging.gap)
            if not more:
                return
        raise NotTaken(
            f"more changed than {_PAGES} pages of {poll.limit}; the next look goes on from there", Fault.LATER
        )

    async def _one(self, item: Any, *, each: bool) -> TheirTicket | Unread:
        number = ""
        try:
            if not each:
                return self._ticket(item)
            number = _number(item, self.adapter)
            return (await self.read(number)).ticket
        except NotTaken as error:
            if error.fault is Fault.AWAY:
                raise
            return Unread(number, str(error), again=bool(number) and error.fault is Fault.LATER)

    async def read(self, number: str) -> Read:
        """One ticket as it is now.

        Raises:
            NotTaken: it could not be read.
        """
        form = self.adapter.read
        if form is None:
            raise NotTaken(f"the adapter {self.adapter.name} says not how a ticket is read", Fault.REFUSED)
        words = {**self.words, "id": number}
        answer = _json(await self._ask(form.method, form.path, form.body, words))
        return Read(self._ticket(answer), await self._marks(form, answer, words))

    async def tell(self, calls: list[Call]) -> str:
        """Make the calls in their order and return what the last one answered.

        Raises:
            NotTaken: one was no yes; those before it may be made again.
        """
        said = "nothing to tell"
        for call in calls:
            reply = await self._call(call.method, call.path, call.body)
            said = reply.said if reply.status in call.done else _taken(reply)
        return said

    def ticket(self, message: Mapping[str, Any]) -> TheirTicket:
        """The ticket in a message of theirs.

        Raises:
            InvalidInput: it holds none.
        """
        return ticket_of(self.adapter, message, self.words)

    async def _marks(self, form: ReadForm, answer: Any, words: Mapping[str, str]) -> tuple[str, ...]:
        if form.seen_path:
            answer = _json(await self._ask("GET", form.seen_path, None, words))
        return tuple(str(text) for path in form.seen_in for text in paths.values(answer, path))

    async def _ask(self, method: str, path: str, body: Any, words: Mapping[str, str]) -> Reply:
        reply = await self._call(method, path_of(path, words), encoded(paths.filled(body, words)))
        _taken(reply)
        return reply

    async def _call(self, method: str, path: str, body: bytes) -> Reply:
        headers = {"Accept": "application/json", **self._headers}
        return await self._outgoing.call(
            method,
            self._url + path,
            headers={**headers, "Content-Type": "application/json"} if body else headers,
            content=body,
            timeout_s=self._timeout_s,
            most_bytes=_MOST_BYTES,
        )

    def _ticket(self, message: Any) -> TheirTicket:
        try:
            return self.ticket(message if isinstance(message, Mapping) else {})
        except InvalidInput as error:
            raise NotTaken(str(error)) from error


def adapter_of(config: AdapterSystem) -> Adapter:
    """The adapter of a system.

    Raises:
        ConfigError: none is named, or it is wrong.
    """
    if (config.adapter_file is None) == (not config.adapter):
        raise ConfigError(
            f"adapters.systems.{config.name}: write adapter (one of {', '.join(packaged())}) or adapter_file"
        )
    return load(config.adapter_file or config.adapter)


def _credential(adapter: Adapter, words: Mapping[str, str]) -> dict[str, str]:
    if adapter.auth.basic:
        told = base64.b64encode(f"{words['user']}:{words['key']}".encode()).decode()
        return {adapter.auth.header: f"Basic {told}"}
    value = paths.fill(adapter.auth.value, words)
    return {adapter.auth.header: value} if value and words["key"] else {}


def _taken(reply: Reply) -> str:
    if reply.status in _PROXY_AWAY:
        raise NotTaken(reply.said, Fault.AWAY, reply.retry_after_s)
    return taken(reply)


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        raise NotTaken("the answer is no JSON, or longer than is read; is the url that of its API?") from None


def _gap(limit: int, at: str) -> Unread:
    """What the changes of an instant come as that a list does not tell to their end."""
    why = NotTaken(
        f"{limit} tickets or more changed at {at}, and the adapter asks for no further page: use offset or page in the "
        "path of its [poll], or raise its limit"
    )
    return Unread("", str(why), again=False)


def _number(item: Any, adapter: Adapter) -> str:
    """The number in an item of a list that names tickets only."""
    if isinstance(item, str | int):
        return str(item)
    number = paths.text_at(item, adapter.ticket.id)
    if not number:
        raise NotTaken(f"an item of the list has no number at {' or '.join(adapter.ticket.id)}")
    return number
