"""Who asks: every use case takes an Actor first and checks its rights before it does anything.

    role ──► verbs ─┐
    groups ─────────┴─► Grant ──► Actor.require(verb) ──► the view of the request is narrowed to the grant's lines

The rule of this file: a right is a verb on a group of lines. `require` refuses who lacks the verb, and holds the rest
of the request to the lines for which he has it (`acs/store/reach.py`): a use case cannot forget them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from acs.errors import Forbidden
from acs.store.reach import Group, Reach, View, current_view

ActorKind = Literal["token", "person", "local", "cpe", "system"]


class Scope(StrEnum):
    """What an actor may do: five coarse scopes of tokens, and the verbs that they consist of."""

    #: see lines, devices, operations, line tests and tickets
    READ = "read"
    #: start operations and line tests
    OPERATE = "operate"
    #: change the inventory and hand in facts
    WRITE = "write"
    #: send and read tickets
    TICKETS = "tickets"
    #: everything but seeing secrets; tokens, people and credentials included
    ADMIN = "admin"

    #: start line tests and checkups (part of operate)
    TEST = "test"
    #: run firmware campaigns on the whole fleet (part of operate)
    CAMPAIGNS = "campaigns"
    #: admit devices, take alarms away, set aside a limit with a reason (part of operate)
    OVERRIDE = "override"
    #: confirm and close outages (part of operate)
    OUTAGES = "outages"
    #: change lines and which device is on which (part of write)
    INVENTORY = "inventory"
    #: hand in facts, readings, incidents, planned works (part of write)
    CONTEXT = "context"
    #: propose, try, approve and activate rule packs (part of write)
    PACKS = "packs"
    #: keep files for devices (part of write)
    FILES = "files"
    #: see secrets in clear: PPPoE, Wi-Fi and connection-request credentials; part of nothing, not even of admin
    SECRETS = "secrets"
    #: approve what another person proposed; part of no coarse scope but admin: who proposes is not who approves
    APPROVE = "approve"
    #: propose writes to protected paths, and bulk over its limit
    PROPOSE = "propose"
    #: stop all writes, and let them go on
    FREEZE = "freeze"
    #: read, verify and export the audit trail
    AUDIT = "audit"
    #: make accounts and tokens
    PEOPLE = "people"
    #: read reports over all lines
    REPORTS = "reports"
    #: a subscriber's own check by line token
    SELF_CHECK = "self_check"


#: coarse scope → the verbs that it holds besides itself
PARTS: Mapping[str, frozenset[str]] = {
    Scope.READ: frozenset({Scope.REPORTS}),
    Scope.OPERATE: frozenset({Scope.TEST, Scope.CAMPAIGNS, Scope.OVERRIDE, Scope.OUTAGES, Scope.PROPOSE}),
    Scope.WRITE: frozenset({Scope.INVENTORY, Scope.CONTEXT, Scope.PACKS, Scope.FILES, Scope.PROPOSE}),
}
#: what `admin` does not hold: it is given by its own name
APART: frozenset[str] = frozenset({Scope.SECRETS})
#: verbs on what belongs to no line: good only where they were given for all lines
FLEET: frozenset[str] = frozenset(
    {
        Scope.ADMIN,
        Scope.CAMPAIGNS,
        Scope.PACKS,
        Scope.FILES,
        Scope.FREEZE,
        Scope.AUDIT,
        Scope.PEOPLE,
    }
)


@dataclass(frozen=True, slots=True)
class Grant:
    """Verbs on lines; `reach` None: on all of them."""

    verbs: frozenset[str]
    reach: Reach | None = None

    def holds(self, scope: str) -> bool:
        """Whether the verb is given, by its own name or as a part of a coarser one."""
        if scope in self.verbs:
            return True
        if scope in APART:
            return False
        return Scope.ADMIN in self.verbs or any(scope in PARTS.get(verb, ()) for verb in self.verbs)


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that asks. `origin` is where from: an address, or the name of our own process.

    `scopes` hold for all lines; `grants` are further verbs, each for some lines. `id` names who it is beyond its name:
    the token, or the person.
    """

    name: str
    kind: ActorKind
    scopes: frozenset[str]
    origin: str = ""
    grants: tuple[Grant, ...] = ()
    id: str = ""
    #: the person behind it: two persons are needed where one proposes and another approves; "" for a program
    person: str = ""

    def may(self, scope: str) -> bool:
        """Whether the actor holds this scope, for some line at least."""
        return bool(self._holding(scope))

    def require(self, scope: str) -> None:
        """Refuse unless the actor holds the scope, and hold the rest of the request to the lines it holds it for.

        Raises:
            Forbidden: it holds the scope for no line, or for some lines where it is about all.
        """
        grants = self._holding(scope)
        if not grants:
            raise Forbidden(self._lacks(scope))
        reach = _union(grants)
        if reach is None:
            return
        view = current_view()
        if view is None:
            raise Forbidden(
                f"{self.kind} {self.name!r} is limited to {reach}; outside of a request nothing can be held to that"
            )
        view.narrow(reach)

    def require_all_lines(self, scope: str) -> None:
        """`require` for what is of no line in particular: a limited grant is not enough.

        Raises:
            Forbidden: it lacks the scope, or holds it for some lines only.
        """
        self.require(scope)
        if (reach := self.reach(scope)) is not None:
            raise Forbidden(
                f"{self.kind} {self.name!r} holds {str(scope)!r} for {reach} only, and this is about all lines; "
                "ask somebody whose right has no group"
            )

    def reach(self, scope: str | None = None) -> Reach | None:
        """The lines for which the scope is held (any scope where None); None: all of them."""
        if scope is not None:
            return _union(self._holding(scope))
        return _union(self._all_grants())

    def covers(self, scope: str, reach: Reach | None) -> bool:
        """Whether the scope is held for all of these lines (None: for all that there are)."""
        grants = self._holding(scope)
        held = _union(grants)
        return bool(grants) and (held is None or (reach is not None and reach.groups <= held.groups))

    def _holding(self, scope: str) -> list[Grant]:
        found = [grant for grant in self._all_grants() if grant.holds(scope)]
        return [grant for grant in found if grant.reach is None] if scope in FLEET else found

    def _all_grants(self) -> list[Grant]:
        return [*([Grant(self.scopes)] if self.scopes else []), *self.grants]

    def _lacks(self, scope: str) -> str:
        held = (
            ", ".join(sorted({*self.scopes, *(str(verb) for grant in self.grants for verb in grant.verbs)})) or "none"
        )
        limited = any(grant.holds(scope) for grant in self.grants)
        who, ask = f"{self.kind} {self.name!r}", "ask an administrator for a token that has it"
        if limited:
            return f"{who} holds the scope {str(scope)!r} for some lines only (it has: {held}); {ask}"
        return f"{who} lacks the scope {str(scope)!r} (it has: {held}); {ask}"


def limit(view: View, actor: Actor) -> None:
    """Hold the view to the lines for which the actor holds any verb at all."""
    view.name = actor.name
    if (reach := actor.reach()) is not None:
        view.narrow(reach)


def local_actor(name: str = "cli") -> Actor:
    """The person at the server's own shell: whoever can read the store file may do everything."""
    return Actor(name=name, kind="local", scopes=frozenset({Scope.ADMIN, Scope.SECRETS}), origin="local")


def system_actor(name: str) -> Actor:
    """One of our own background jobs."""
    return Actor(name=name, kind="system", scopes=frozenset({Scope.ADMIN}), origin="server")


def _union(grants: list[Grant]) -> Reach | None:
    if any(grant.reach is None for grant in grants):
        return None
    groups: frozenset[Group] = frozenset().union(*(grant.reach.groups for grant in grants if grant.reach))
    return Reach(groups)
