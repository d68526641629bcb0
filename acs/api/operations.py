"""Operations: list, one, cancel, and the stream of its steps."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep, StillDep
from acs.api.bodies import AfterQuery, Answer, LimitQuery
from acs.api.sse import EVENTS, LastEventId, ServerEvent, event_stream, number_of
from acs.api.told import Told, told_within
from acs.services.actions.words import words_of
from acs.services.actor import Actor
from acs.services.devices import HIDDEN, shown_value
from acs.services.northbound import Northbound
from acs.services.translation import translated
from acs.services.waking.methods import code_of
from acs.store.records import OperationRecord, OperationState, OperationStep

router = APIRouter(tags=["operations"])

#: names whose values are put beside a finished reading
_VALUES = 5_000
#: what the result of an operation holds of another one, and its text for a subscriber quotes
_QUOTED = frozenset({"detail"})
#: characters of one text that a list of operations shows
_LISTED_CHARS = 200


class StepAnswer(Answer):
    """One step of an operation."""

    n: int
    at: datetime
    name: str
    detail: Told
    code: str = Field(default="", description="of a connection request: its result, such as timed_out or nat")


class OperationAnswer(Answer):
    """What was wanted on a device and what became of it."""

    id: str
    device: str
    kind: str
    arguments: dict[str, Any] = Field(description="as asked; secret values are hidden")
    state: str = Field(description="queued, sent, unknown, succeeded, failed, expired, cancelled")
    created_at: datetime
    deadline_at: datetime
    actor: str
    reason: Told
    ticket: str | None
    sent_at: datetime | None
    answered_at: datetime | None
    finished_at: datetime | None
    attempts: int
    fault_code: int | None
    fault_string: str | None
    result: Any = None
    detail: Told
    words: dict[str, str] | None = Field(
        default=None,
        description="of one that did not succeed, or not wholly: what may be told to a subscriber, by language",
    )


class OperationDetail(OperationAnswer):
    """An operation with its steps."""

    steps: list[StepAnswer]


@router.get("/operations", summary="Operations, newest first")
async def list_operations(
    actor: ActorDep,
    services: ServicesDep,
    device: Annotated[str | None, Query(max_length=512)] = None,
    state: OperationState | None = None,
    limit: LimitQuery = 100,
    after: AfterQuery = "",
) -> list[OperationAnswer]:
    """Scope `read`. Texts longer than 200 characters are cut; one operation is shown whole."""
    found = await services.operations.list(actor, device=device, state=state, limit=limit, after=after)
    return [_listed(operation_answer(record)) for record in found]


@router.get("/operations/{operation_id}", summary="One operation with its steps")
async def get_operation(operation_id: str, actor: ActorDep, services: ServicesDep) -> OperationDetail:
    """Scope `read`."""
    record = await services.operations.get(actor, operation_id)
    steps = await services.operations.steps(actor, operation_id)
    answer = await _with_values(record, actor, services)
    return OperationDetail(**answer.model_dump(), steps=[_step_answer(step) for step in steps])


@router.post("/operations/{operation_id}/cancel", summary="Take back an operation, or break off a test")
async def cancel_operation(operation_id: str, actor: ActorDep, services: ServicesDep) -> OperationAnswer:
    """Scope `operate`. A test that runs is broken off in the next session: until then it comes back as `sent`. 409 says
    why it cannot be taken back or broken off, and how long a test is left to run.
    """
    return operation_answer(await services.operations.cancel(actor, operation_id))


@router.get(
    "/operations/{operation_id}/events",
    summary="The steps of an operation as they happen",
    response_class=StreamingResponse,
    responses=EVENTS,
)
async def watch_operation(
    operation_id: str, actor: ActorDep, services: ServicesDep, still: StillDep, last_event_id: LastEventId = ""
) -> StreamingResponse:
    """Scope `read`. Server-sent events: `step` for each step so far and each new one, then `end` with the operation."""
    await services.operations.get(actor, operation_id)
    return event_stream(_steps(operation_id, actor, services, number_of(last_event_id)), still)


def operation_answer(record: OperationRecord) -> OperationAnswer:
    """An operation as the API shows it."""
    answer = OperationAnswer.model_validate(record)
    return answer.model_copy(update={"arguments": _without_secrets(dict(record.arguments)), "words": _words(record)})


def _words(record: OperationRecord) -> dict[str, str] | None:
    """What may be told of it, by language: where a text quotes what became of it, that is in its language as well."""
    said = words_of(record)
    if said is None or record.state is not OperationState.FAILED:
        return said
    result = told_within(record.result, _QUOTED, "ru")
    in_russian = words_of(replace(record, detail=translated(record.detail, "ru"), result=result))
    return said if in_russian is None else {**said, "ru": in_russian["ru"]}


def _listed(answer: OperationAnswer) -> OperationAnswer:
    return answer.model_copy(update={"arguments": _cut(answer.arguments), "result": _cut(answer.result)})


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= _LISTED_CHARS else value[:_LISTED_CHARS] + "…"
    if isinstance(value, dict):
        return {name: _cut(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_cut(inner) for inner in value]
    return value


async def _steps(
    operation_id: str, actor: Actor, services: Northbound, after: int
) -> AsyncGenerator[ServerEvent, None]:
    async for step in services.operations.watch(operation_id):
        if step.n > after:
            yield ServerEvent("step", _step(step), str(step.n))
    record = await services.operations.get(actor, operation_id)
    answer = await _with_values(record, actor, services)
    yield ServerEvent("end", answer.model_dump(mode="json"))


def _step(step: OperationStep) -> dict[str, Any]:
    return _step_answer(step).model_dump(mode="json")


def _step_answer(step: OperationStep) -> StepAnswer:
    return StepAnswer.model_validate(step).model_copy(update={"code": code_of(step)})


async def _with_values(record: OperationRecord, actor: Actor, services: Northbound) -> OperationAnswer:
    """A finished reading gets the values that are now known for what it asked."""
    answer = operation_answer(record)
    names = record.arguments.get("names")
    if record.state is not OperationState.SUCCEEDED or record.kind != "get" or not isinstance(names, list):
        return answer
    values = await _values_of([str(name) for name in names], record.device, actor, services)
    result = record.result if isinstance(record.result, dict) else {}
    return answer.model_copy(update={"result": {**result, "values": values}})


async def _values_of(names: Sequence[str], device: str, actor: Actor, services: Northbound) -> dict[str, Any]:
    wanted = set(names)
    partial = tuple(name for name in names if name.endswith("."))
    values = {}
    for parameter in await services.devices.parameters(actor, device, limit=100_000):
        if parameter.name in wanted or (partial and parameter.name.startswith(partial)):
            values[parameter.name] = {"value": parameter.value, "type": parameter.type}
            if len(values) >= _VALUES:
                break
    return values


def _without_secrets(arguments: dict[str, Any]) -> dict[str, Any]:
    values = arguments.get("values")
    if not isinstance(values, dict):
        return arguments
    return {**arguments, "values": {name: _hidden(name, value) for name, value in values.items()}}


def _hidden(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {**value, "value": _hidden(name, value.get("value"))}
    shown = shown_value(name, str(value)) if value is not None else ""
    return shown if shown == HIDDEN else value
