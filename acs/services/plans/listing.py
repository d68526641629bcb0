"""Listing names, and reading attributes: split where the CPE refuses."""

from collections import deque
from collections.abc import Iterable

from acs.cwmp.messages import (
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    Message,
    SoapFault,
)
from acs.services.plans.base import Outcome, Reads, fault_text
from acs.store.records import Json

#: Names of one listing; more do not fit into a result, and no device has them.
MOST_NAMES = 40_000
#: Attributes of one result.
MOST_ATTRIBUTES = 20_000
#: Faults in a row after which a device is taken to refuse everything.
GIVE_UP = 16


class NamesPlan:
    """GetParameterNames below a path; where all levels at once are refused, level by level.

    The next level is never asked of a parameter (A.3.2.3 makes that a fault). An empty path that is refused becomes
    `root`, the one of the device's Informs.
    """

    def __init__(self, path: str, *, next_level: bool, root: str, budget: int) -> None:
        self.reads = Reads()
        self._root = root
        self._deep = not next_level
        self._budget = budget
        self._found: dict[str, bool] = {}
        self._refused: dict[str, str] = {}
        self._first_fault: SoapFault | None = None
        self._requests = 0
        leaf = path != "" and not path.endswith(".")
        self._todo: deque[tuple[str, bool]] = deque([(path, next_level and not leaf)])
        self._asked = ("", False)

    def request(self) -> Message | None:
        """The next GetParameterNames."""
        if not self._todo or self._requests >= self._budget or len(self._found) > MOST_NAMES:
            return None
        self._requests += 1
        self._asked = self._todo.popleft()
        path, next_level = self._asked
        return GetParameterNames(path, next_level)

    def take(self, answer: Message) -> None:
        """Names, or a fault that makes the next request smaller."""
        path, next_level = self._asked
        if isinstance(answer, GetParameterNamesResponse):
            infos = [info for info in answer.parameter_list if info.name.startswith(path)]
            self._found |= {info.name: info.writable for info in infos}
            if self._deep and next_level:
                children = [info.name for info in infos if info.name.endswith(".") and info.name != path]
                self._todo.extend((child, True) for child in children)
            return
        fault = answer if isinstance(answer, SoapFault) else SoapFault(9002, "its answer was no list of names")
        self._first_fault = self._first_fault or fault
        if path == "" and self._root:
            self._todo.append((self._root, next_level))
        elif not next_level and (path == "" or path.endswith(".")) and fault.fault_code != 9005:
            self._todo.append((path, True))
        else:
            self._refused[path] = fault_text(fault)

    @property
    def whole(self) -> bool:
        """Whether everything below the path was listed: nothing was refused, or left undone by the budget."""
        return not self._todo and not self._refused

    def outcome(self) -> Outcome:
        """The names with whether each can be written; failed when there is none and a fault."""
        fault = self._first_fault
        if not self._found and fault is not None:
            return Outcome(
                False, f"the CPE listed nothing: {fault_text(fault)}", None, fault.fault_code, fault.fault_string
            )
        names: list[Json] = [{"name": n, "writable": w} for n, w in list(self._found.items())[:MOST_NAMES]]
        result: dict[str, Json] = {"names": names, "requests": self._requests}
        if self._refused:
            result["refused"] = dict(self._refused)
        if self._todo:
            result["unfinished"] = len(self._todo)
        return Outcome(True, f"{len(names)} names", result)


class AttributesPlan:
    """GetParameterAttributes; several names that are refused together are bisected."""

    def __init__(self, names: Iterable[str], *, batch: int, budget: int) -> None:
        self.reads = Reads()
        self._budget = budget
        listed = tuple(dict.fromkeys(names))
        self._todo: deque[tuple[str, ...]] = deque(listed[n : n + batch] for n in range(0, len(listed), batch))
        self._asked: tuple[str, ...] = ()
        self._found: dict[str, Json] = {}
        self._refused: dict[str, str] = {}
        self._first_fault: SoapFault | None = None
        self._requests = 0
        self._in_a_row = 0

    def request(self) -> Message | None:
        """The next GetParameterAttributes."""
        if not self._todo or self._requests >= self._budget:
            return None
        if self._in_a_row >= GIVE_UP and not self._found:
            return None
        self._requests += 1
        self._asked = self._todo.popleft()
        return GetParameterAttributes(self._asked)

    def take(self, answer: Message) -> None:
        """Attributes, or a fault that halves what was asked."""
        if isinstance(answer, GetParameterAttributesResponse):
            self._in_a_row = 0
            for each in answer.parameter_list:
                self._found[each.name] = {"notification": each.notification, "access_list": list(each.access_list)}
            return
        fault = answer if isinstance(answer, SoapFault) else SoapFault(9002, "its answer was no list of attributes")
        self._first_fault = self._first_fault or fault
        self._in_a_row += 1
        if len(self._asked) > 1:
            half = len(self._asked) // 2
            self._todo.extend((self._asked[:half], self._asked[half:]))
        else:
            self._refused[self._asked[0]] = fault_text(fault)

    def outcome(self) -> Outcome:
        """name → notification and access list; the refused names beside them."""
        fault = self._first_fault
        result: dict[str, Json] = {
            "attributes": dict(list(self._found.items())[:MOST_ATTRIBUTES]),
            "requests": self._requests,
        }
        if self._refused:
            result["refused"] = dict(self._refused)
        if self._todo:
            result["unfinished"] = len(self._todo)
        if self._found or fault is None:
            return Outcome(True, f"attributes of {len(self._found)} parameters", result)
        detail = f"the CPE gave no attributes: {fault_text(fault)}"
        return Outcome(False, detail, result, fault.fault_code, fault.fault_string)
