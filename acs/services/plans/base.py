"""What a plan is: requests out, answers in, an outcome at the end. Pure.

The one rule: a plan never loops; it counts its requests and ends at its budget. Its reads go into the device's
tree even when the operation fails, because each response of a CPE stands on its own.

    plan.request() → RPC → CPE → plan.take(answer) → plan.request() → … → None, then plan.outcome()
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from acs.cwmp.faults import describe
from acs.cwmp.messages import RESPONSE_OF, Message, SoapFault, rpc_name
from acs.store.records import Json

#: Method not supported.
NO_SUCH_METHOD = 9000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an operation ended at the CPE.

    `waits`: it took the request, and reports the end later. `reread`: names whose values will only be true later.
    `cancels`: the command key of a transfer that was cancelled.
    """

    succeeded: bool
    detail: str = ""
    result: Json = None
    fault_code: int | None = None
    fault_string: str | None = None
    waits: bool = False
    #: a feature that the model turned out to lack; see `abilities`
    lacks: str | None = None
    reread: tuple[str, ...] = ()
    cancels: str | None = None


@dataclass(slots=True)
class Reads:
    """What a plan learned: name → (value, xsd type), and the partial paths that it read whole.

    `known`: names below `whole` that exist although their values are not here.
    """

    values: dict[str, tuple[str, str]] = field(default_factory=dict)
    whole: list[str] = field(default_factory=list)
    known: frozenset[str] = frozenset()


class Plan(Protocol):
    """The RPCs of one operation."""

    reads: Reads

    def request(self) -> Message | None:
        """The next request; None when the plan is over."""

    def take(self, answer: Message) -> None:
        """Take the CPE's response or fault to the last request."""

    def outcome(self) -> Outcome:
        """How it ended; only after `request` gave None."""


class OneRequestPlan:
    """One RPC; `conclude` makes the outcome of its response."""

    def __init__(self, request: Message, conclude: Callable[[Message], Outcome]) -> None:
        self.reads = Reads()
        self._asked = request
        self._request: Message | None = request
        self._conclude = conclude
        self._answer: Message | None = None

    def request(self) -> Message | None:
        """The request, once."""
        request, self._request = self._request, None
        return request

    def take(self, answer: Message) -> None:
        """The response, or the fault that refuses it."""
        self._answer = answer

    def outcome(self) -> Outcome:
        """What `conclude` says of the response; failed on anything else."""
        return answered(self._asked, self._answer) or self._conclude(_given(self._answer))


class RefusedPlan:
    """No RPC at all: what was wanted cannot be asked of this device."""

    def __init__(self, why: str) -> None:
        self.reads = Reads()
        self._why = why

    def request(self) -> Message | None:
        """None."""
        return None

    def take(self, answer: Message) -> None:
        """Never called: nothing was asked."""
        raise AssertionError(f"{rpc_name(answer)} came although nothing was asked")

    def outcome(self) -> Outcome:
        """Failed, with the reason."""
        return Outcome(False, self._why)


def answered(asked: Message, answer: Message | None) -> Outcome | None:
    """The outcome of an answer that is no response to the request; None when it is one."""
    rpc = rpc_name(asked)
    if isinstance(answer, SoapFault):
        return refused(rpc, answer)
    if not isinstance(answer, RESPONSE_OF[type(asked)]):
        return Outcome(False, f"the CPE's answer was not one to {rpc}")
    return None


def refused(rpc: str, fault: SoapFault) -> Outcome:
    """The outcome of a request that the CPE refused."""
    detail = f"the CPE refused {rpc}: {fault.fault_code} {fault.fault_string}".rstrip()
    return Outcome(False, detail, None, fault.fault_code, fault.fault_string)


def fault_text(fault: SoapFault) -> str:
    """A fault in one line, with the meaning of its code."""
    return describe(fault.fault_code, fault.fault_string)


def _given(answer: Message | None) -> Message:
    assert answer is not None
    return answer
