"""Kinds that change a device as a whole thing, keep its configuration, and put it back.

change    steps {"values": {name: value}} | {"add": table, "values": …} | {"delete": row}, `watch`: names to show
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from acs.errors import InvalidInput
from acs.services.kinds.base import NAME_LENGTH, Arguments, Kind, PlanContext, check_nothing, check_with, parameter_name
from acs.services.kinds.setting import Value, check_values
from acs.services.plans import Plan
from acs.services.plans.backup import BackupPlan
from acs.services.plans.changing import ChangePlan
from acs.services.plans.restoring import RestoreInputs, RestorePlan
from acs.store.records import Json, OperationRecord

#: Steps of one change.
STEPS = 50
_Path = Annotated[str, Field(max_length=NAME_LENGTH, pattern=r"^[^ ]+\.$")]


class Step(Arguments):
    """One step: `values` sets parameters; `add` makes a row with `values`; `delete` removes a row.

    `trigger`: the parameters set something off and fall back by themselves; they are not looked at again.
    """

    values: Annotated[dict[str, Value], Field(max_length=500)] = Field(default_factory=dict)
    add: _Path | None = None
    delete: _Path | None = None
    trigger: bool = False


class Change(Arguments):
    """Steps in their order, all or none; `watch`: further names that are read before and after; `action`: its name."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=STEPS)]
    watch: Annotated[list[Annotated[str, Field(max_length=NAME_LENGTH)]], Field(max_length=200)] = Field(
        default_factory=list
    )
    action: Annotated[str, Field(max_length=32)] = ""


class Restore(Arguments):
    """`backup`: the id of a configuration of this device, `last_good`, `desired` for what the device was told,
    or `current` for what is known of it now.

    `device`: another device's configuration, for one that takes over. `fresh`: the device was just reset. `extra`: what
    becomes of rows that the configuration has not: `delete` those of tables that our own actions write and tell of the
    others, or `keep` and tell of all.
    """

    backup: Annotated[str, Field(max_length=32)] = "last_good"
    device: Annotated[str, Field(max_length=512)] | None = None
    fresh: bool = False
    extra: Literal["delete", "keep"] = "delete"
    action: Annotated[str, Field(max_length=32)] = ""


def _check_change(arguments: Mapping[str, Any]) -> dict[str, Json]:
    given = check_with(Change)(arguments)
    steps = given["steps"]
    assert isinstance(steps, list)
    for n, step in enumerate(steps):
        assert isinstance(step, dict)
        values = step.get("values") or {}
        assert isinstance(values, dict)
        if ("delete" in step) == ("add" in step or bool(values)):
            raise InvalidInput(f"arguments.steps.{n}: give values, add with or without values, or delete")
        if values:
            step["values"] = check_values(values)
    watch = given.get("watch", [])
    assert isinstance(watch, list)
    for name in watch:
        parameter_name(name, "arguments.watch", partial=False)
    return given


def _plan_change(operation: OperationRecord, context: PlanContext) -> Plan:
    steps, watch = operation.arguments["steps"], operation.arguments.get("watch", [])
    assert isinstance(steps, list) and isinstance(watch, list)
    return ChangePlan(
        [step for step in steps if isinstance(step, dict)],
        [str(name) for name in watch],
        root=context.root,
        parameter_key=operation.command_key,
        batch=context.names_per_request,
        budget=context.requests,
        again=operation.attempts > 0,
    )


def _plan_backup(_operation: OperationRecord, context: PlanContext) -> Plan:
    return BackupPlan(context.root, batch=context.names_per_request, budget=context.requests)


def _plan_restore(operation: OperationRecord, context: PlanContext) -> Plan:
    return RestorePlan(
        context.restore or RestoreInputs(),
        root=context.root,
        parameter_key=operation.command_key,
        batch=context.names_per_request,
        budget=context.requests,
    )


KINDS = (
    Kind(
        "change",
        _check_change,
        _plan_change,
        rpc="SetParameterValues",
        arguments=Change,
        retries=True,
        secret_values=True,
    ),
    Kind("backup", check_nothing, _plan_backup, rpc="GetParameterValues"),
    Kind("scheduled_backup", check_nothing, _plan_backup, rpc="GetParameterValues", internal=True),
    Kind(
        "restore",
        check_with(Restore),
        _plan_restore,
        rpc="SetParameterValues",
        arguments=Restore,
        retries=True,
        with_restore=True,
    ),
)
