"""Adding and deleting rows of tables.

The one rule: a row is added once. Where a session broke before the answer, the device's ParameterKey, which it sets
only when it took the request (A.3.2.6), tells whether the row is there.
"""

from collections.abc import Mapping

from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    DeleteObject,
    DeleteObjectResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SoapFault,
)
from acs.services.plans.base import Outcome, Reads, answered, refused
from acs.services.plans.reading import UNKNOWN_NAME
from acs.services.plans.setting import SetPlan
from acs.store.records import Json


class AddPlan:
    """AddObject, then the first values of the new row. `again`: an earlier session broke before the answer."""

    def __init__(
        self,
        table: str,
        values: Mapping[str, Json],
        *,
        command_key: str,
        root: str,
        batch: int,
        budget: int,
        again: bool = False,
    ) -> None:
        self.reads = Reads()
        self._table = table
        self._values = values
        self._key = command_key
        self._key_name = f"{root}ManagementServer.ParameterKey"
        self._batch = batch
        self._budget = budget
        self._asked: Message | None = None
        self._next: Message | None = self._add()
        if again:
            self._next = GetParameterValues((self._key_name,))
        self._failed: Outcome | None = None
        self._instance: int | None = None
        self._status = 0
        self._was_there = False
        self._setting: SetPlan | None = None

    @property
    def path(self) -> str:
        """The path of the new row; empty where there is none."""
        return f"{self._table}{self._instance}." if self._instance else ""

    @property
    def applied(self) -> dict[str, tuple[str, str]]:
        """The values of the new row that the device took."""
        return self._setting.applied if self._setting is not None else {}

    def request(self) -> Message | None:
        """AddObject, and what the values need."""
        if self._setting is not None:
            return self._setting.request()
        if self._next is None:
            return None
        self._asked, self._next = self._next, None
        return self._asked

    def take(self, answer: Message) -> None:
        """The row's number, or what an earlier session left behind."""
        if self._setting is not None:
            self._setting.take(answer)
            self.reads.values.update(self._setting.reads.values)
            return
        match self._asked, answer:
            case AddObject(), AddObjectResponse(instance_number=instance, status=status):
                self._status = status
                self._made(instance)
            case GetParameterValues(), GetParameterValuesResponse():
                there = any(p.name == self._key_name and p.value == self._key for p in answer.parameter_list)
                self._next = GetParameterNames(self._table, next_level=True) if there else self._add()
            case GetParameterNames(), GetParameterNamesResponse():
                self._was_there = True
                self._made(max((_instance(info.name, self._table) for info in answer.parameter_list), default=0))
            case _:
                assert self._asked is not None
                self._failed = answered(self._asked, answer)

    def outcome(self) -> Outcome:
        """The number of the new row and its path; failed when the values were refused, though the row is there."""
        if self._failed is not None:
            if isinstance(self._asked, AddObject):
                return self._failed
            detail = "a session broke before the answer to AddObject, and the device does not say whether it added"
            return Outcome(False, f"{detail} ({self._failed.detail}); look at the table before adding again")
        if not self._instance:
            return Outcome(False, f"the CPE gave no number for the new row of {self._table}")
        path = f"{self._table}{self._instance}."
        result: dict[str, Json] = {"instance": self._instance, "path": path, "status": self._status}
        detail = f"added {path}" + (", found after a session that broke" if self._was_there else "")
        if self._setting is None:
            return Outcome(True, detail, result)
        setting = self._setting.outcome()
        if isinstance(setting.result, dict):
            result |= setting.result
        if setting.succeeded:
            return Outcome(True, f"{detail}, {setting.detail}", result)
        return Outcome(False, f"{detail}, but {setting.detail}", result, setting.fault_code, setting.fault_string)

    def _add(self) -> AddObject:
        return AddObject(self._table, self._key)

    def _made(self, instance: int) -> None:
        self._instance = instance
        if instance and self._values:
            values = {f"{self._table}{instance}.{name}": value for name, value in self._values.items()}
            self._setting = SetPlan(values, parameter_key=self._key, batch=self._batch, budget=self._budget)


class DeletePlan:
    """DeleteObject; a row that is not there counts as deleted."""

    def __init__(self, path: str, command_key: str) -> None:
        self.reads = Reads()
        self._path = path
        self._asked = DeleteObject(path, command_key)
        self._request: Message | None = self._asked
        self._answer: Message | None = None

    def request(self) -> Message | None:
        """The DeleteObject, once."""
        request, self._request = self._request, None
        return request

    def take(self, answer: Message) -> None:
        """The status, or the fault."""
        self._answer = answer
        gone = isinstance(answer, SoapFault) and answer.fault_code == UNKNOWN_NAME
        if gone or isinstance(answer, DeleteObjectResponse):
            self.reads.whole.append(self._path)

    def outcome(self) -> Outcome:
        """Succeeded when the row is gone."""
        match self._answer:
            case DeleteObjectResponse(status=status):
                detail = "deleted" if status == 0 else "deletion committed; the CPE applies it later"
                return Outcome(True, f"{self._path} {detail}", {"status": status})
            case SoapFault(fault_code=code) if code == UNKNOWN_NAME:
                return Outcome(True, f"{self._path} was not there", {"status": 0})
            case SoapFault() as fault:
                return refused("DeleteObject", fault)
            case _:
                return Outcome(False, "the CPE's answer was not one to DeleteObject")


def _instance(name: str, table: str) -> int:
    number = name[len(table) :].partition(".")[0] if name.startswith(table) else ""
    return int(number) if number.isascii() and number.isdigit() and len(number) < 10 else 0
