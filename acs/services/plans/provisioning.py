"""Provisioning in a session: read what the rules are about, then set only what differs.

    GetParameterValues ─► [GetParameterAttributes] ─► [SetParameterValues] ─► [SetParameterAttributes]

The one rule: what one rule wants and the CPE refuses never keeps another rule from its effect.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from acs.cwmp.messages import (
    GetParameterAttributes,
    GetParameterAttributesResponse,
    Message,
    SetParameterAttributes,
    SetParameterAttributesResponse,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.structs import ParameterValueStruct, SetParameterAttributesStruct
from acs.services.plans.base import Outcome
from acs.services.plans.reading import ReadPlan
from acs.services.provisioning_diff import Change, Notice, changes, notices
from acs.services.provisioning_rules import Desired
from acs.store.records import Json


@dataclass(frozen=True, slots=True)
class ProvisionInputs:
    """What a provisioning plan works with. `held`: secrets that the device already has; `digest` names the wish."""

    desired: Desired
    held: frozenset[str] = frozenset()
    digest: str = ""


@dataclass(slots=True)
class _Batch:
    """Changes that go together in one request."""

    changes: tuple[Change, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(slots=True)
class _Stages:
    """Where the plan is."""

    sets: list[_Batch] = field(default_factory=list)
    compared: bool = False
    noticed: bool = False


class ProvisionPlan:
    """Makes a device as its rules want it."""

    def __init__(self, inputs: ProvisionInputs, *, parameter_key: str, batch: int, budget: int) -> None:
        #: what it works with; whoever notes its outcome needs it
        self.inputs = inputs
        self._key = parameter_key
        self._read = ReadPlan(inputs.desired.names(), batch=batch, budget=budget)
        self.reads = self._read.reads
        self._stages = _Stages()
        self._attributes: dict[str, int] = {}
        self._watched = tuple(dict.fromkeys(n for wish in inputs.desired.rules for n in wish.notifications))
        self._asked: Message | None = None
        self._batch = _Batch()
        self.refused: dict[str, str] = {}
        self.applied: dict[str, list[str]] = {}
        self._fault: SoapFault | None = None
        self._later = False

    def request(self) -> Message | None:
        """The next request; None when everything is as wanted, or was refused."""
        self._asked = self._next()
        return self._asked

    def take(self, answer: Message) -> None:
        """The CPE's answer to the last request."""
        match self._asked:
            case GetParameterAttributes():
                self._take_attributes(answer)
            case SetParameterValues():
                self._take_values(answer)
            case SetParameterAttributes():
                self._take_notices(answer)
            case _:
                self._read.take(answer)

    def outcome(self) -> Outcome:
        """Succeeded when no rule was refused. The result says what each rule did."""
        idle = [wish.rule for wish in self.inputs.desired.rules if wish.rule not in self.applied | self.refused]
        result: dict[str, Json] = {
            "applied": {rule: list(names) for rule, names in self.applied.items()},
            "unchanged": list(idle),
            "refused": dict(self.refused),
        }
        if self._later:
            result["later"] = True
        if self.refused:
            told = "; ".join(f"{rule}: {why}" for rule, why in self.refused.items())
            fault = self._fault or SoapFault(fault_code=9005, fault_string="Invalid parameter name")
            return Outcome(False, f"refused: {told}"[:1000], result, fault.fault_code, fault.fault_string)
        count = sum(len(names) for names in self.applied.values())
        return Outcome(True, f"{count} settings changed" if count else "already as wanted", result)

    def _next(self) -> Message | None:
        reading = self._read.request()
        if reading is not None:
            return reading
        if self._watched and not self._stages.noticed:
            self._stages.noticed = True
            return GetParameterAttributes(parameter_names=self._watched)
        if not self._stages.compared:
            self._compare()
        return self._next_set()

    def _next_set(self) -> Message | None:
        if not self._stages.sets:
            return None
        self._batch = self._stages.sets.pop(0)
        if self._batch.changes:
            values = tuple(ParameterValueStruct(c.name, c.value, c.type or "xsd:string") for c in self._batch.changes)
            return SetParameterValues(parameter_list=values, parameter_key=self._key)
        return SetParameterAttributes(
            parameter_list=tuple(
                SetParameterAttributesStruct(n.name, notification_change=True, notification=n.notification)
                for n in self._batch.notices
            )
        )

    def _compare(self) -> None:
        """What differs, by now: first the values, then the notifications."""
        self._stages.compared = True
        found = changes(self.inputs.desired, self.reads.values, self.inputs.held)
        lacking = [c for c in found if c.present is None and (c.type is None or c.name in self._read.refused)]
        for change in lacking:
            fault = self._read.refused.get(change.name)
            why = f"{fault.fault_code} {fault.fault_string}".rstrip() if fault else "it was not read"
            self.refused.setdefault(change.rule, f"the CPE does not give {change.name}: {why}")
        wanted = tuple(c for c in found if c.rule not in self.refused)
        if wanted:
            self._stages.sets.append(_Batch(changes=wanted))
        self._add_notices()

    def _add_notices(self) -> None:
        noticed = tuple(n for n in notices(self.inputs.desired, self._attributes) if n.rule not in self.refused)
        if noticed:
            self._stages.sets.append(_Batch(notices=noticed))

    def _take_attributes(self, answer: Message) -> None:
        if isinstance(answer, GetParameterAttributesResponse):
            self._attributes = {each.name: each.notification for each in answer.parameter_list}

    def _take_values(self, answer: Message) -> None:
        batch = self._batch.changes
        if isinstance(answer, SetParameterValuesResponse):
            self._later = self._later or answer.status != 0
            self._done((c.rule, c.name) for c in batch)
            if answer.status == 0:
                shown = {c.name: ("" if c.secret else c.value, c.type or "xsd:string") for c in batch}
                self.reads.values.update(shown)
            return
        fault = _fault_of(answer)
        guilty = _guilty(fault, batch)
        rules = _by_rule(batch)
        if guilty or len(rules) == 1:
            self._refuse(fault, guilty or {batch[0].rule: _told(fault)})
            rest = tuple(c for c in batch if c.rule not in self.refused)
            self._stages.sets = ([_Batch(changes=rest)] if rest else []) + self._stages.sets
        else:  # it did not say what it minds: each rule alone
            self._stages.sets = [_Batch(changes=part) for part in rules] + self._stages.sets

    def _take_notices(self, answer: Message) -> None:
        batch = self._batch.notices
        if isinstance(answer, SetParameterAttributesResponse):
            self._done((n.rule, n.name) for n in batch)
            return
        fault = _fault_of(answer)
        rules = list(dict.fromkeys(n.rule for n in batch))
        if len(rules) == 1:
            self._refuse(fault, {rules[0]: f"notifications: {_told(fault)}"})
            return
        alone = [_Batch(notices=tuple(n for n in batch if n.rule == rule)) for rule in rules]
        self._stages.sets = alone + self._stages.sets

    def _refuse(self, fault: SoapFault, guilty: Mapping[str, str]) -> None:
        self._fault = self._fault or fault
        for rule, why in guilty.items():
            self.refused.setdefault(rule, why)

    def _done(self, what: Iterable[tuple[str, str]]) -> None:
        for rule, name in what:
            self.applied.setdefault(rule, []).append(name)


def _fault_of(answer: Message) -> SoapFault:
    if isinstance(answer, SoapFault):
        return answer
    return SoapFault(fault_code=9002, fault_string=f"answered with {type(answer).__name__}")


def _told(fault: SoapFault) -> str:
    return f"{fault.fault_code} {fault.fault_string}".rstrip()


def _guilty(fault: SoapFault, batch: Collection[Change]) -> dict[str, str]:
    """Rule → what the CPE minds of it, as far as the fault names parameters."""
    by_name = {each.parameter_name: each for each in fault.set_parameter_values_faults}
    return {
        change.rule: f"{change.name}: {by_name[change.name].fault_code} {by_name[change.name].fault_string}".rstrip()
        for change in batch
        if change.name in by_name
    }


def _by_rule(batch: Iterable[Change]) -> list[tuple[Change, ...]]:
    parts: dict[str, list[Change]] = {}
    for change in batch:
        parts.setdefault(change.rule, []).append(change)
    return [tuple(part) for part in parts.values()]
