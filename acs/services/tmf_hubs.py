"""The hubs of our TM Forum interfaces: who listens, and the events that go out.

    a test, an outage, an alarm is written ─► one message per listener that wants it, in the same transaction
                                           ─► the outbox posts it to the listener's callback, in order, at least once

The rule of this file: a callback is what a caller says, so it is called only where it may lead (public addresses and
`callback_networks`), and only while the token that subscribed is good; a listener hears of no line that its token does
not see.
"""

import asyncio
import ipaddress
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog

from acs.config import TmfSection
from acs.errors import InvalidInput, NotFound, TooMany
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.deliveries import Fault, NotTaken, Target
from acs.services.identifiers import new_id
from acs.services.outgoing import Address, Outgoing, taken
from acs.services.roles import Roles
from acs.services.tmf import alarms, service_problems, service_tests
from acs.services.tmf.notices import Interface, check_query, is_wanted, notice
from acs.store import access as access_store
from acs.store import alarms as alarm_store
from acs.store import deliveries as delivery_store
from acs.store import line_tests as test_store
from acs.store import outages as outage_store
from acs.store import people as people_store
from acs.store import tmf as tmf_store
from acs.store import tokens as token_store
from acs.store.deliveries import Delivery, DeliveryState
from acs.store.reach import parse_groups
from acs.store.records import GrantRecord, Json, LineTestState
from acs.store.store import Store
from acs.store.tmf import Subscription
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: the target of the outbox that stands for all listeners
TARGET = "tmf-hubs"
#: seconds in which the host of a callback is found, or not
_FIND_S = 5.0
#: what becomes of an outage → the event that tells it
_OUTAGE_EVENTS: Mapping[str, str] = {
    "outage.opened": "ServiceProblemCreateEvent",
    "outage.changed": "ServiceProblemAttributeValueChangeEvent",
    "outage.ticket_attached": "ServiceProblemAttributeValueChangeEvent",
    **{
        f"outage.{state}": "ServiceProblemStateChangeEvent"
        for state in ("confirmed", "restored", "closed", "dismissed")
    },
}

Shown = Callable[[str], dict[str, Any]]


class Callbacks(Outgoing):
    """Calls what callers of the API name: public addresses, and the networks that are listed for it."""

    def __init__(self, config: TmfSection, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        super().__init__(config.plain_networks, transport=transport, key="tmf.plain_networks")
        self._networks = config.callback_networks

    async def check(self, url: str) -> None:
        """Refuse a callback that may not be called.

        Raises:
            InvalidInput: the message says why.
        """
        try:
            parts = urlsplit(url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
                raise InvalidInput(f"callback: write https://host/path without user or password, not {url[:120]!r}")
            async with asyncio.timeout(_FIND_S):
                await self._checked(url)
        except (OSError, UnicodeError, ValueError) as error:
            raise InvalidInput(f"callback: {url[:120]!r} cannot be found ({error}); mend its host") from error

    async def _checked(self, url: str) -> Address:
        address = await super()._checked(url)
        if not any(address in network for network in self._networks) and not _is_public(address):
            raise InvalidInput(
                f"callback: {address} is no public address; an administrator can list its network in "
                "tmf.callback_networks"
            )
        return address


class Hubs:
    """Use cases on listeners, and the fan-out of events. `told` of others is called inside their transactions."""

    def __init__(
        self,
        store: Store,
        config: TmfSection,
        clock: Clock,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._callbacks = Callbacks(config, transport=transport)
        #: what roles give now; None: a right is believed for as long as its token
        self.roles: Roles | None = None

    def target(self) -> Target:
        """The target of the outbox through which listeners get their events."""
        sender = HubSender(self._store, self._callbacks, self._config.event_timeout_s, self._clock, lambda: self.roles)
        return Target(TARGET, sender, lambda _event, _body: False, self._config.event_timeout_s)

    async def subscribe(
        self, actor: Actor, interface: Interface, callback: str, query: str = "", base: str = ""
    ) -> Subscription:
        """Add a listener to a hub; the same callback and query again is the same listener.

        Raises:
            InvalidInput: the callback may not be called, or the query names an unknown event.
            TooMany: there are as many listeners as `tmf.subscriptions` allows.
        """
        if interface is Interface.SERVICE_TEST:
            actor.require(Scope.READ)
        else:
            actor.require_all_lines(Scope.READ)
        check_query(query, interface)
        await self._callbacks.check(callback)
        now, reach = self._clock(), actor.reach(Scope.READ)
        made = Subscription(
            id=new_id(),
            interface=interface.value,
            callback=callback,
            query=query,
            base=self._config.public_url or base,
            token=actor.name if actor.kind == "token" else "",
            actor=actor.name,
            created_at=now,
            groups=tuple(sorted(map(str, reach.groups))) if reach is not None else (),
        )
        async with self._store.transaction() as tx:
            for known in await tmf_store.subscriptions(tx, interface.value):
                if (known.callback, known.query, known.actor) == (callback, query, actor.name):
                    return known
            if await tmf_store.count_subscriptions(tx) >= self._config.subscriptions:
                raise TooMany("there are as many listeners as tmf.subscriptions allows; remove one", retry_after_s=60)
            await tmf_store.add_subscription(tx, made)
            after: dict[str, Json] = {"interface": interface.value, "callback": callback, "query": query}
            await audit.note(tx, actor, "tmf.subscribed", f"subscription:{made.id}", now, after=after)
        return made

    async def unsubscribe(self, actor: Actor, interface: Interface, id_: str) -> None:
        """Remove a listener; its own actor or an administrator may.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        actor.require(Scope.READ)
        async with self._store.transaction() as tx:
            found = await tmf_store.subscription(tx, id_)
            theirs = found is None or (found.actor != actor.name and not actor.may(Scope.ADMIN))
            if found is None or theirs or found.interface != interface.value:
                raise NotFound(f"there is no subscription {id_[:80]!r} of {interface.value}; POST /hub made its id")
            await tmf_store.drop_subscription(tx, id_)
            before: dict[str, Json] = {"interface": interface.value, "callback": found.callback}
            await audit.note(tx, actor, "tmf.unsubscribed", f"subscription:{id_}", self._clock(), before=before)

    # --- what is told, in the transaction of what happened -----------------------------------------------------------

    async def line_test(self, tx: Transaction, test_id: str) -> int:
        """A line test was stored, or ended; how many messages that made."""
        subscriptions = await tmf_store.subscriptions(tx, Interface.SERVICE_TEST.value)
        test = await test_store.get(tx, test_id) if subscriptions else None
        if test is None:
            return 0
        begun = test.state is LineTestState.RUNNING
        event = "ServiceTestCreateEvent" if begun else "ServiceTestStateChangeEvent"
        heard = [one for one in subscriptions if await tmf_store.hears_of(tx, one.groups, test.line)]
        return await self._tell(
            tx, heard, Interface.SERVICE_TEST, event, lambda base: service_tests.service_test(test, base)
        )

    async def outage(self, tx: Transaction, event_type: str, body: Mapping[str, Json]) -> int:
        """Something became of an outage, as the outbox tells it; other messages are passed over. How many it made."""
        event = _OUTAGE_EVENTS.get(event_type)
        subscriptions = await tmf_store.subscriptions(tx, Interface.SERVICE_PROBLEM.value) if event else []
        outage = await outage_store.get(tx, str(body.get("outage"))) if subscriptions else None
        if event is None or outage is None:
            return 0
        tickets = await outage_store.tickets_of(tx, outage.id)
        system = self._config.system

        def shown(base: str) -> dict[str, Any]:
            return service_problems.service_problem(outage, base, system, tickets=tickets)

        return await self._tell(tx, subscriptions, Interface.SERVICE_PROBLEM, event, shown)

    async def alarm(self, tx: Transaction, id_: str) -> None:
        """One of our own alarms was raised or cleared."""
        subscriptions = await tmf_store.subscriptions(tx, Interface.ALARM.value)
        alarm = await alarm_store.get_alarm(tx, id_) if subscriptions else None
        if alarm is None:
            return
        event = "AlarmCreateEvent" if alarm.cleared_at is None else "AlarmStateChangeEvent"
        system = self._config.system
        await self._tell(tx, subscriptions, Interface.ALARM, event, lambda base: alarms.alarm_of(alarm, base, system))

    async def node_alarms(self, tx: Transaction, told: list[access_store.AccessAlarm]) -> None:
        """Access nodes told alarms."""
        subscriptions = await tmf_store.subscriptions(tx, Interface.ALARM.value) if told else []
        for alarm in told if subscriptions else ():
            shown = _node_alarm(alarm, self._config.system)
            await self._tell(tx, subscriptions, Interface.ALARM, "AlarmCreateEvent", shown)

    async def _tell(
        self, tx: Transaction, heard: list[Subscription], interface: Interface, event_type: str, shown: Shown
    ) -> int:
        now, written = self._clock(), 0
        for one in heard:
            thing = shown(one.base)
            if not is_wanted(one.query, event_type, thing):
                continue
            id_ = new_id()
            body: dict[str, Json] = {
                "subscription": one.id,
                "event": notice(interface, event_type, id_, thing, now),
            }
            await delivery_store.add(tx, _delivery(id_, one, event_type, body, now))
            written += 1
        return written


class HubSender:
    """Posts events to listeners. One listener that is away holds up nobody but itself."""

    def __init__(
        self,
        store: Store,
        callbacks: Callbacks,
        timeout_s: float,
        clock: Clock,
        roles: Callable[[], Roles | None] = lambda: None,
    ) -> None:
        self._store = store
        self._callbacks = callbacks
        self._timeout_s = timeout_s
        self._clock = clock
        self._roles = roles

    async def send(self, delivery: Delivery) -> str:
        """Post one event; see `Sender.send`."""
        body: dict[str, Any] = delivery.body if isinstance(delivery.body, dict) else {}
        async with self._store.reading() as tx:
            subscription = await tmf_store.subscription(tx, str(body.get("subscription")))
            good = subscription is not None and await self._may_still_hear(tx, subscription)
        if subscription is None:
            return "nobody listens there any more"
        if not good:
            await self._forget(subscription)
            raise NotTaken("who subscribed has no right to it any more; subscribe anew", Fault.REFUSED)
        content = json.dumps(body.get("event"), ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json;charset=utf-8", "X-Secondline-Delivery": delivery.id}
        try:
            reply = await self._callbacks.call(
                "POST", subscription.callback, headers=headers, content=content, timeout_s=self._timeout_s
            )
        except NotTaken as error:
            raise NotTaken(str(error), Fault.LATER) from error
        return taken(reply)

    async def _may_still_hear(self, tx: Transaction, subscription: Subscription) -> bool:
        """Whether the token, or the person, that subscribed may read all that the subscription brings, as roles are."""
        now = self._clock()
        live = [
            one
            for one in await token_store.list_tokens(tx)
            if one.revoked_at is None and (one.expires_at is None or one.expires_at > now)
        ]
        if not subscription.token:
            person = await people_store.get(tx, subscription.actor)
            if person is None:
                return True
            # the session that subscribed, or an older one: a later one says nothing of who subscribed
            signed_in = any(one.person == person.name and one.created_at <= subscription.created_at for one in live)
            good = signed_in and person.disabled_at is None
            return good and self._covers(subscription, frozenset(), person.grants)
        named = [one for one in live if one.name == subscription.token and not one.person]
        return any(self._covers(subscription, frozenset(one.scopes), one.grants) for one in named)

    def _covers(self, subscription: Subscription, scopes: frozenset[str], grants: Sequence[GrantRecord]) -> bool:
        roles = self._roles()
        if roles is None:
            return True
        actor = Actor(subscription.actor, "token", scopes, grants=roles.grants(grants))
        return actor.covers(Scope.READ, parse_groups(subscription.groups))

    async def _forget(self, subscription: Subscription) -> None:
        async with self._store.transaction() as tx:
            await tmf_store.drop_subscription(tx, subscription.id)
        log.info("tmf.unsubscribed", subscription=subscription.id, why="who subscribed has no right to it any more")


def _delivery(id_: str, one: Subscription, event_type: str, body: Mapping[str, Json], now: datetime) -> Delivery:
    return Delivery(
        id=id_,
        target=TARGET,
        event_type=event_type,
        body=dict(body),
        state=DeliveryState.PENDING,
        created_at=now,
        next_at=now,
        subject=f"hub:{one.id}",
    )


def _node_alarm(alarm: access_store.AccessAlarm, system: str) -> Shown:
    return lambda base: alarms.alarm_of_node(alarm, base, system)


def _is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_global
