"""Diagnostics: a test is started in one session, and its results are read in another. Pure.

    StartPlan    GetParameterValues of the object → inputs and DiagnosticsState=Requested in one SetParameterValues
    CollectPlan  GetParameterValues of the object → still running: wait on; over: the results

The one rule: results are those of a finished test or they are none: a state that says Error, or None, fails the
operation in words.

Source: TR-106 (DiagnosticsState), TR-069 Amendment 6, §3.7.1.5 (event 8).
"""

from collections.abc import Mapping
from typing import Final

from acs.cwmp.messages import (
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.structs import ParameterValueStruct
from acs.profiles.diagnostics import Diagnostic, Input, results_of
from acs.profiles.diagnostics.schema import name_for
from acs.services.plans.base import Outcome, Reads, answered, refused
from acs.services.plans.reading import UNKNOWN_NAME
from acs.store.records import Json

#: TR-098 and TR-143 write "Completed", TR-181 mostly "Complete".
OVER: Final = frozenset({"Complete", "Completed"})
RUNNING: Final = "Requested"

#: What the states of failed tests mean, for a person.
_MEANING: Final[Mapping[str, str]] = {
    "Error_CannotResolveHostName": "the device could not resolve the host name",
    "Error_NoRouteToHost": "the device has no route to the host",
    "Error_MaxHopCountExceeded": "the host was not reached within the allowed hops",
    "Error_DNSServerNotResolved": "the device could not find the DNS server",
    "Error_InitConnectionFailed": "the device could not connect to the server",
    "Error_NoResponse": "the server gave the device no answer",
    "Error_TransferFailed": "the transfer broke off",
    "Error_PasswordRequestFailed": "the server asked for no password, or refused it",
    "Error_LoginFailed": "the server refused the login",
    "Error_NoTransferMode": "the server refused the mode of transfer",
    "Error_NoPASV": "the server refused passive FTP",
    "Error_NoCWD": "the server refused the folder",
    "Error_NoSTOR": "the server refused the file",
    "Error_NoTransferComplete": "the server did not confirm the transfer",
    "Error_IncorrectSize": "the file's size was not the promised one",
    "Error_Timeout": "the test took too long",
    "Error_Internal": "the device failed to run the test",
    "Error_Other": "the device failed to run the test and does not say why",
    "Error": "the device failed to run the test and does not say why",
}


class StartPlan:
    """Starts a test, with the inputs that the device has."""

    def __init__(self, name: str, test: Diagnostic, root: str, inputs: Mapping[str, Json], parameter_key: str) -> None:
        self.reads = Reads()
        self._name, self._test, self._root, self._inputs, self._key = name, test, root, inputs, parameter_key
        self._object = test.object_of(root)
        self._state = f"{self._object}{name_for(test.state, root)}" if self._object and not test.stateless else None
        self._asked: Message | None = None
        self._over: Outcome | None = None
        if self._object is None:
            self._over = self._unsupported(f"the data model {root.rstrip('.')} has no such test")

    def request(self) -> Message | None:
        """The reading of the object, then the setting."""
        if self._over is not None:
            return None
        if self._asked is None:
            assert self._object is not None
            self._asked = GetParameterValues(parameter_names=(self._object,))
            return self._asked
        settings = self._settings()
        if isinstance(settings, Outcome):
            self._over = settings
            return None
        self._asked = SetParameterValues(parameter_list=settings, parameter_key=self._key)
        return self._asked

    def take(self, answer: Message) -> None:
        """The object as it stands, or whether the test was started."""
        assert self._asked is not None
        if isinstance(answer, SetParameterValuesResponse):
            self._over = Outcome(True, "the device runs the test", waits=not self._test.stateless)
            if self._test.stateless:
                self._over = self._done()
            return
        if isinstance(answer, GetParameterValuesResponse) and isinstance(self._asked, GetParameterValues):
            self.reads.values.update((p.name, (p.value, p.type)) for p in answer.parameter_list)
            self.reads.whole.append(str(self._object))
            return
        if isinstance(answer, SoapFault) and isinstance(self._asked, GetParameterValues):
            if answer.fault_code == UNKNOWN_NAME:
                self._over = self._unsupported(f"it answered that it does not know {self._object}")
                return
            self._over = refused("GetParameterValues", answer)
            return
        self._over = answered(self._asked, answer) or Outcome(False, "the CPE's answer was not one to the request")

    def outcome(self) -> Outcome:
        """Waits for the results once the device took it."""
        assert self._over is not None
        return self._over

    def _settings(self) -> tuple[ParameterValueStruct, ...] | Outcome:
        settings = []
        for name, known in self._test.inputs.items():
            parameter = f"{self._object}{name_for(known.parameter, self._root)}"
            value = self._inputs.get(name, known.default)
            if value is None:
                continue
            if parameter in self.reads.values:
                present, type_ = self.reads.values[parameter]
                settings.append(ParameterValueStruct(parameter, _text(value, known, present), type_))
            elif known.required or name in self._inputs:
                return Outcome(False, f"not supported by this model: the test {self._name} takes no {name} there")
        if self._state is not None:
            if self._state not in self.reads.values:
                return self._unsupported(f"it shows no {self._state}")
            settings.append(ParameterValueStruct(self._state, RUNNING, "xsd:string"))
        return tuple(settings)

    def _done(self) -> Outcome:
        values = {name: text for name, (text, _) in self.reads.values.items()}
        return Outcome(True, "set", results_of(self._test, self._root, values, self._inputs))

    def _unsupported(self, why: str) -> Outcome:
        return Outcome(False, f"not supported by this model: {why}", lacks=feature(self._name))


class CollectPlan:
    """Reads a test that was started: its state and all its results in one request."""

    def __init__(self, test: Diagnostic, root: str, inputs: Mapping[str, Json]) -> None:
        self.reads = Reads()
        self._test, self._root, self._inputs = test, root, inputs
        self._object = str(test.object_of(root))
        self._asked: Message | None = None
        self._answer: Message | None = None

    def request(self) -> Message | None:
        """The object, once."""
        if self._asked is not None:
            return None
        self._asked = GetParameterValues(parameter_names=(self._object,))
        return self._asked

    def take(self, answer: Message) -> None:
        """The state, and the results if there are any."""
        self._answer = answer
        if isinstance(answer, GetParameterValuesResponse):
            self.reads.values.update((p.name, (p.value, p.type)) for p in answer.parameter_list)
            self.reads.whole.append(self._object)

    def outcome(self) -> Outcome:
        """The results; a wait while the test runs; or why there are none."""
        assert self._asked is not None
        problem = answered(self._asked, self._answer)
        if problem is not None:
            return problem
        values = {name: text for name, (text, _) in self.reads.values.items()}
        state = values.get(f"{self._object}{name_for(self._test.state, self._root)}", "").strip()
        if state == RUNNING:
            return Outcome(True, "the device still runs the test", waits=True)
        if state in OVER:
            return Outcome(True, "the test is over", results_of(self._test, self._root, values, self._inputs))
        if state in ("", "None", "Canceled"):
            why = "the device holds no results: it restarted, or somebody changed the test while it ran"
        else:
            why = f"{_MEANING.get(state, 'the test failed')} ({state[:64]})"
        return Outcome(False, why, {"state": state[:64]})


def feature(name: str) -> str:
    """What a model that has no such test lacks, as it is remembered."""
    return f"diagnostics:{name}"


def _text(value: Json, known: Input, present: str) -> str:
    """The lexical form; booleans in the form that the CPE itself uses."""
    if known.type == "boolean":
        return ("true" if value else "false") if present.lower() in ("true", "false") else ("1" if value else "0")
    return str(value)
