"""Breaking a test off that the device runs. Pure.

    GetParameterValues of the object → still running: DiagnosticsState=Canceled; over: its results, as ever

The one rule: a device that does not break it off is believed: the test ends by itself, and its results still count.

Source: TR-106 and TR-181 Issue 2 (`Canceled` may be written, and a device need not have it; TR-098 knows no such
value); TR-069 Amendment 6, A.3.2.1 (9007 for a value that is not taken).
"""

from collections.abc import Mapping
from typing import Final

from acs.cwmp.faults import FaultCode
from acs.cwmp.messages import Message, SetParameterValues, SetParameterValuesResponse, SoapFault
from acs.cwmp.structs import ParameterValueStruct
from acs.profiles.diagnostics import Diagnostic
from acs.profiles.diagnostics.schema import name_for
from acs.services.plans.base import Outcome, answered, fault_text
from acs.services.plans.diagnostics import CollectPlan, feature
from acs.store.records import Json

CANCELED: Final = "Canceled"
#: Faults that say that the value is not one of the model's.
_NOT_TAKEN: Final = (FaultCode.INVALID_ARGUMENTS, FaultCode.INVALID_PARAMETER_VALUE, FaultCode.NOT_WRITABLE)
#: What a running test's operation has for a result while it is to be broken off, and after the device would not.
WANTED: Final = "cancel_wanted"
REFUSED: Final = "cancel_refused"


class StopPlan:
    """Reads the test's state and, where it runs, sets it to Canceled."""

    def __init__(
        self, operation: str, name: str, test: Diagnostic, root: str, inputs: Mapping[str, Json], parameter_key: str
    ) -> None:
        self._collect = CollectPlan(test, root, inputs)
        self.reads = self._collect.reads
        self._operation, self._name, self._key = operation, name, parameter_key
        self._state = f"{test.object_of(root)}{name_for(test.state, root)}"
        self._asked: SetParameterValues | None = None
        self._answer: Message | None = None

    def request(self) -> Message | None:
        """The reading of the object, then the setting where a test runs."""
        reading = self._collect.request()
        if reading is not None:
            return reading
        if self._asked is not None or not self._collect.outcome().waits:
            return None
        wanted = (ParameterValueStruct(self._state, CANCELED, "xsd:string"),)
        self._asked = SetParameterValues(parameter_list=wanted, parameter_key=self._key)
        return self._asked

    def take(self, answer: Message) -> None:
        """The object as it stands, or whether the test was broken off."""
        if self._asked is None:
            self._collect.take(answer)
        else:
            self._answer = answer

    def outcome(self) -> Outcome:
        """Broken off, over before, or left to end."""
        if self._asked is None:
            return self._not_running()
        if isinstance(self._answer, SetParameterValuesResponse):
            return Outcome(False, "the device broke the test off", cancels=self._operation)
        if isinstance(self._answer, SoapFault):
            return self._left(self._answer)
        return answered(self._asked, self._answer) or Outcome(False, "the CPE's answer was not one to the request")

    def _not_running(self) -> Outcome:
        found = self._collect.outcome()
        if found.succeeded:
            return Outcome(True, "the test was over before it could be broken off", found.result)
        state = self.reads.values.get(self._state, ("", ""))[0].strip()
        if found.fault_code is None and state in ("", "None", CANCELED):
            return Outcome(False, "the test no longer ran", cancels=self._operation)
        return found

    def _left(self, fault: SoapFault) -> Outcome:
        told = f"the device does not break the test off ({fault_text(fault)}); it is left to end by itself"
        lacks = feature_of(self._name) if fault.fault_code in _NOT_TAKEN else None
        return Outcome(True, told, {REFUSED: fault.fault_code}, waits=True, lacks=lacks)


def feature_of(name: str) -> str:
    """What a model lacks that does not break this test off, as it is remembered."""
    return f"{feature(name)}:cancel"
