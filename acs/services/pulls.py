"""Other systems asked over HTTP, each at its own interval: what they say goes through the door of all facts.

    due ─► GET, If-None-Match ─┬─ 200 ─► items ─► entries ─► stored, with source and time
                               ├─ 304 ─► what they said is still true, as of now
                               └─ anything else ─► the source is down; what it said before grows old

The rule of this file: nothing is concluded from silence but where it is configured that a source is complete; a page
that cannot be read changes nothing, nor does a list of all incidents or works with an item that cannot be read.
"""

import asyncio
import base64
import csv
import io
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx
import structlog

from acs.config import ContextSection, PullSection, read_secret
from acs.errors import AcsError, ConfigError, InvalidInput
from acs.services import pull_items
from acs.services.actor import system_actor
from acs.services.clock import Clock
from acs.services.context import Context
from acs.services.context_sources import PULL, ContextSources
from acs.services.lines import Lines
from acs.services.pull_items import LeftOut
from acs.store import context_sources as source_store
from acs.store import lines as line_store
from acs.store import scopes as scope_store
from acs.store.store import Store

log = structlog.get_logger()

#: longest pause after failures, as a multiple of the interval
_DOUBLINGS = 4
_OPENER_CHARS = 200


@dataclass(frozen=True, slots=True)
class _Answer:
    """What came: None for 304."""

    items: list[object] | None
    etag: str


class Pulls:
    """Asks the configured systems."""

    def __init__(
        self,
        store: Store,
        pulls: Sequence[PullSection],
        config: ContextSection,
        context: Context,
        lines: Lines,
        sources: ContextSources,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._store = store
        self._pulls = pulls
        self._config = config
        self._context = context
        self._lines = lines
        self._sources = sources
        self._clock = clock
        self._transport = transport
        self._headers = {pull.name: _headers(pull) for pull in pulls}
        self._next_at: dict[str, datetime] = {}
        self._failures: dict[str, int] = {}
        if len({pull.name for pull in pulls}) < len(pulls):
            raise ConfigError("pulls: two have the same name; facts of one source replace each other")

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"pulls": (self._config.tick_s, self.turn)} if self._pulls else {}

    async def turn(self) -> int:
        """Ask every system that is due, side by side; returns how many were asked."""
        now = self._clock()
        due = [pull for pull in self._pulls if self._next_at.get(pull.name, now) <= now]
        async with asyncio.TaskGroup() as group:
            for pull in due:
                group.create_task(self._ask(pull))
        return len(due)

    async def _ask(self, pull: PullSection) -> None:
        try:
            async with self._store.reading() as tx:
                known = await source_store.get(tx, pull.name)
            # contacts fall out of their days though the list of them stays the same: it is read anew each time
            same = known is not None and known.down_since is None and pull.kind != "contacts"
            answer = await self._fetch(pull, known.etag if known is not None and same else "")
            await self._take(pull, answer)
        except (AcsError, httpx.HTTPError, OSError, ValueError, TimeoutError, RecursionError) as error:
            why = f"{type(error).__name__}: {error}"[:_OPENER_CHARS] if not isinstance(error, AcsError) else str(error)
            failures = self._failures[pull.name] = min(self._failures.get(pull.name, 0) + 1, _DOUBLINGS)
            pause_s = min(pull.interval_s, 60.0) * 2 ** (failures - 1)
            self._next_at[pull.name] = self._clock() + timedelta(seconds=min(pause_s, pull.interval_s * 4))
            await self._sources.failed(pull.name, PULL, why)
            return
        self._failures.pop(pull.name, None)
        self._next_at[pull.name] = self._clock() + timedelta(seconds=pull.interval_s)

    async def _fetch(self, pull: PullSection, etag: str) -> _Answer:
        await self._check_address(pull)
        headers = {"Accept": "application/json", **self._headers[pull.name]}
        if etag:
            headers["If-None-Match"] = etag
        async with (
            asyncio.timeout(pull.timeout_s),
            httpx.AsyncClient(
                transport=self._transport, timeout=pull.timeout_s, follow_redirects=False, trust_env=False
            ) as client,
            client.stream("GET", pull.url, headers=headers) as response,
        ):
            if response.status_code == httpx.codes.NOT_MODIFIED:
                return _Answer(None, etag)
            if response.status_code != httpx.codes.OK:
                raise InvalidInput(f"it answered {response.status_code}")
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > pull.max_bytes:
                    raise InvalidInput(f"its answer is longer than {pull.max_bytes} bytes; see max_bytes")
            found = response.headers.get("ETag", "")
        items = await asyncio.to_thread(lambda: pull_items.items_of(json.loads(bytes(body)), pull))
        return _Answer(items, found)

    async def _take(self, pull: PullSection, answer: _Answer) -> None:
        now, left = self._clock(), LeftOut()
        if answer.items is None:
            async with self._store.transaction() as tx:
                known = await source_store.get(tx, pull.name)
                await source_store.still_true(tx, pull.name, now)
            entries = known.entries if known is not None else 0
            await self._sources.heard(pull.name, PULL, entries=entries, etag=answer.etag)
            return
        entries = await self._stored(pull, answer.items, now, left)
        if left.count:
            log.warning("pull.left_out", source=pull.name, items=left.count, why=left.why)
        await self._sources.heard(pull.name, PULL, entries=entries, left_out=left.count, etag=answer.etag)

    async def _stored(self, pull: PullSection, items: list[object], now: datetime, left: LeftOut) -> int:
        actor = system_actor(f"pull {pull.name}")
        if pull.kind == "incidents":
            incidents = pull_items.incident_entries(items, pull, left)
            _refuse_gaps(pull, left)
            await self._context.put_incidents(actor, pull.name, now, incidents)
            return len(incidents)
        if pull.kind == "works":
            works = pull_items.work_entries(items, pull, left)
            _refuse_gaps(pull, left)
            await self._context.put_planned_works(actor, pull.name, now, works)
            return len(works)
        if pull.kind == "lines":
            rows = pull_items.line_rows(items, pull)
            await self._lines.import_csv(actor, _csv(list(pull.fields), rows))
            return len(rows)
        lines = await self._lines_of(pull, items)
        make = pull_items.contact_entries if pull.kind == "contacts" else pull_items.fact_entries
        entries = make(items, pull, lines, now, left)
        await self._context.put_facts(actor, pull.name, entries)
        if pull.complete and entries and left.count == left.strangers:
            async with self._store.transaction() as tx:
                await scope_store.count_contacts(tx, pull.name, pull.line_by, now)
        return len(entries)

    async def _lines_of(self, pull: PullSection, items: list[object]) -> dict[str, str]:
        """How an item names its line → the line's id; a name that fits two lines is none."""
        keys = pull_items.line_keys(items, pull)
        async with self._store.reading() as tx:
            if pull.line_by == "id":
                return {key: key for key in await line_store.get_many(tx, keys)}
            find = line_store.by_account if pull.line_by == "account" else line_store.by_pppoe_login
            found = {key: await find(tx, key) for key in keys}
        return {key: lines[0].id for key, lines in found.items() if len(lines) == 1}

    async def _check_address(self, pull: PullSection) -> None:
        """Refuse http outside of the networks that may have it: credentials and subscribers' data are sent."""
        parts = urlsplit(pull.url)
        if parts.scheme == "https":
            return
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(parts.hostname or "", parts.port or 80)
        for text in sorted({str(entry[4][0]).partition("%")[0] for entry in found}):
            address = ip_address(text)
            allowed = self._config.plain_networks
            if not any(network.version == address.version and address in network for network in allowed):
                raise InvalidInput(f"{address} needs https; use it, or list the network in context.plain_networks")


def _refuse_gaps(pull: PullSection, left: LeftOut) -> None:
    """Refuse a list of which something could not be read: who is not named in it counts as not concerned."""
    if left.count:
        raise InvalidInput(
            f"{left.count} items cannot be read, and so none is taken: {'; '.join(left.why)}; mend"
            f" pulls.{pull.name}.fields, or the items"
        )


def _headers(pull: PullSection) -> dict[str, str]:
    parts = urlsplit(pull.url)
    if parts.username or parts.password or not parts.hostname:
        raise ConfigError(f"pulls.{pull.name}.url: write scheme, host and path, without user or password")
    if pull.credentials_file is None:
        return {}
    secret = read_secret(pull.credentials_file, f"pulls.{pull.name}.credentials_file")
    if pull.auth == "basic":
        return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    return {"Authorization": f"Bearer {secret}"}


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
