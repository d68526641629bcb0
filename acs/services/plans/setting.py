"""Setting parameters: all or none, with the types that the CPE itself reports; and the first settings of a device."""

from collections import deque
from collections.abc import Mapping

from acs.cwmp.messages import Message, SetParameterValues, SetParameterValuesResponse, SoapFault
from acs.cwmp.structs import ParameterValueStruct
from acs.secret_names import is_secret
from acs.services.plans.base import Outcome, Reads, refused
from acs.services.plans.reading import UNKNOWN_NAME, ReadPlan
from acs.store.records import Json

#: Parameters that the text of a refusal names.
_NAMED = 5


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
        self._before: dict[str, tuple[str, str]] = {}

    @property
    def before(self) -> dict[str, tuple[str, str]]:
        """What the names held before, as read."""
        return dict(self._before)

    @property
    def applied(self) -> dict[str, tuple[str, str]]:
        """What the device holds now: name → (value, type); empty where it refused."""
        ended = self._read_only or (self.outcome() if self._answer is not None else None)
        return {p.name: (p.value, p.type) for p in self._sent} if ended is not None and ended.succeeded else {}

    def request(self) -> Message | None:
        """The reading of the present values, then one SetParameterValues."""
        if self._over:
            return None
        request = self._read.request()
        if request is not None:
            return request
        self._over = True
        self._before = {name: self.reads.values[name] for name in self._wanted if name in self.reads.values}
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
            self.reads.values.update((p.name, (_seen(p), p.type)) for p in self._sent)

    def outcome(self) -> Outcome:
        """Succeeded with the CPE's status, or failed with a fault per parameter."""
        if self._read_only is not None:
            return self._read_only
        match self._answer:
            case SetParameterValuesResponse(status=status):
                if status == 0:
                    return Outcome(True, "applied", {"status": 0})
                detail = "committed, not applied yet: perhaps after a reboot; it is read again later"
                return Outcome(True, detail, {"status": status}, reread=tuple(self._wanted))
            case SoapFault() as fault:
                faults: dict[str, Json] = {
                    f.parameter_name: {"code": f.fault_code, "text": f.fault_string}
                    for f in fault.set_parameter_values_faults
                }
                detail = refused("SetParameterValues", fault).detail + _named(fault)
                return Outcome(False, detail, {"faults": faults}, fault.fault_code, fault.fault_string)
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


def _seen(parameter: ParameterValueStruct) -> str:
    """What a reading would show: a device shows no secret, and what we know of one is kept sealed."""
    return "" if is_secret(parameter.name) else parameter.value


def _named(fault: SoapFault) -> str:
    """The parameters that a refusal is about, the first of them, for a line of text."""
    told = [
        f"{each.parameter_name} ({each.fault_code} {each.fault_string})" for each in fault.set_parameter_values_faults
    ]
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return f": {', '.join(told[:_NAMED])}{more}" if told else ""


def _text(value: Json, xsd_type: str, present: str) -> str:
    """The lexical form of `value`; booleans in the form that the CPE itself uses."""
    if xsd_type.endswith("boolean"):
        yes = value is True or str(value).strip().lower() in ("1", "true")
        return ("true" if yes else "false") if present.lower() in ("true", "false") else ("1" if yes else "0")
    return str(value)
