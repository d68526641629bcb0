"""Putting a configuration back: read, compare, add the rows that are missing, set what differs. Pure.

    GetParameterValues ─▶ DeleteObject per row too many ─▶ AddObject per missing row
                       ─▶ SetParameterValues of what differs, without what is refused

The rule of this file: nothing that could take management away is written, and no row is deleted but those of tables
that our own actions write, where the configuration was read whole and had them not; a parameter that the device
refuses never keeps the others from being put back.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.paths import generalised, rows_above, table_of
from acs.cwmp.structs import ParameterValueStruct
from acs.profiles.protection import is_setting
from acs.secret_names import is_secret
from acs.services.plans.backup import BackupPlan
from acs.services.plans.base import Outcome, Reads
from acs.services.plans.changing import HIDDEN
from acs.services.plans.extra_rows import extra_rows, same_row
from acs.services.plans.reading import UNKNOWN_NAME, ReadPlan
from acs.services.plans.written_out import Run, WrittenOut
from acs.services.provisioning_diff import same_value
from acs.services.provisioning_rules import Wish
from acs.store.records import Json

#: Rows that one restoring adds at most; more is no configuration of a home.
MOST_ROWS = 200
#: Differences that a result names.
_TOLD = 1_000
_ROW = re.compile(r"\d+")
#: name → (value, xsd type)
Values = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class RestoreInputs:
    """What is put back: name → (value, type), secrets in clear among them. `source` says where it comes from."""

    values: Values = field(default_factory=dict, repr=False)
    source: str = ""
    #: keep what is there before: not after a reset, where there is nothing to keep
    keep_first: bool = True
    #: every name of the configuration, secrets that nobody knows among them, where it was read whole; else None, and
    #: no row is taken to be too many
    known: frozenset[str] | None = None
    #: secrets of the configuration that nobody knows, and that are therefore not among `values`
    unknown: tuple[str, ...] = ()
    #: patterns of rows, * for numbers, that are deleted where the configuration has them not
    ours: tuple[str, ...] = ()
    #: (values, what the device has) → the values in this device's words, for one that takes over from another model
    translate: Callable[[Values, Values], Values] | None = None


class RestorePlan(WrittenOut):
    """Makes a device as `inputs` say."""

    def __init__(self, inputs: RestoreInputs, *, root: str, parameter_key: str, batch: int, budget: int) -> None:
        self.reads = Reads()
        self.backup = BackupPlan(root, batch=batch, budget=budget)
        #: the configuration is read, and nothing was changed yet
        self.kept = False
        self.applied: dict[str, tuple[str, str] | None] = {}
        self._source = inputs.source
        self._keep_first = inputs.keep_first or inputs.translate is not None
        self._translate = inputs.translate
        self._wanted = {name: entry for name, entry in inputs.values.items() if is_setting(name)}
        self._key, self._batch, self._budget = parameter_key, batch, budget
        self._present: dict[str, tuple[str, str]] = {}
        self._refused: dict[str, str] = {}
        self._added: list[str] = []
        self._deleted: list[str] = []
        self._extra: list[str] = []
        self._known, self._ours, self._unknown = inputs.known, inputs.ours, inputs.unknown
        self._changed: dict[str, tuple[str | None, str]] = {}
        self._unchanged = 0
        self._fault: SoapFault | None = None
        self.begin(self._go())

    def outcome(self) -> Outcome:
        """Succeeded when something was put back or nothing had to be; failed when all that differs was refused."""
        changes: list[Json] = [
            {"path": name, "before": _shown(name, before), "after": _shown(name, after)}
            for name, (before, after) in list(self._changed.items())[:_TOLD]
        ]
        result: dict[str, Json] = {
            "source": self._source,
            "changes": changes,
            "unchanged": self._unchanged,
            "rows": list[Json](self._added),
            "deleted": list[Json](self._deleted),
            "extra": list[Json](self._extra[:_TOLD]),
            "refused": dict(list(self._refused.items())[:_TOLD]),
            "unknown": list[Json](self._unknown[:_TOLD]),
        }
        if not self._wanted:
            return Outcome(False, "there is nothing to put back: the configuration holds no settings", result)
        done = self._changed or self._deleted or self._added
        if not done and (self._fault is not None or not self._unchanged):
            fault = self._fault or SoapFault(fault_code=9005, fault_string="nothing of it is known to the device")
            detail = f"the device took nothing of it: {fault.fault_code} {fault.fault_string}"
            return Outcome(False, detail, {**result, "why": "refused"}, fault.fault_code, fault.fault_string)
        told = f"{len(self._changed)} settings put back, {self._unchanged} were so already"
        if self._refused:
            told += f", {len(self._refused)} not taken: {', '.join(list(self._refused)[:5])}"
        if self._unknown:
            told += f", {len(self._unknown)} passwords that nobody knows: {', '.join(self._unknown[:5])}"
        return Outcome(True, told + self._rows_told(), result)

    def _go(self) -> Run:
        if self._keep_first:
            yield from self._through(self.backup)
            self.kept = self.backup.complete
        if self._translate is not None:
            self._wanted = dict(self._translate(self._wanted, self.backup.values))
        yield from self._look(self._wanted)
        if self._known is not None and self.backup.complete and self._translate is None:
            yield from self._delete_rows(self._known)
        yield from self._add_rows()
        todo = [name for name in self._wanted if name in self._present and not self._is_so(name)]
        self._unchanged = sum(name in self._present for name in self._wanted) - len(todo)
        for name in self._wanted:
            if name not in self._present:
                self._refused.setdefault(name, "the device has no such parameter")
        for start in range(0, len(todo), self._batch):
            yield from self._set(todo[start : start + self._batch])

    def _through(self, plan: BackupPlan | ReadPlan) -> Run:
        while (request := plan.request()) is not None:
            plan.take((yield request))
        self.reads.values.update(plan.reads.values)
        self.reads.whole.extend(plan.reads.whole)

    def _look(self, names: Iterable[str]) -> Run:
        """What the device has of these names; whole tables are not asked for, so that it costs few requests."""
        known = self.backup.values
        self._present.update({name: known[name] for name in names if name in known})
        unseen = [name for name in names if name not in known]
        if unseen:
            reading = ReadPlan(unseen, batch=self._batch, budget=self._budget)
            yield from self._through(reading)
            self._present.update(reading.reads.values)

    def _delete_rows(self, known: frozenset[str]) -> Run:
        """Rows that the configuration has not; one that only changed its number is taken for the same."""
        present = self.backup.values
        extra = extra_rows(present, known)
        for row in self._missing_rows():
            same = same_row(row, self._wanted, extra, present)
            if same is not None:
                extra.remove(same)
                self._move(row, same)
                yield from self._look([name for name in self._wanted if name.startswith(same)])
        for row in extra:
            if generalised(row) in self._ours and len(self._deleted) < MOST_ROWS:
                yield from self._delete(row)
            else:
                self._extra.append(row)

    def _delete(self, row: str) -> Run:
        answer = yield DeleteObject(row, f"{self._key[:24]}.d{len(self._deleted)}")
        gone = isinstance(answer, SoapFault) and answer.fault_code == UNKNOWN_NAME
        if not gone and not isinstance(answer, DeleteObjectResponse):
            fault = self._note_refusal(answer)
            self._refused[row] = f"{fault.fault_code} {fault.fault_string}".rstrip()
            self._extra.append(row)
            return
        self._deleted.append(row)
        self.applied[row] = None
        self.reads.whole.append(row)
        for name in [each for each in self.reads.values if each.startswith(row)]:
            del self.reads.values[name]

    def _rows_told(self) -> str:
        told = ""
        for rows, what in ((self._deleted, "deleted"), (self._extra, "stay")):
            if rows:
                named = ", ".join(rows[:5])
                if len(rows) > 1:
                    told += f", {len(rows)} rows {what} that it has not: {named}"
                else:
                    told += f", 1 row {'stays' if what == 'stay' else what} that it has not: {named}"
        return told

    def _add_rows(self) -> Run:
        """Rows that the configuration has and the device lacks, outer ones first, under the numbers it gives them."""
        refused: set[str] = set()
        while len(self._added) < MOST_ROWS:
            row = next((r for r in self._missing_rows() if r not in refused), None)
            if row is None:
                return
            table = table_of(row)
            answer = yield AddObject(table, f"{self._key[:24]}.{len(self._added)}")
            if not isinstance(answer, AddObjectResponse) or not answer.instance_number:
                self._note_refusal(answer)
                refused.add(row)
                continue
            new = f"{table}{answer.instance_number}."
            self._added.append(new)
            self._move(row, new)
            yield from self._look([name for name in self._wanted if name.startswith(new)])
            if not any(name.startswith(new) for name in self._present):
                refused.add(new)

    def _missing_rows(self) -> list[str]:
        """The outermost rows below which the device has nothing of what is wanted, shortest path first."""
        rows: dict[str, None] = {}
        for name in self._wanted:
            if name in self._present:
                continue
            for row in rows_above(name):
                if not any(have.startswith(row) for have in self._present):
                    rows[row] = None
                    break
        return sorted(rows, key=lambda row: (row.count("."), [int(n) for n in _ROW.findall(row)]))

    def _move(self, row: str, new: str) -> None:
        """The row has another number now: its names, and every reference to it."""
        moved: dict[str, tuple[str, str]] = {}
        for name, (value, kind) in self._wanted.items():
            at = new + name[len(row) :] if name.startswith(row) else name
            moved[at] = (_moved_references(value, row, new), kind)
        self._wanted = moved

    def _is_so(self, name: str) -> bool:
        value, kind = self._wanted[name]
        present, own = self._present[name]
        return present == value or same_value(present, own or kind, Wish(value))

    def _set(self, names: list[str]) -> Run:
        """Together; without those that are refused; one by one where the device does not say which."""
        if not names:
            return
        structs = tuple(
            ParameterValueStruct(name, self._wanted[name][0], self._present[name][1] or self._wanted[name][1])
            for name in names
        )
        answer = yield SetParameterValues(parameter_list=structs, parameter_key=self._key)
        if isinstance(answer, SetParameterValuesResponse):
            for each in structs:
                self.applied[each.name] = (each.value, each.type)
                self._changed[each.name] = (self._present[each.name][0], each.value)
                self.reads.values[each.name] = ("" if is_secret(each.name) else each.value, each.type)
            return
        fault = self._note_refusal(answer)
        guilty = {each.parameter_name: each for each in fault.set_parameter_values_faults}
        if not guilty and len(names) == 1:
            self._refused[names[0]] = f"{fault.fault_code} {fault.fault_string}".rstrip()
            return
        for name in guilty:
            if name in names:
                self._refused[name] = f"{guilty[name].fault_code} {guilty[name].fault_string}".rstrip()
        rest = [name for name in names if name not in guilty]
        if len(rest) == len(names):
            half = len(names) // 2
            yield from self._set(names[:half])
            yield from self._set(names[half:])
        else:
            yield from self._set(rest)

    def _note_refusal(self, answer: Message) -> SoapFault:
        fault = answer if isinstance(answer, SoapFault) else SoapFault(9002, "its answer was not one to the request")
        self._fault = self._fault or fault
        return fault


def _moved_references(value: str, row: str, new: str) -> str:
    """A list of paths in which one row has another number now."""
    old, bare = row, row.rstrip(".")
    if bare not in value:
        return value
    parts = [part.strip() for part in value.split(",")]
    moved = [new.rstrip(".") if part == bare else part for part in parts]
    return ",".join(new + part[len(old) :] if part.startswith(old) else part for part in moved)


def _shown(name: str, value: str | None) -> Json:
    return HIDDEN if value and is_secret(name) else value
