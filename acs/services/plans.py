"""Plans: how an operation becomes RPCs, one after the other. Pure: answers in, the next request out.

The one rule: a plan never loops; it counts its requests and ends at its budget. Its reads go into the device's
tree even when the operation fails, because each response of a CPE stands on its own.

    plan.request() → RPC → CPE → plan.take(answer) → plan.request() → … → None, then plan.outcome()
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from acs.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    Reboot,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.structs import ParameterValueStruct
from acs.store.records import Json

#: Longest parameter name that is kept: twice what TR-069 allows (A.3.2.1).
LONGEST_NAME = 512
#: Longest type that is kept; the longest real one has 17.
LONGEST_TYPE = 64
#: Invalid parameter name.
UNKNOWN_NAME = 9005


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


class RebootPlan:
    """One Reboot; whether it happened is for `reboot_evidence` to say, not for the answer."""

    def __init__(self, command_key: str) -> None:
        self.reads = Reads()
        self._request: Message | None = Reboot(command_key=command_key)
        self._fault: SoapFault | None = None

    def request(self) -> Message | None:
        """The Reboot, once."""
        request, self._request = self._request, None
        return request

    def take(self, answer: Message) -> None:
        """RebootResponse, or the fault that refuses it."""
        self._fault = answer if isinstance(answer, SoapFault) else None

    def outcome(self) -> Outcome:
        """Failed on a fault; otherwise the CPE only promised it."""
        return _refused("Reboot", self._fault) if self._fault else Outcome(True, "the CPE answered")


class ReadPlan:
    """Reads names and partial paths: together first, then split wherever the CPE refuses.

    9005 for several names is bisected until the unknown ones are alone; a partial path that is refused is read
    child by child after GetParameterNames. `careful` lists names from the start, for a CPE that dropped the
    session when it was asked for everything at once.
    """

    def __init__(self, names: Iterable[str], *, batch: int, budget: int, careful: bool = False) -> None:
        self.reads = Reads()
        self.refused: dict[str, SoapFault] = {}
        self.requests = 0
        self._batch = batch
        self._budget = budget
        self._asked: tuple[str, ...] | str = ()
        self._first_fault: SoapFault | None = None
        self._todo: deque[tuple[str, ...] | str] = deque()
        self._careful = careful
        wanted = tuple(dict.fromkeys(names))
        paths = [name for name in wanted if name.endswith(".")]
        self._todo.extend(paths if careful else ((path,) for path in paths))
        self._queue_names(name for name in wanted if not name.endswith("."))

    def request(self) -> Message | None:
        """The next GetParameterValues, or GetParameterNames where a whole path was refused."""
        if not self._todo or self.requests >= self._budget:
            return None
        self.requests += 1
        self._asked = self._todo.popleft()
        if isinstance(self._asked, str):
            return GetParameterNames(parameter_path=self._asked, next_level=True)
        return GetParameterValues(parameter_names=self._asked)

    def take(self, answer: Message) -> None:
        """Values, names, or a fault that splits what was asked."""
        match answer:
            case GetParameterValuesResponse():
                self._take_values(answer.parameter_list)
            case GetParameterNamesResponse() if isinstance(self._asked, str):
                self._take_names(self._asked, [info.name for info in answer.parameter_list])
            case SoapFault():
                self._first_fault = self._first_fault or answer
                self._split(answer)
            case _:
                self._split(SoapFault(fault_code=9002, fault_string=f"answered with {type(answer).__name__}"))

    @property
    def unfinished(self) -> int:
        """Requests that the budget left undone."""
        return len(self._todo)

    @property
    def first_fault(self) -> SoapFault | None:
        """The first fault that a CPE gave, whether or not splitting helped."""
        return self._first_fault

    def outcome(self) -> Outcome:
        """Succeeded when anything was read; the names that were refused are in the result."""
        result: dict[str, Json] = {"read": len(self.reads.values), "requests": self.requests}
        unknown: list[Json] = [n for n, fault in self.refused.items() if fault.fault_code == UNKNOWN_NAME]
        if unknown:
            result["unknown"] = unknown
        other: dict[str, Json] = {
            n: f"{fault.fault_code} {fault.fault_string}".strip()
            for n, fault in self.refused.items()
            if fault.fault_code != UNKNOWN_NAME
        }
        if other:
            result["refused"] = other
        if self._todo:
            result["unfinished"] = len(self._todo)
        if not self.reads.values:
            fault = self._first_fault or SoapFault(fault_code=0, fault_string="the CPE answered with an empty list")
            return Outcome(False, _all_refused(unknown, fault), result, fault.fault_code, fault.fault_string)
        return Outcome(True, _read_detail(len(self.reads.values), len(self.refused), len(self._todo)), result)

    def _queue_names(self, names: Iterable[str]) -> None:
        listed = tuple(names)
        self._todo.extend(listed[i : i + self._batch] for i in range(0, len(listed), self._batch))

    def _take_values(self, values: Iterable[ParameterValueStruct]) -> None:
        before = len(self.reads.values)
        self.reads.values.update((p.name, (p.value, _type(p))) for p in values if len(p.name) <= LONGEST_NAME)
        got = len(self.reads.values) > before
        for name in self._asked if isinstance(self._asked, tuple) else ():
            if name.endswith("."):
                if got:
                    self.reads.whole.append(name)
            elif name not in self.reads.values:
                self.refused[name] = SoapFault(fault_code=UNKNOWN_NAME, fault_string="absent from the answer")

    def _take_names(self, path: str, names: list[str]) -> None:
        """Read children one object at a time; a CPE that ignores NextLevel gave every leaf already."""
        below = [name for name in names if name.startswith(path) and name != path]
        leaves = [name for name in below if not name.endswith(".")]
        objects = [name for name in below if name.endswith(".")]
        if any("." in leaf[len(path) :] for leaf in leaves):
            self._queue_names(leaves)
            return
        children = [name for name in objects if "." not in name[len(path) : -1]]
        self._todo.extend(children if self._careful else ((name,) for name in children))
        self._queue_names(leaves)

    def _split(self, fault: SoapFault) -> None:
        asked = self._asked
        if isinstance(asked, str):
            self.refused[asked] = fault
        elif len(asked) > 1:
            half = len(asked) // 2
            self._todo.extendleft((asked[half:], asked[:half]))
        elif asked[0].endswith(".") and (fault.fault_code != UNKNOWN_NAME or asked[0].count(".") == 1):
            self._todo.appendleft(asked[0])
        else:
            self.refused[asked[0]] = fault


class SetPlan:
    """Sets parameters, all or none, with the types that the CPE itself reports.

    The names are read first: that gives the types, and shows whether an earlier attempt already took effect.
    """

    def __init__(self, values: Mapping[str, Json], *, parameter_key: str, batch: int, budget: int) -> None:
        self._wanted = values
        self._key = parameter_key
        self._read = ReadPlan(values, batch=batch, budget=budget)
        self.reads = self._read.reads
        self._sent: tuple[ParameterValueStruct, ...] = ()
        self._answer: Message | None = None
        self._over = False
        self._read_only: Outcome | None = None

    def request(self) -> Message | None:
        """The reading of the present values, then one SetParameterValues."""
        if self._over:
            return None
        request = self._read.request()
        if request is not None:
            return request
        self._over = True
        self._read_only = self._before_setting()
        if self._read_only is not None:
            return None
        return SetParameterValues(parameter_list=self._sent, parameter_key=self._key)

    def take(self, answer: Message) -> None:
        """The present values, or the outcome of the setting."""
        if not self._over:
            self._read.take(answer)
            return
        self._answer = answer
        if isinstance(answer, SetParameterValuesResponse) and answer.status == 0:
            self.reads.values.update((p.name, (p.value, p.type)) for p in self._sent)

    def outcome(self) -> Outcome:
        """Succeeded with the CPE's status, or failed with a fault per parameter."""
        if self._read_only is not None:
            return self._read_only
        match self._answer:
            case SetParameterValuesResponse(status=status):
                detail = "applied" if status == 0 else "committed; the CPE applies it later, perhaps after a reboot"
                return Outcome(True, detail, {"status": status})
            case SoapFault() as fault:
                faults: dict[str, Json] = {
                    f.parameter_name: {"code": f.fault_code, "text": f.fault_string}
                    for f in fault.set_parameter_values_faults
                }
                refused = _refused("SetParameterValues", fault)
                return Outcome(False, refused.detail, {"faults": faults}, fault.fault_code, fault.fault_string)
            case _:
                return Outcome(False, "the CPE's answer was not one to SetParameterValues")

    def _before_setting(self) -> Outcome | None:
        """None when there is something to set; otherwise how it ended without."""
        unknown = [name for name, value in self._wanted.items() if self._type_of(name, value) is None]
        if unknown:
            fault = self._read.refused.get(unknown[0]) or self._read.first_fault
            code = fault.fault_code if fault else UNKNOWN_NAME
            text = fault.fault_string if fault else ""
            detail = f"nothing was set: the CPE does not give {', '.join(unknown)}"
            return Outcome(False, detail, {"unknown": list(unknown)}, code, text)
        self._sent = tuple(self._struct(name, value) for name, value in self._wanted.items())
        if all(self.reads.values.get(p.name) == (p.value, p.type) for p in self._sent):
            return Outcome(True, "already so", {"status": 0})
        return None

    def _type_of(self, name: str, value: Json) -> str | None:
        if isinstance(value, dict) and value.get("type"):
            return str(value["type"])
        return self.reads.values[name][1] if name in self.reads.values else None

    def _struct(self, name: str, value: Json) -> ParameterValueStruct:
        xsd_type = self._type_of(name, value) or "xsd:string"
        bare = value["value"] if isinstance(value, dict) else value
        present = self.reads.values.get(name, ("", ""))[0]
        return ParameterValueStruct(name, _text(bare, xsd_type, present), xsd_type)


class FirstContactPlan:
    """Gives a new device its settings: together first, then group by group where the CPE refuses."""

    def __init__(self, groups: tuple[tuple[ParameterValueStruct, ...], ...], parameter_key: str) -> None:
        self.reads = Reads()
        self.faults: list[SoapFault] = []
        self._key = parameter_key
        self._groups = groups
        self._todo: deque[tuple[int, ...]] = deque([tuple(range(len(groups)))])
        self._asked: tuple[int, ...] = ()
        self.applied: set[int] = set()

    def request(self) -> Message | None:
        """The next SetParameterValues."""
        if not self._todo:
            return None
        self._asked = self._todo.popleft()
        values = tuple(p for n in self._asked for p in self._groups[n])
        return SetParameterValues(parameter_list=values, parameter_key=self._key)

    def take(self, answer: Message) -> None:
        """Applied, or refused: then each group alone."""
        if isinstance(answer, SetParameterValuesResponse):
            self.applied.update(self._asked)
            return
        self.faults.append(answer if isinstance(answer, SoapFault) else SoapFault(fault_string="no answer to it"))
        if len(self._asked) > 1:
            self._todo.extend((n,) for n in self._asked)

    def outcome(self) -> Outcome:
        """Succeeded when every group was taken."""
        whole = len(self.applied) == len(self._groups)
        return Outcome(whole, "" if whole else "the CPE refused some of its first settings")


def _type(parameter: ParameterValueStruct) -> str:
    """The type as the CPE gave it; text when it is no type's name."""
    return parameter.type if len(parameter.type) <= LONGEST_TYPE else "xsd:string"


def _refused(rpc: str, fault: SoapFault) -> Outcome:
    detail = f"the CPE refused {rpc}: {fault.fault_code} {fault.fault_string}".rstrip()
    return Outcome(False, detail, None, fault.fault_code, fault.fault_string)


def _all_refused(unknown: list[Json], fault: SoapFault) -> str:
    if unknown:
        return f"the CPE does not know {', '.join(str(name) for name in unknown)}"
    return f"the CPE gave no value: {fault.fault_code} {fault.fault_string}".rstrip()


def _read_detail(read: int, refused: int, unfinished: int) -> str:
    parts = [f"{read} values read"]
    if refused:
        parts.append(f"{refused} refused")
    if unfinished:
        parts.append("not all: the budget of requests was used up")
    return ", ".join(parts)


def _text(value: Json, xsd_type: str, present: str) -> str:
    """The lexical form of `value`; booleans in the form that the CPE itself uses."""
    if xsd_type.endswith("boolean"):
        yes = value is True or str(value).strip().lower() in ("1", "true")
        return ("true" if yes else "false") if present.lower() in ("true", "false") else ("1" if yes else "0")
    return str(value)
