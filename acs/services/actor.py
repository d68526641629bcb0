"""Who asks: every use case takes an Actor first and checks its rights before it does anything.

The rule of this file: a right is a scope by name; `admin` holds all of them.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from acs.errors import Forbidden

ActorKind = Literal["token", "local", "cpe", "system"]


class Scope(StrEnum):
    """What an actor may do."""

    #: see lines, devices, operations, line tests and tickets
    READ = "read"
    #: start operations and line tests
    OPERATE = "operate"
    #: change the inventory and hand in facts
    WRITE = "write"
    #: send and read tickets
    TICKETS = "tickets"
    #: everything, tokens and credentials included
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody or something that asks. `origin` is where from: an address, or the name of our own process."""

    name: str
    kind: ActorKind
    scopes: frozenset[str]
    origin: str = ""

    def may(self, scope: str) -> bool:
        """Whether the actor holds this scope, or `admin`."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def require(self, scope: str) -> None:
        """Refuse unless the actor holds the scope.

        Raises:
            Forbidden: it holds neither the scope nor `admin`.
        """
        if not self.may(scope):
            held = ", ".join(sorted(self.scopes)) or "none"
            raise Forbidden(
                f"{self.kind} {self.name!r} lacks the scope {str(scope)!r} (it has: {held}); "
                "ask an administrator for a token that has it"
            )


def local_actor(name: str = "cli") -> Actor:
    """The person at the server's own shell: whoever can read the store file may do everything."""
    return Actor(name=name, kind="local", scopes=frozenset({Scope.ADMIN}), origin="local")


def system_actor(name: str) -> Actor:
    """One of our own background jobs."""
    return Actor(name=name, kind="system", scopes=frozenset({Scope.ADMIN}), origin="server")
