"""Devices: list, one, its parameters, its line, and operations asked of it."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import ConfigDict, Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import AfterQuery, Answer, Body, Instant, LimitQuery, Name, SearchQuery, Text
from acs.api.kinds import kinds_schema
from acs.api.operations import OperationAnswer, operation_answer

router = APIRouter(tags=["devices"])


class DeviceAnswer(Answer):
    """A CPE: what it said of itself in its last Inform."""

    key: str = Field(description="OUI-ProductClass-SerialNumber, percent-encoded")
    manufacturer: str
    oui: str
    product_class: str
    serial_number: str
    root: str
    software_version: str
    hardware_version: str
    address: str = Field(description="where its last Inform came from")
    connection_request_url: str
    first_seen_at: datetime
    last_inform_at: datetime
    last_boot_at: datetime | None
    uptime_s: int | None
    line: str | None = Field(description="the line that it is bound to")


class DeviceDetail(DeviceAnswer):
    """A CPE with its profile and the size of its tree."""

    profile: str | None
    parameters: int = Field(description="how many parameters are known")
    read_at: datetime | None = Field(description="when its tree was last read")
    quarantined_since: datetime | None = Field(description="since when it is only recorded; null: it is served")
    own_credentials: bool = Field(description="it proves itself to us with a credential that no other device has")


class ParameterAnswer(Answer):
    """A parameter as it was last read; secrets are hidden."""

    name: str
    value: str
    type: str
    at: datetime = Field(description="when it was read, or came in an Inform")


class BulkReportAnswer(Answer):
    """What a device reported by itself (TR-069 Annex N), with the names that it used."""

    at: datetime = Field(description="when the device collected it")
    received_at: datetime
    values: dict[str, str]


class LineOfDevice(Body):
    """The line that a device is put on by hand; null takes it off."""

    line: Name | None


class OperationRequest(Body):
    """What is wanted of the device."""

    model_config = ConfigDict(json_schema_extra=kinds_schema)

    kind: Annotated[str, Field(max_length=32, description="what is wanted")]
    arguments: dict[str, Any] = Field(default_factory=dict, description="by kind")
    deadline_s: Annotated[float, Field(gt=0, le=2_678_400)] | None = None
    reason: Text = ""
    ticket: Annotated[str, Field(max_length=200)] | None = None


@router.get("/devices", summary="Devices by key")
async def list_devices(
    actor: ActorDep,
    services: ServicesDep,
    search: SearchQuery = "",
    line: Annotated[str | None, Query(max_length=64)] = None,
    limit: LimitQuery = 100,
    after: AfterQuery = "",
) -> list[DeviceAnswer]:
    """Scope `read`."""
    found = await services.devices.find(actor, search=search, line=line, limit=limit, after=after)
    return [DeviceAnswer.model_validate(record) for record in found]


@router.get("/devices/{key:path}/parameters", summary="Known parameters of a device")
async def list_parameters(
    key: str, actor: ActorDep, services: ServicesDep, path: Annotated[str, Query(max_length=256)] = ""
) -> list[ParameterAnswer]:
    """Scope `read`. `path` is a partial path, or the name of one parameter."""
    found = await services.devices.parameters(actor, key, path)
    return [ParameterAnswer.model_validate(parameter) for parameter in found]


@router.get("/devices/{key:path}/bulk-reports", summary="Bulk data reports of a device")
async def list_bulk_reports(
    key: str,
    actor: ActorDep,
    services: ServicesDep,
    since: Annotated[Instant | None, Query(description="collected since then; a week when not given")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> list[BulkReportAnswer]:
    """Scope `read`. The newest first; secrets are not kept in them."""
    found = await services.bulk_data.of_device(actor, key, since=since, limit=limit)
    return [
        BulkReportAnswer(
            at=report.at,
            received_at=report.received_at,
            values={name: text for name, (text, _) in report.values.items()},
        )
        for report in found
    ]


@router.put("/devices/{key:path}/line", summary="Put a device on a line by hand", status_code=204)
async def set_line(key: str, body: LineOfDevice, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `inventory` (part of `write`)."""
    await services.devices.set_line(actor, key, body.line)


@router.post("/devices/{key:path}/operations", summary="Ask something of a device", status_code=202)
async def request_operation(
    key: str,
    body: OperationRequest,
    actor: ActorDep,
    services: ServicesDep,
    idempotency_key: Annotated[
        str | None, Header(max_length=200, description="The same key of the same caller gives the first operation.")
    ] = None,
) -> OperationAnswer:
    """Scope `operate`. The operation is on disk when this returns; follow it under `/operations/{id}/events`."""
    record = await services.operations.request(
        actor,
        key,
        body.kind,
        body.arguments,
        deadline_s=body.deadline_s,
        reason=body.reason,
        ticket=await services.tickets.meant_for(actor, body.ticket, device=key),
        idempotency_key=idempotency_key,
    )
    return operation_answer(record)


@router.delete("/devices/{key:path}", summary="Forget a device", status_code=204)
async def forget_device(key: str, actor: ActorDep, services: ServicesDep) -> None:
    """Scope `inventory` (part of `write`). With its tree, history, operations and configurations; the audit stays.

    Files that it uploaded stay under `/files`. 409 while an operation of it has not ended. A device that informs after
    that is a new one.
    """
    await services.forgetting.device(actor, key)


@router.get("/devices/{key:path}", summary="One device")
async def get_device(key: str, actor: ActorDep, services: ServicesDep) -> DeviceDetail:
    """Scope `read`."""
    view = await services.devices.get(actor, key)
    base = DeviceAnswer.model_validate(view.device).model_dump()
    quarantine = await services.identity.quarantine_of(actor, key)
    return DeviceDetail(
        **base,
        profile=view.profile,
        parameters=view.parameters,
        read_at=view.read_at,
        quarantined_since=None if quarantine is None else quarantine.since,
        own_credentials=await services.identity.has_own_credentials(key),
    )
