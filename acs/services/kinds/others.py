"""The remaining kinds: scheduled Informs, deployment units, options and vouchers, the device's methods."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from acs.cwmp.faults import describe
from acs.cwmp.messages import (
    ChangeDUState,
    DUStateChangeComplete,
    GetOptions,
    GetOptionsResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Message,
    ScheduleInform,
    SetVouchers,
)
from acs.cwmp.structs import (
    InstallOpStruct,
    OperationStruct,
    OpResultStruct,
    OptionStruct,
    UninstallOpStruct,
    UpdateOpStruct,
)
from acs.services.kinds.base import Arguments, Ending, Kind, PlanContext, Sighting, check_nothing, check_with
from acs.services.plans import OneRequestPlan, Outcome, Plan
from acs.store.records import Json, OperationRecord

#: Methods and options that a result names.
LISTED = 500
Text = Annotated[str, Field(max_length=256)]


class InformIn(Arguments):
    """After how many seconds the device informs again; 0 would be a fault (A.4.1.4)."""

    delay_s: Annotated[int, Field(ge=1, le=31 * 86_400)]


class UnitChange(Arguments):
    """One change of a deployment unit. install needs `url`, uninstall `uuid`; update without both updates all."""

    change: Literal["install", "update", "uninstall"]
    url: Annotated[str, Field(max_length=1024)] | None = None
    uuid: Annotated[str, Field(max_length=36)] | None = None
    version: Annotated[str, Field(max_length=32)] | None = None
    username: Text | None = None
    password: Text | None = None
    environment: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> "UnitChange":
        if self.change == "install" and not self.url:
            raise ValueError("install needs url")
        if self.change == "uninstall" and not self.uuid:
            raise ValueError("uninstall needs uuid")
        return self


class UnitChanges(Arguments):
    """Changes of deployment units, in their order."""

    changes: Annotated[list[UnitChange], Field(min_length=1, max_length=16)]


class OptionOf(Arguments):
    """The name of one option; empty for all."""

    name: Annotated[str, Field(max_length=64)] = ""


class Vouchers(Arguments):
    """Vouchers in base64."""

    vouchers: Annotated[list[Annotated[str, Field(max_length=65_536)]], Field(min_length=1, max_length=16)]

    @field_validator("vouchers")
    @classmethod
    def _is_base64(cls, vouchers: list[str]) -> list[str]:
        for voucher in vouchers:
            try:
                base64.b64decode(voucher, validate=True)
            except binascii.Error as error:
                raise ValueError(f"a voucher is no base64: {error}") from error
        return vouchers


def _plan_schedule_inform(operation: OperationRecord, _context: PlanContext) -> Plan:
    delay_s = operation.arguments["delay_s"]
    assert isinstance(delay_s, int)
    request = ScheduleInform(delay_s, operation.command_key)
    return OneRequestPlan(request, lambda _answer: Outcome(True, f"the device informs in {delay_s} s", waits=True))


def _informed(operation: OperationRecord, sighting: Sighting) -> Outcome | None:
    if ("M ScheduleInform", operation.command_key) in sighting.events:
        return Outcome(True, "the device informed as it was told")
    codes = [code for code, _ in sighting.events]
    delay_s, sent_at = operation.arguments["delay_s"], operation.sent_at
    assert isinstance(delay_s, int)
    due = sent_at is not None and sighting.at >= sent_at + timedelta(seconds=delay_s)
    if due and "3 SCHEDULED" in codes and "M ScheduleInform" not in codes:
        return Outcome(True, "the device informed in time, without naming the request")
    return None


def _plan_units(operation: OperationRecord, _context: PlanContext) -> Plan:
    changes = UnitChanges.model_validate(dict(operation.arguments)).changes
    request = ChangeDUState(tuple(_unit_change(change) for change in changes), operation.command_key)
    return OneRequestPlan(request, lambda _answer: Outcome(True, "the device changes them", waits=True))


def _unit_change(wanted: UnitChange) -> OperationStruct:
    if wanted.change == "install":
        return InstallOpStruct(wanted.url or "", wanted.uuid, wanted.username, wanted.password, wanted.environment)
    if wanted.change == "update":
        return UpdateOpStruct(wanted.uuid, wanted.version, wanted.url, wanted.username, wanted.password)
    return UninstallOpStruct(wanted.uuid or "", wanted.version, wanted.environment)


def _units_changed(_operation: OperationRecord, report: Message, _sighting: Sighting) -> Outcome | None:
    if not isinstance(report, DUStateChangeComplete):
        return None
    result: dict[str, Json] = {"units": [unit_json(each) for each in report.results]}
    failed = [each.fault for each in report.results if each.fault.fault_code]
    if failed:
        why = describe(failed[0].fault_code, failed[0].fault_string)
        detail = f"{len(failed)} of {len(report.results)} changes failed: {why}"
        return Outcome(False, detail, result, failed[0].fault_code, failed[0].fault_string)
    return Outcome(True, f"{len(report.results)} changes done", result)


def unit_json(unit: OpResultStruct) -> Json:
    """The outcome of one change of a deployment unit, as it is stored and shown."""
    return {
        "uuid": unit.uuid,
        "unit": unit.deployment_unit_ref,
        "version": unit.version,
        "state": unit.current_state,
        "resolved": unit.resolved,
        "execution_units": unit.execution_unit_ref_list,
        "fault_code": unit.fault.fault_code,
        "fault_string": unit.fault.fault_string[:256],
    }


def _plan_options(operation: OperationRecord, _context: PlanContext) -> Plan:
    return OneRequestPlan(GetOptions(str(operation.arguments.get("name", ""))), _options)


def _options(answer: Message) -> Outcome:
    assert isinstance(answer, GetOptionsResponse)
    options: list[Json] = [_option_json(option) for option in answer.option_list[:LISTED]]
    return Outcome(True, f"{len(options)} options", {"options": options})


def _option_json(option: OptionStruct) -> Json:
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in asdict(option).items()}


def _plan_vouchers(operation: OperationRecord, _context: PlanContext) -> Plan:
    vouchers = operation.arguments["vouchers"]
    assert isinstance(vouchers, list)
    request = SetVouchers(tuple(base64.b64decode(str(voucher)) for voucher in vouchers))
    return OneRequestPlan(request, lambda _answer: Outcome(True, f"{len(vouchers)} vouchers set"))


def _plan_methods(_operation: OperationRecord, _context: PlanContext) -> Plan:
    return OneRequestPlan(GetRPCMethods(), methods_told)


def methods_told(answer: Message) -> Outcome:
    """The outcome of a GetRPCMethodsResponse."""
    assert isinstance(answer, GetRPCMethodsResponse)
    methods: list[Json] = [name[:64] for name in answer.method_list[:LISTED]]
    return Outcome(True, f"{len(methods)} methods", {"methods": methods})


def _lasts_s(arguments: Mapping[str, Json]) -> float:
    delay_s = arguments.get("delay_s")
    return float(delay_s) if isinstance(delay_s, int) else 0.0


KINDS = (
    Kind(
        "schedule_inform",
        check_with(InformIn),
        _plan_schedule_inform,
        Ending.REPORT,
        "ScheduleInform",
        InformIn,
        retries=True,
        on_inform=_informed,
        lasts_s=_lasts_s,
    ),
    Kind(
        "change_du_state",
        check_with(UnitChanges),
        _plan_units,
        Ending.REPORT,
        "ChangeDUState",
        UnitChanges,
        repeatable=False,
        on_report=_units_changed,
        secrets=("changes.password",),
    ),
    Kind("get_options", check_with(OptionOf), _plan_options, rpc="GetOptions", arguments=OptionOf),
    Kind("set_vouchers", check_with(Vouchers), _plan_vouchers, rpc="SetVouchers", arguments=Vouchers),
    Kind("rpc_methods", check_nothing, _plan_methods, rpc="GetRPCMethods"),
)
