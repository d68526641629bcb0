"""Provisioning: devices get the settings that the rules want, at first contact and whenever either changes.

    BOOTSTRAP, a new version, an event that a rule waits for ─┐
    a changed rule, tag or line (found by the search) ────────┴─► operation `provision`: read, compare, set what differs
                                                                  refused n times ─► the rule is stopped for the device

The one rule: what is wanted is worked out when the operation begins, from the rules, tags and line of that moment.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from acs.config import Config
from acs.errors import ConfigError
from acs.services.clock import Clock
from acs.services.identifiers import new_id
from acs.services.plans import Outcome
from acs.services.plans.provisioning import ProvisionInputs
from acs.services.provisioning_form import event_globs
from acs.services.provisioning_rules import (
    Desired,
    Subject,
    Wish,
    digest_of,
    matches,
    wishes,
)
from acs.services.rule_files import RuleSet, read_rules, stamp_of
from acs.services.visits import Visit
from acs.store import devices as device_store
from acs.store import lines as line_store
from acs.store import operations as operation_store
from acs.store import provisioning as provision_store
from acs.store.devices import CredentialKind
from acs.store.provisioning import Candidate, ProvisionState, RuleRefusal
from acs.store.records import (
    DUE_STATES,
    Credentials,
    LineRecord,
    OperationRecord,
    OperationState,
    SessionCommit,
    SessionOpened,
)
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

KIND = "provision"
#: The name under which a device as a whole is stopped: it breaks off whenever it is provisioned.
WHOLE = "*"
#: Before a digest: the device refused a part of that wish.
REFUSED = "!"
#: Events after which a device may well have lost what it was set.
FORGETFUL = ("0 BOOTSTRAP", "1 BOOT", "M Reboot")

#: In a plan, in the place of credentials that are made when the rule is applied.
NOT_MADE = "(made then)"
_CREDENTIALS = {
    "connection_request": (CredentialKind.CONNECTION_REQUEST,),
    "cwmp": (CredentialKind.CWMP_NEW, CredentialKind.CWMP),
}
#: A device that came so shortly ago, and was given nothing yet, is in the session that gives it its settings.
IN_SESSION = timedelta(seconds=2)
#: Who asks for provisioning on its own; what a person asks for may be repeated at will.
OURS = ("system", "provisioning")

#: Makes or finds a device's own credentials, before it is told them.
CredentialSource = Callable[[str, datetime], Awaitable[Credentials]]


@dataclass(frozen=True, slots=True)
class Known:
    """A device as the rules see it, with what is noted of its provisioning."""

    subject: Subject
    state: ProvisionState | None
    refusals: Mapping[str, RuleRefusal]


class Provisioning:
    """The rules in force, what they want of a device, and what became of it."""

    def __init__(self, store: Store, config: Config, clock: Clock, key: bytes) -> None:
        self._store = store
        self._config = config.provisioning
        self._clock = clock
        self._key = key
        self._set = read_rules(self._config.directory)
        self._events = event_globs(self._set.rules)
        #: `connection_request` and `cwmp` → where a device's own credentials come from
        self.credentials: dict[str, CredentialSource] = {}

    @property
    def rules(self) -> RuleSet:
        """The rules in force."""
        return self._set

    async def reload(self) -> bool:
        """Read the folder again when it changed; a broken one is told, and the rules that were good stay."""
        folder = self._config.directory
        stamp = await asyncio.to_thread(stamp_of, folder)
        if stamp == self._set.stamp:
            return False
        try:
            found = await asyncio.to_thread(read_rules, folder)
        except ConfigError as error:
            log.error("rules.refused", problem=str(error))
            self._set = replace(self._set, stamp=stamp)
            return False
        self._set, self._events = found, event_globs(found.rules)
        log.info("rules.read", rules=len(found.rules), files=len(found.files))
        return True

    # In a session

    async def operation_for(self, visit: Visit, opened: SessionOpened, now: datetime) -> OperationRecord | None:
        """The stored operation for a device that came for a reason that concerns the rules; else None."""
        if not self._set.rules or not visit.root:
            return None
        codes = [code for code, _ in visit.events]
        reset = "0 BOOTSTRAP" in codes
        why = self._reason(opened, codes, reset=reset)
        if why is None or any(each.kind == KIND for each in opened.operations):
            return None
        if reset:
            async with self._store.transaction() as tx:
                await provision_store.forget_state(tx, visit.key)
        known = await self.known(visit.key, frozenset(codes))
        if known is None or not (await self.desired_of(known)).rules:
            return None
        id = new_id()
        wanted = OperationRecord(
            id=id,
            device=visit.key,
            kind=KIND,
            arguments={"events": list(codes)},
            state=OperationState.QUEUED,
            command_key=id,
            created_at=now,
            deadline_at=now + timedelta(seconds=self._config.deadline_s),
            actor="system",
            reason=why,
        )
        await self._store.sessions.commit(SessionCommit(visit.key, visit.session.id, now, operations=(wanted,)))
        return replace(wanted, steps=1)

    async def inputs(self, operation: OperationRecord, events: Collection[str], now: datetime) -> ProvisionInputs:
        """What a provisioning operation that begins now works with."""
        given = operation.arguments.get("events")
        codes = {*events, *(str(code) for code in (given if isinstance(given, list) else ()))}
        known = await self.known(operation.device, frozenset(codes))
        if known is None:
            return ProvisionInputs(Desired(()))
        desired = await self.desired_of(known, now)
        given_before = known.state.secrets if known.state else {}
        held = frozenset(
            name
            for rule in desired.rules
            for name, wish in rule.values.items()
            if wish.secret and given_before.get(name) == self._secret_digest(operation.device, name, wish)
        )
        return ProvisionInputs(desired, held, digest_of(desired, self._key))

    async def concluded(
        self, operation: OperationRecord, inputs: ProvisionInputs | None, outcome: Outcome, events: Collection[str]
    ) -> None:
        """Note how provisioning went: what is held now, and who refuses what."""
        result = outcome.result
        if inputs is None or not isinstance(result, dict):
            return
        now = self._clock()
        applied, refused = _names(result.get("applied")), _texts(result.get("refused"))
        known = await self.known(operation.device)
        if known is None:
            return
        trouble = dict(refused)
        if operation.actor in OURS and not any(code in FORGETFUL for code in events):
            steady = digest_of(await self.desired_of(known, now), self._key)
            trouble |= _not_kept(known.state, steady, applied)
        async with self._store.transaction() as tx:
            await device_store.hold(tx, operation.device)
            await self._count(tx, operation.device, inputs, trouble, now)
            clean = [w.rule for w in inputs.desired.rules if w.rule not in trouble]
            await provision_store.clear_refusals(tx, operation.device, [*clean, WHOLE])
        await self._note_state(operation, inputs, applied, refused=bool(refused), now=now)

    async def is_under_way(self, key: str, since: Known) -> bool:
        """Whether the device is being provisioned, or was since it was known like that."""
        async with self._store.reading() as tx:
            due = await operation_store.list_operations(tx, device=key, states=DUE_STATES, limit=1000)
            state = await provision_store.state_of(tx, key)
        noted = since.state.updated_at if since.state is not None else None
        return any(each.kind == KIND for each in due) or (state is not None and state.updated_at != noted)

    # What is wanted

    async def known(self, key: str, events: frozenset[str] = frozenset()) -> Known | None:
        """A device as the rules see it; None when it is not known."""
        async with self._store.reading() as tx:
            return await self._known(tx, key, events)

    async def desired(self, key: str, events: frozenset[str] = frozenset()) -> Desired | None:
        """What the rules want of a device now; None when it is not known."""
        known = await self.known(key, events)
        return None if known is None else await self.desired_of(known)

    def wanted_by(self, known: Known, credentials: Mapping[str, Credentials] | None = None) -> Desired:
        """What the rules want of a device as it is known."""
        stopped = {
            rule: f"stopped after {refusal.refusals} refusals: {refusal.reason}"
            for rule, refusal in known.refusals.items()
            if refusal.stopped_at is not None and self._still(rule, refusal)
        }
        return wishes(
            self._set.rules,
            known.subject,
            secrets=self._set.secrets,
            credentials=credentials,
            stopped=stopped,
            digests=self._set.digests,
        )

    def is_due(self, known: Known, desired: Desired, now: datetime, retry_s: float) -> bool:
        """Whether the device shall be given something that it was not, as far as is noted."""
        digest = digest_of(desired, self._key)
        state = known.state
        if state is None:
            return bool(desired.rules)
        if state.wanted == digest:
            return False
        if state.wanted == REFUSED + digest:
            return now >= state.updated_at + timedelta(seconds=retry_s)
        return True

    async def page(self, after: str, limit: int) -> list[Known]:
        """A page of devices by key, as the rules see them."""
        async with self._store.reading() as tx:
            here_since = self._clock() - IN_SESSION
            found = await provision_store.candidates(tx, after=after, limit=limit, here_since=here_since)
            return await self._together(tx, found, frozenset())

    async def _known(self, tx: Transaction, key: str, events: frozenset[str]) -> Known | None:
        found = await provision_store.candidates(tx, keys=[key], limit=1)
        together = await self._together(tx, found, events)
        if not together:
            return None
        return replace(together[0], state=await provision_store.state_of(tx, key))

    async def _together(self, tx: Transaction, found: Sequence[Candidate], events: frozenset[str]) -> list[Known]:
        keys = [each.key for each in found]
        tags = await provision_store.tags_of(tx, keys)
        lines = await line_store.get_many(tx, sorted({each.line for each in found if each.line is not None}))
        refusals: dict[str, dict[str, RuleRefusal]] = {}
        for refusal in await provision_store.refusals_of(tx, keys):
            refusals.setdefault(refusal.device, {})[refusal.rule] = refusal
        return [
            Known(
                _subject(each, tags.get(each.key, frozenset()), events, lines.get(each.line or "")),
                None
                if each.wanted is None
                else ProvisionState(each.key, each.wanted, each.updated_at or self._clock()),
                refusals.get(each.key, {}),
            )
            for each in found
        ]

    async def desired_of(self, known: Known, now: datetime | None = None, *, make: bool = True) -> Desired:
        """What the rules want of a device as it is known, with credentials of its own where one wants them.

        Those that are not there yet are made; with `make` false a mark stands in their place and nothing is stored.
        """
        at = self._clock() if now is None else now
        credentials: dict[str, Credentials] = {}
        wanting = [rule for rule in self._set.rules if rule.enabled and matches(rule.match, known.subject)]
        for kind, source in self.credentials.items():
            if any(getattr(rule.credentials, kind, False) for rule in wanting):
                key = known.subject.key
                credentials[kind] = await (source(key, at) if make else self._made(key, kind))
        return self.wanted_by(known, credentials)

    async def _made(self, key: str, kind: str) -> Credentials:
        async with self._store.reading() as tx:
            for each in _CREDENTIALS[kind]:
                found = await device_store.get_credentials(tx, key, each)
                if found is not None:
                    return found
        return Credentials(NOT_MADE, NOT_MADE)

    def _reason(self, opened: SessionOpened, codes: Sequence[str], *, reset: bool) -> str | None:
        if opened.created:
            return "the device is new"
        if reset:
            return "the device was reset"
        before = opened.previous_software_version
        if before is not None and before != opened.device.software_version:
            return f"its software changed from {before or 'none'} to {opened.device.software_version or 'none'}"
        named = [code for code in codes if code in self._events]
        return f"rules wait for {', '.join(named)}" if named else None

    def _still(self, rule: str, refusal: RuleRefusal) -> bool:
        """Whether the rule is still the one that was stopped."""
        return rule == WHOLE or refusal.digest == self._digest(rule)

    def _digest(self, rule_id: str) -> str:
        return self._set.digests.get(rule_id, "")

    async def _count(
        self, tx: Transaction, key: str, inputs: ProvisionInputs, trouble: Mapping[str, str], now: datetime
    ) -> None:
        """Count the refusals of a device that is held: a person may have had its rules tried anew."""
        known = {each.rule: each for each in await provision_store.refusals_of(tx, [key])}
        digests = {wish.rule: wish.digest for wish in inputs.desired.rules}
        for rule, why in trouble.items():
            before = known.get(rule)
            same = before is not None and before.digest == digests.get(rule, "")
            refusals = (before.refusals if before is not None and same else 0) + 1
            stopped_at = now if refusals >= self._config.refusals else None
            record = RuleRefusal(key, rule, digests.get(rule, ""), refusals, why[:1000], now, stopped_at)
            await provision_store.put_refusal(tx, record)
            if stopped_at is not None:
                log.warning("rule.stopped", device=key, rule=rule, refusals=refusals, why=why[:300])

    async def _note_state(
        self,
        operation: OperationRecord,
        inputs: ProvisionInputs,
        applied: Mapping[str, Collection[str]],
        *,
        refused: bool,
        now: datetime,
    ) -> None:
        """The digest of what the rules want without events, which the search compares."""
        async with self._store.reading() as tx:
            known = await self._known(tx, operation.device, frozenset())
        if known is None:
            return
        steady = digest_of(await self.desired_of(known, now), self._key)
        told = {
            name: self._secret_digest(operation.device, name, wish)
            for rule in inputs.desired.rules
            for name, wish in rule.values.items()
            if wish.secret and name in applied.get(rule.rule, ())
        }
        still_refused = refused and any(r.stopped_at is None for r in known.refusals.values())
        wanted = REFUSED + steady if still_refused else steady
        async with self._store.transaction() as tx:
            await device_store.hold(tx, operation.device)
            before = await provision_store.state_of(tx, operation.device)
            secrets = {**(before.secrets if before is not None else {}), **told}
            await provision_store.put_state(tx, ProvisionState(operation.device, wanted, now, operation.id, secrets))

    def _secret_digest(self, device: str, name: str, wish: Wish) -> str:
        text = f"{device}\0{name}\0{wish.value}".encode("utf-8", "surrogatepass")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()[:32]


def _not_kept(state: ProvisionState | None, steady: str, applied: Mapping[str, Collection[str]]) -> dict[str, str]:
    """Rules that had to set again what they had set: the device does not keep it."""
    if state is None or state.wanted != steady:
        return {}
    return {
        rule: f"the device does not keep {', '.join(sorted(names)[:5])}" for rule, names in applied.items() if names
    }


def _subject(each: Candidate, tags: frozenset[str], events: frozenset[str], line: LineRecord | None) -> Subject:
    return Subject(
        key=each.key,
        oui=each.oui,
        manufacturer=each.manufacturer,
        product_class=each.product_class,
        serial_number=each.serial_number,
        root=each.root,
        software_version=each.software_version,
        hardware_version=each.hardware_version,
        tags=tags,
        events=events,
        line=line,
    )


def _names(value: Any) -> dict[str, list[str]]:
    return (
        {str(rule): [str(name) for name in names] for rule, names in value.items()} if isinstance(value, dict) else {}
    )


def _texts(value: Any) -> dict[str, str]:
    return {str(rule): str(why) for rule, why in value.items()} if isinstance(value, dict) else {}
