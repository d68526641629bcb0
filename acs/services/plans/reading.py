"""Reading names and partial paths, with splitting wherever the CPE refuses."""

from collections import deque
from collections.abc import Iterable

from acs.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SoapFault,
)
from acs.cwmp.structs import ParameterValueStruct
from acs.services.plans.base import Outcome, Reads
from acs.store.records import Json

#: Longest parameter name that is kept: twice what TR-069 allows (A.3.2.1).
LONGEST_NAME = 512
#: Longest type that is kept; the longest real one has 17.
LONGEST_TYPE = 64
#: Invalid parameter name.
UNKNOWN_NAME = 9005
#: Resources exceeded.
RESOURCES = 9004
#: Faults in a row, nothing having been read, after which the plan looks whether the device answers anything at all.
DOUBT = 5
#: Faults in a row that no reading goes beyond when only the probe was answered.
GIVE_UP = 64


class ReadPlan:
    """Reads names and partial paths: together first, then split wherever the CPE refuses.

    9005 for several names is bisected until the unknown ones are alone, all halves of one size before the smaller
    ones, so that what exists is found early; a partial path that is refused is read child by child after
    GetParameterNames. When everything is refused, `probe`, a name that every device knows, tells whether the names
    are wrong or the device refuses whatever it is asked.
    """

    def __init__(self, names: Iterable[str], *, batch: int, budget: int, probe: str = "") -> None:
        self.reads = Reads()
        self.refused: dict[str, SoapFault] = {}
        self.requests = 0
        self._batch = batch
        self._budget = budget
        self._probe = probe
        self._probing = False
        self._in_a_row = 0
        self._dropped: list[str] = []
        self._asked: tuple[str, ...] | str = ()
        self._first_fault: SoapFault | None = None
        self._todo: deque[tuple[str, ...] | str] = deque()
        wanted = tuple(dict.fromkeys(names))
        self._extra = probe not in wanted
        self._todo.extend((name,) for name in wanted if name.endswith("."))
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
                self._in_a_row = 0
                self._take_values(answer.parameter_list)
            case GetParameterNamesResponse() if isinstance(self._asked, str):
                self._take_names(self._asked, [info.name for info in answer.parameter_list])
            case SoapFault():
                self._refuse(answer)
            case _:
                self._refuse(SoapFault(fault_code=9002, fault_string=f"answered with {type(answer).__name__}"))

    @property
    def unfinished(self) -> int:
        """Requests that the budget left undone."""
        return len(self._todo)

    @property
    def whole(self) -> bool:
        """Whether everything was read that the CPE knows: nothing was left undone, or refused but for being unknown."""
        known = [name for name, fault in self.refused.items() if fault.fault_code != UNKNOWN_NAME]
        return not self._todo and not self._dropped and not known

    @property
    def first_fault(self) -> SoapFault | None:
        """The first fault that a CPE gave, whether or not splitting helped."""
        return self._first_fault

    def outcome(self) -> Outcome:
        """Succeeded when anything was read; the names that were refused are in the result."""
        read = len(self.reads.values) - (self._extra and self._probe in self.reads.values and self._probing)
        result: dict[str, Json] = {"read": read, "requests": self.requests}
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
        if self._dropped:
            result["not_asked"] = list(self._dropped)
        if not read:
            fault = self._first_fault or SoapFault(fault_code=0, fault_string="the CPE answered with an empty list")
            return Outcome(False, _all_refused(unknown, fault), result, fault.fault_code, fault.fault_string)
        return Outcome(True, _read_detail(read, len(self.refused), len(self._todo)), result)

    def _queue_names(self, names: Iterable[str]) -> None:
        listed = tuple(names)
        self._todo.extend(listed[i : i + self._batch] for i in range(0, len(listed), self._batch))

    def _take_values(self, values: Iterable[ParameterValueStruct]) -> None:
        before = len(self.reads.values)
        self.reads.values.update((p.name, value_of(p)) for p in values if len(p.name) <= LONGEST_NAME)
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
        self._todo.extend((name,) for name in children)
        self._queue_names(leaves)

    def _refuse(self, fault: SoapFault) -> None:
        self._first_fault = self._first_fault or fault
        self._in_a_row += 1
        if self._probing and self._asked == (self._probe,):
            self._give_up()
            return
        self._split(fault)
        if self._in_a_row >= GIVE_UP:
            self._give_up()
        elif self._in_a_row >= DOUBT and self._todo and not self.reads.values and self._probe and not self._probing:
            self._probing = True
            self._todo.appendleft((self._probe,))

    def _give_up(self) -> None:
        self._dropped = [name for ask in self._todo for name in ((ask,) if isinstance(ask, str) else ask)]
        self._todo.clear()

    def _split(self, fault: SoapFault) -> None:
        asked = self._asked
        if isinstance(asked, str):
            self.refused[asked] = fault
        elif len(asked) > 1:
            half = len(asked) // 2
            self._todo.extend((asked[:half], asked[half:]))
        elif asked[0].endswith(".") and (fault.fault_code != UNKNOWN_NAME or asked[0].count(".") == 1):
            self._todo.appendleft(asked[0])
        else:
            self.refused[asked[0]] = fault


def value_of(parameter: ParameterValueStruct) -> tuple[str, str]:
    """The value and its type as the CPE gave them; text when the type is no type's name."""
    return parameter.value, parameter.type if len(parameter.type) <= LONGEST_TYPE else "xsd:string"


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
