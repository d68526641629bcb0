"""Actions and configurations: put together for one process.

The rule of this file: it only puts services together and hangs them into the sessions; it decides nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from acs.config import Config
from acs.profiles.schema import Profile
from acs.services.action_desk import ActionDesk
from acs.services.actor import Actor
from acs.services.approvals import Approvals, Runner
from acs.services.backup_desk import BackupDesk
from acs.services.clock import Clock
from acs.services.guarding import PROTECTED, Guard
from acs.services.keeping import Keeping
from acs.services.operations import Operations
from acs.services.takeovers import Takeovers
from acs.store.approvals import ApprovalRecord
from acs.store.store import Store


@dataclass(frozen=True, slots=True)
class SecondLine:
    """What a second line does, and the configurations behind it."""

    config: Config
    actions: ActionDesk
    backups: BackupDesk
    keeping: Keeping
    takeovers: Takeovers

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker runs again and again."""
        return {"backups": (self.config.backups.tick_s, self.backups.turn)}


def build_second_line(
    config: Config,
    store: Store,
    operations: Operations,
    profiles: Sequence[Profile],
    clock: Clock,
    approvals: Approvals | None = None,
) -> SecondLine:
    """Put the services together; from now on operations are refused that must not be."""
    guard = Guard(config, profiles, store)
    operations.guard = guard
    if approvals is not None:
        guard.approvals = approvals
        approvals.runners[PROTECTED] = _runner(operations)
    takeovers = Takeovers(store, clock=clock)
    return SecondLine(
        config,
        ActionDesk(store, config, operations, profiles, guard, takeovers, clock=clock),
        BackupDesk(store, config, profiles, clock=clock),
        Keeping(store, profiles, guard),
        takeovers,
    )


def _runner(operations: Operations) -> Runner:
    """Does a write to a protected parameter that a second person has approved."""

    async def run(actor: Actor, record: ApprovalRecord) -> str:
        arguments = record.wanted.get("arguments")
        assert isinstance(arguments, dict) and record.device is not None
        stored = await operations.request(
            actor,
            record.device,
            str(record.wanted["kind"]),
            arguments,
            reason=f"{record.reason} (proposed by {record.proposed_by}, approved by {actor.name})"[:1000],
            ticket=record.ticket or None,
            idempotency_key=f"approval:{record.id}",
            approved=True,
        )
        return f"operation {stored.id}"

    return run
