"""Connection requests: how a device can be woken, how the last tries went, and a try now."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import Field

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, LimitQuery
from acs.api.told import Told

router = APIRouter(tags=["devices"])

_RESULT = (
    "accepted, unauthorized, busy, refused, timed_out, no_route, nat, not_found, redirected, closed, unanswered, "
    "offline, no_xmpp, no_url, not_allowed, limited, awaited, no_session, failed"
)


class TryAnswer(Answer):
    """One try of one method; the tries of one request share `wake`, and `n` counts them."""

    wake: str
    n: int
    at: datetime
    method: str = Field(description="http, udp, xmpp; empty where none was tried")
    target: str = Field(description="URL, addresses or Jabber ID that was called")
    result: str = Field(description=_RESULT)
    answer: str = Field(description="what came back: an HTTP status, an XMPP condition, or the session itself")
    duration_ms: int
    detail: Told = Field(description="what it means, in words")


class WaysAnswer(Answer):
    """How a device can be woken."""

    methods: list[str] = Field(description="in the order in which they are tried; a method that worked lately is first")
    behind_nat: bool = Field(description="it says so, or its URL names a private address that it does not come from")
    connection_request_url: str
    udp_address: str | None = Field(description="UDPConnectionRequestAddress as the device told it")
    nat_detected: bool | None
    jabber_id: str
    stun_address: str | None = Field(description="where our STUN server saw it lately")
    stun_proved: bool | None = Field(description="it knew its STUN password then")
    stun_seen_at: datetime | None
    tries: list[TryAnswer] = Field(description="the newest first")


class WakeAnswer(Answer):
    """How a try now went; the most telling one where several methods were tried."""

    method: str | None
    result: str = Field(description=_RESULT)
    answer: str
    target: str
    duration_ms: int
    explanation: Told


@router.get("/devices/{key:path}/connection-requests", summary="How a device can be woken, and the last tries")
async def get_ways(key: str, actor: ActorDep, services: ServicesDep, limit: LimitQuery = 20) -> WaysAnswer:
    """Scope `read`."""
    ways = await services.wake_desk.ways(actor, key, limit)
    reach, binding = ways.reach, ways.reach.binding
    return WaysAnswer(
        methods=[method.value for method in ways.order],
        behind_nat=reach.behind_nat,
        connection_request_url=reach.url,
        udp_address=None if reach.udp is None else f"{reach.udp[0]}:{reach.udp[1]}",
        nat_detected=reach.nat_detected,
        jabber_id=reach.jabber_id,
        stun_address=None if binding is None else f"{binding.host}:{binding.port}",
        stun_proved=None if binding is None else binding.proved,
        stun_seen_at=None if binding is None else binding.seen_at,
        tries=[TryAnswer.model_validate(each) for each in ways.tries],
    )


@router.post("/devices/{key:path}/connection-requests", summary="Wake a device now")
async def wake(key: str, actor: ActorDep, services: ServicesDep) -> WakeAnswer:
    """Scope `operate`. Returns when the device answered, or every method was tried in vain."""
    attempt = await services.wake_desk.wake(actor, key)
    return WakeAnswer.model_validate(attempt)
