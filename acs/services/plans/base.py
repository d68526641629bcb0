"""What a plan is: requests out, answers in, an outcome at the end. Pure.

The one rule: a plan never loops; it counts its requests and ends at its budget. Its reads go into the device's
tree even when the operation fails, because each response of a CPE stands on its own.

    plan.request() → RPC → CPE → plan.take(answer) → plan.request() → … → None, then plan.outcome()
"""

from dataclasses import dataclass, field
from typing import Protocol

from acs.cwmp.messages import Message, SoapFault
from acs.store.records import Json


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended at the CPE."""

    succeeded: bool
    detail: str = ""
    result: Json = None
    fault_code: int | None = None
    fault_string: str | None = None


@dataclass(slots=True)
class Reads:
    """What a plan learned: name → (value, xsd type), and the partial paths that it read whole."""

    values: dict[str, tuple[str, str]] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)


class Plan(Protocol):
    """The RPCs of one operation."""

    reads: Reads

    def request(self) -> Message | None:
        """The next request; None when the plan is over."""

    def take(self, answer: Message) -> None:
        """Take the CPE's response or fault to the last request."""

    def outcome(self) -> Outcome:
        """How it ended; only after `request` gave None."""


def refused(rpc: str, fault: SoapFault) -> Outcome:
    """The outcome of a request that the CPE refused."""
    detail = f"the CPE refused {rpc}: {fault.fault_code} {fault.fault_string}".rstrip()
    return Outcome(False, detail, None, fault.fault_code, fault.fault_string)
