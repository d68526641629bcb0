"""Reading a whole tree in as few requests as the device bears.

    everything at once ──fault──▶ list all names ──fault──▶ list level by level
                                      │                          │
                                      ▼                          ▼
                    groups of partial paths, halved where the device refuses ──▶ single names

The one rule: what a device bore and what not is in `learned()`, so that the next refresh of its model begins there.
After a session that broke while values were asked for, names are listed one by one: such a device does not refuse
what it cannot bear, it dies of it.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from acs.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SoapFault,
)
from acs.services.plans.base import Outcome, Reads
from acs.services.plans.bears import UNTRIED, Bears
from acs.services.plans.reading import LONGEST_NAME, RESOURCES, value_of
from acs.store.records import Json

#: Faults in a row after which the plan looks whether the device answers anything at all.
DOUBT = 5
#: Faults in a row that no refresh goes beyond.
GIVE_UP = 40
#: Partial paths that may fail, none having succeeded, before only names are listed.
NO_PATHS = 4
#: A group is filled with partial paths of at most these parts of it: the finer, the fuller, but the more names.
FILLINGS = (1, 2, 4)
#: Parameters that are remembered as refused per model; more is a device that is simply broken.
REMEMBERED = 64
_INSTANCE = re.compile(r"\.\d+(?=\.)")


@dataclass(slots=True)
class _Siblings:
    """The halves of a group that was refused: when both are given, it was its size."""

    size: int
    given: int = 0


@dataclass(slots=True)
class _Values:
    """GetParameterValues of names and partial paths; `size` parameters are expected, 0 = nobody knows."""

    names: tuple[str, ...]
    size: int = 0
    siblings: _Siblings | None = None
    #: only to see whether the device answers anything at all
    probe: bool = False


@dataclass(slots=True)
class _Names:
    """GetParameterNames below a path: all levels, or the next one."""

    path: str
    deep: bool


_Ask = _Values | _Names


@dataclass(slots=True)
class _Tally:
    requests: int = 0
    read: int = 0
    #: faults since something was given
    in_a_row: int = 0
    paths_failed: int = 0
    most: int = 0
    probed: bool = False


class RefreshPlan:
    """Reads everything below `path`. `batch` names in a request, `budget` requests in all sessions together."""

    def __init__(
        self,
        path: str,
        *,
        batch: int,
        budget: int,
        bears: Bears = UNTRIED,
        probe: str = "",
        progress: Json = None,
    ) -> None:
        self.reads = Reads()
        self.refused: dict[str, SoapFault] = {}
        self._path = path
        self._batch = batch
        self._budget = budget
        self._bears = bears
        self._probe = probe
        self._skipped = frozenset(bears.refused)
        self._tally = _Tally()
        self._target = bears.values or 0
        self._bare = bears.paths is False
        #: every name below the path, once the device has listed them all
        self._listed: frozenset[str] | None = None
        self._flushed = False
        self._first_fault: SoapFault | None = None
        self._asked: _Ask | None = None
        self._todo: deque[_Ask] = deque()
        if isinstance(progress, dict):
            self._resume(progress)
        elif bears.whole is False or bears.paths is False:
            self._todo.append(_Names(path, deep=bears.listed is not False))
        else:
            self._todo.append(_Values((path,)))

    @property
    def requests(self) -> int:
        """Requests so far."""
        return self._tally.requests

    @property
    def path(self) -> str:
        """What is read."""
        return self._path

    @property
    def noted(self) -> bool:
        """Whether a part of what was read is stored already, and a note of what is left."""
        return self._flushed

    def request(self) -> Message | None:
        """The next GetParameterValues or GetParameterNames."""
        if not self._todo or self._tally.requests >= self._budget:
            return None
        self._tally.requests += 1
        self._asked = asked = self._todo.popleft()
        if isinstance(asked, _Names):
            return GetParameterNames(parameter_path=asked.path, next_level=not asked.deep)
        return GetParameterValues(parameter_names=asked.names)

    def take(self, answer: Message) -> None:
        """Values, names, or a fault that makes the next request smaller."""
        asked, self._asked = self._asked, None
        match asked, answer:
            case _Values(), GetParameterValuesResponse():
                self._take_values(asked, answer)
            case _Names(), GetParameterNamesResponse():
                self._tally.in_a_row = 0
                self._take_names(asked, [info.name for info in answer.parameter_list])
            case _, SoapFault() if asked is not None:
                self._refuse(asked, answer)
            case _:
                if asked is not None:
                    self._refuse(asked, SoapFault(9002, f"answered with {type(answer).__name__}"))

    def broke_off(self) -> None:
        """The session broke before the answer to the last request: the device may have died of it."""
        asked, self._asked = self._asked, None
        if asked is None:
            return
        if isinstance(asked, _Values):
            self._learn(whole=False if asked.names == (self._path,) else self._bears.whole, paths=False)
            self._bare = True
        self._refuse(asked, SoapFault(0, "the session broke off"))

    def progress(self) -> Json:
        """What is left to do, for another process."""
        left = [*([self._asked] if self._asked is not None else []), *self._todo]
        return {"todo": [_ask_to_json(ask) for ask in left], "read": self._tally.read, "bare": self._bare}

    def flush(self) -> Reads:
        """What was read since the last call, to be stored; the plan goes on."""
        reads, self.reads = self.reads, Reads()
        self._flushed = True
        return reads

    def learned(self) -> Bears:
        """What the device bore, for the next of its model."""
        bears = self._bears
        if bears.whole is False and self._tally.most:
            bears = replace(bears, values=self._tally.most)
        alone = [_INSTANCE.sub(".*", n) for n, f in self.refused.items() if not n.endswith(".") and f.fault_code]
        return replace(bears, refused=tuple(dict.fromkeys((*bears.refused, *alone)))[:REMEMBERED])

    def outcome(self) -> Outcome:
        """Succeeded when anything was read; what was refused is in the result."""
        tally, left = self._tally, len(self._todo)
        result: dict[str, Json] = {"read": tally.read, "requests": tally.requests}
        if self.refused:
            listed = list(self.refused.items())[:REMEMBERED]
            result["refused"] = {n: f"{f.fault_code} {f.fault_string}".strip() for n, f in listed}
        if left:
            result["unfinished"] = left
        if not tally.read:
            fault = self._first_fault or SoapFault(0, "the CPE answered with an empty list")
            detail = f"the CPE gave no value: {fault.fault_code} {fault.fault_string}".rstrip()
            return Outcome(False, detail, result, fault.fault_code, fault.fault_string)
        if not left and self._listed is not None:
            self.reads.whole, self.reads.known = [self._path], self._listed
        parts = [f"{tally.read} values read"]
        parts += [f"{len(self.refused)} refused"] if self.refused else []
        parts += ["not all: the budget of requests was used up"] if left else []
        return Outcome(True, ", ".join(parts), result)

    def _take_values(self, asked: _Values, answer: GetParameterValuesResponse) -> None:
        given = {p.name: value_of(p) for p in answer.parameter_list if len(p.name) <= LONGEST_NAME}
        self._tally.in_a_row = 0
        new = given.keys() - self.reads.values.keys()
        self.reads.values.update(given)
        self._tally.read += len(new)
        if asked.probe:
            return
        self._tally.most = max(self._tally.most, len(given))
        if asked.names == (self._path,) and given:
            self._learn(whole=True)
        self.reads.whole += [name for name in asked.names if name.endswith(".") and given]
        if any(name.endswith(".") for name in asked.names):
            self._learn(paths=True)
        siblings = asked.siblings
        if siblings is not None:
            siblings.given += 1
            if siblings.given == 2:
                self._shrink(siblings.size)

    def _take_names(self, asked: _Names, names: list[str]) -> None:
        below = [name for name in names if name.startswith(asked.path) and name != asked.path]
        leaves = [name for name in below if not name.endswith(".")]
        every = asked.deep or any("." in leaf[len(asked.path) :] for leaf in leaves)
        if every:
            if asked.path == self._path:
                self._listed = frozenset(leaves)
                self._learn(listed=self._bears.listed if not asked.deep else True)
            size = self._target or max(1, (len(leaves) + 1) // 2)
            self._todo.extend(self._packed(leaves, asked.path, size))
            return
        children = [name for name in below if name.endswith(".") and "." not in name[len(asked.path) : -1]]
        if self._bare:
            self._todo.extend(_Names(child, deep=False) for child in children)
        elif children:
            half = max(1, min((len(children) + 1) // 2, self._batch))
            self._todo.extend(_Values(tuple(part)) for part in _parts(children, half))
        self._todo.extend(_Values(tuple(part), len(part)) for part in _parts(self._kept(leaves), self._batch))

    def _refuse(self, asked: _Ask, fault: SoapFault) -> None:
        self._first_fault = self._first_fault or fault
        self._tally.in_a_row += 1
        if isinstance(asked, _Names):
            if asked.deep:
                self._learn(listed=False if asked.path == self._path else self._bears.listed)
                self._todo.appendleft(_Names(asked.path, deep=False))
            else:
                self.refused[asked.path] = fault
        elif not asked.probe:
            self._split(asked, fault)
        self._doubt(asked)

    def _split(self, asked: _Values, fault: SoapFault) -> None:
        if len(asked.names) > 1:
            half = len(asked.names) // 2
            size = (asked.size + 1) // 2
            if fault.fault_code == RESOURCES and size and self._listed is not None:
                self._todo.appendleft(asked)
                self._shrink(size)
                return
            siblings = _Siblings(size)
            self._todo.extendleft(_Values(names, size, siblings) for names in (asked.names[half:], asked.names[:half]))
            return
        name = asked.names[0]
        if not name.endswith("."):
            self.refused[name] = fault
            return
        if name == self._path:
            self._learn(whole=False)
        else:
            self._tally.paths_failed += 1
            if self._bears.paths is None and self._tally.paths_failed >= NO_PATHS and not self._bare:
                self._learn(paths=False)
                self._bare = True
                self._shrink(self._target or self._batch)
        if self._listed is None:
            self._todo.appendleft(_Names(name, deep=name == self._path and self._bears.listed is not False))
            return
        below = [leaf for leaf in self._listed if leaf.startswith(name)]
        self._todo.extendleft(
            reversed(self._packed(below, name, max(1, min(len(below) // 2, self._target or len(below)))))
        )

    def _shrink(self, size: int) -> None:
        """No answer greater than this any more: the groups that wait are made anew, all together."""
        if self._listed is None:
            return
        self._target = max(1, min(size, self._target or size))
        exact: set[str] = set()
        paths: list[str] = []
        kept: deque[_Ask] = deque()
        for ask in self._todo:
            if isinstance(ask, _Names) or (ask.size <= self._target and not self._bare):
                kept.append(ask)
                continue
            exact.update(ask.names)
            paths += [name for name in ask.names if name.endswith(".")]
        below = tuple(paths)
        leaves = [leaf for leaf in self._listed if leaf in exact or leaf.startswith(below)]
        self._todo = kept
        self._todo.extend(self._packed(leaves, self._path, self._target))

    def _doubt(self, asked: _Ask) -> None:
        """Give up on a device that refuses whatever it is asked."""
        tally = self._tally
        if (isinstance(asked, _Values) and asked.probe) or tally.in_a_row >= GIVE_UP:
            self._todo.clear()
        elif tally.in_a_row >= DOUBT and not tally.read and self._probe and not tally.probed:
            tally.probed = True
            self._todo.appendleft(_Values((self._probe,), 1, probe=True))

    def _packed(self, leaves: Iterable[str], path: str, size: int) -> list[_Values]:
        """Groups of at most `size` parameters and `batch` names that cover the leaves, as few as it can be."""
        kept = sorted(self._kept(leaves))
        if self._bare:
            return self._grouped(((leaf, 1) for leaf in kept), size)
        tried = (self._grouped(_cover(kept, path, max(1, size // part), self._skipped_here), size) for part in FILLINGS)
        return min(tried, key=len)

    def _grouped(self, items: Iterable[tuple[str, int]], size: int) -> list[_Values]:
        groups: list[_Values] = []
        names: list[str] = []
        weight = 0
        for name, count in items:
            if names and (weight + count > size or len(names) >= self._batch):
                groups.append(_Values(tuple(names), weight))
                names, weight = [], 0
            names.append(name)
            weight += count
        return [*groups, _Values(tuple(names), weight)] if names else groups

    def _kept(self, leaves: Iterable[str]) -> list[str]:
        if not self._skipped:
            return list(leaves)
        return [leaf for leaf in leaves if _INSTANCE.sub(".*", leaf) not in self._skipped]

    def _skipped_here(self, path: str) -> bool:
        """Whether a parameter that is never given lies below the path, so that it cannot be read whole."""
        general = _INSTANCE.sub(".*", path)
        return any(name.startswith(general) for name in self._skipped)

    def _learn(self, **seen: bool | None) -> None:
        self._bears = replace(self._bears, **seen)  # type: ignore[arg-type] # only its booleans

    def _resume(self, progress: Mapping[str, Any]) -> None:
        self._bare = bool(progress.get("bare"))
        self._flushed = True
        self._tally.read = int(progress.get("read", 0))
        self._todo.extend(_ask_from_json(ask) for ask in progress["todo"])


def _cover(leaves: Sequence[str], path: str, size: int, apart: Any) -> Iterator[tuple[str, int]]:
    """(name, parameters below it) of leaves and partial paths that cover sorted leaves, none larger than `size`."""
    if 1 < len(leaves) <= size and path and not apart(path):
        yield path, len(leaves)
        return
    start = 0
    while start < len(leaves):
        head, dot, _ = leaves[start][len(path) :].partition(".")
        child = path + head + dot
        if not dot:
            yield child, 1
            start += 1
            continue
        end = start
        while end < len(leaves) and leaves[end].startswith(child):
            end += 1
        yield from _cover(leaves[start:end], child, size, apart)
        start = end


def _parts(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[n : n + size] for n in range(0, len(names), size))


def _ask_to_json(ask: _Ask) -> Json:
    if isinstance(ask, _Names):
        return {"path": ask.path, "deep": ask.deep}
    return {"names": list(ask.names), "size": ask.size}


def _ask_from_json(stored: Mapping[str, Any]) -> _Ask:
    if "path" in stored:
        return _Names(stored["path"], stored["deep"])
    return _Values(tuple(stored["names"]), stored["size"])
