"""How an operation is done on the device whose session this is, or why it cannot be."""

from dataclasses import replace
from datetime import datetime

from acs.config import Config
from acs.cwmp.versions import SUPPORTED_VERSIONS
from acs.services import abilities, addressing, review, secret_arguments
from acs.services.abilities import ModelAbilities
from acs.services.carrying import Carrying
from acs.services.first_contact import FirstContact
from acs.services.kinds import Kind, PlanContext
from acs.services.plans import Plan
from acs.services.session_parts import Parts
from acs.services.visits import Visit
from acs.store import trees
from acs.store.abilities import open_arguments
from acs.store.records import OperationRecord
from acs.store.store import Store


class Planning:
    """Makes plans: what a kind wants to know besides its operation is fetched here."""

    def __init__(self, store: Store, config: Config, parts: Parts, first_contact: FirstContact) -> None:
        self._store = store
        self._config = config.operations
        self._periodic_inform_s = config.cwmp.first_contact.periodic_inform_s
        self._parts = parts
        self._first_contact = first_contact
        self.abilities = ModelAbilities(store)
        self.carrying = Carrying(store)

    async def plan(self, visit: Visit, operation: OperationRecord, kind: Kind, now: datetime) -> Plan:
        """The plan of an operation, from where an earlier session left it.

        Raises:
            InvalidInput, NotFound, Conflict: what it needs is gone, or not for this model.
        """
        carried = self.carrying.take(operation)
        if carried is not None:
            return carried
        context = PlanContext(
            visit.root,
            visit.names_at_once(self._config.names_per_request),
            self._config.requests_per_operation,
            self._periodic_inform_s,
            version=visit.session.version or SUPPORTED_VERSIONS[0],
            bears=(await self.abilities.of(visit.device)).bears,
            progress=await self.carrying.noted(operation),
        )
        if kind.with_credentials:
            told = await self._first_contact.settings(operation, visit.arrival.address, now)
            context = replace(context, waking=told)
        if kind.with_own_credentials and self._parts.identity is not None:
            context = replace(context, credentials=await self._parts.identity.credentials(visit.key, now))
        if kind.with_provision and self._parts.provisioning is not None:
            inputs = await self._parts.provisioning.inputs(operation, visit.codes, now)
            context = replace(context, provision=inputs)
        if kind.with_restore and self._parts.keeping is not None:
            context = replace(context, restore=await self._parts.keeping.inputs(operation))
        if kind.secrets or kind.secret_values:
            async with self._store.reading() as tx:
                operation = secret_arguments.joined(operation, await open_arguments(tx, operation.id))
        if kind.with_place and not operation.arguments.get("url"):
            context = replace(context, place=await self._parts.transfers.place_of(operation, visit.device, now))
        if kind.stop is not None and review.stopping(operation):
            return kind.stop(operation, context)
        if kind.collect is not None and operation.answered_at is not None:
            return kind.collect(operation, context)
        return kind.plan(operation, context)

    async def why_not(
        self, visit: Visit, operation: OperationRecord, kind: Kind, known: abilities.Abilities
    ) -> str | None:
        """Why the operation cannot be done on this device; None when nothing is known against it."""
        why = abilities.why_not(kind, visit.session.version or SUPPORTED_VERSIONS[0], known)
        if why is None and kind.feature is not None:
            why = abilities.why_lacking(kind.feature(operation), known)
        if why is None and kind.with_place and not operation.arguments.get("url"):
            why = self._parts.transfers.why_not(operation)
        return why or await self._cannot_name(visit, operation)

    async def _cannot_name(self, visit: Visit, operation: OperationRecord) -> str | None:
        """Why the device would not understand the names of an operation; None for nearly all."""
        needed = addressing.special(operation.arguments)
        if not needed:
            return None
        async with self._store.reading() as tx:
            tree = await trees.read(tx, visit.key)
        return addressing.why_not(needed, visit.root, tree.values if tree is not None else {})
