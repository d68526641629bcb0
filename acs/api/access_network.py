"""The access network: alarms of nodes, what was seen at them, what disagrees with the inventory, a look at a node."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from acs.api.auth import ActorDep, ServicesDep
from acs.api.bodies import Answer, Instant, LimitQuery
from acs.api.paging import GREATEST
from acs.api.told import Told
from acs.services.actor import Scope

router = APIRouter(tags=["access nodes"])

NameQuery = Annotated[str | None, Query(max_length=128)]


class AccessAlarmAnswer(Answer):
    """One alarm of an access node; `count` says how often it came within a while."""

    id: int
    at: datetime
    last_at: datetime
    count: int
    node: str
    address: str
    kind: str
    clears: bool
    place: str
    frame: int | None
    slot: int | None
    port: int | None
    ont: int | None
    if_index: int | None
    serial: str
    line: str | None
    trap: str
    detail: str


class DisagreementAnswer(Answer):
    """Something that a node shows and the inventory says otherwise."""

    node: str
    kind: str
    subject: str
    line: str | None
    detail: Told
    since_at: datetime | None
    seen_at: datetime


class EndpointAnswer(Answer):
    """An ONT (`kind` ont, by serial) or a MAC (`mac`) where it was last seen."""

    node: str
    kind: str
    key: str
    frame: int | None
    slot: int | None
    port: int | None
    ont: int | None
    state: str
    line: str | None
    last_down_at: datetime | None
    first_seen_at: datetime | None
    seen_at: datetime


class PlaceAnswer(Answer):
    """A place as a relay tells it, in one of the known formats; `mac` is the relay's own."""

    format: str
    node: str
    mac: str
    frame: int | None
    slot: int | None
    port: int | None
    ont: int | None
    vlan: int | None


class LocatedAnswer(Answer):
    """A place, the node of the inventory (empty where it knows none), and the line that stands there."""

    place: PlaceAnswer
    node: str
    line: str | None


class PollAnswer(Answer):
    """The last round over a node; `asked` is how many questions it took."""

    node: str
    polled_at: datetime
    next_at: datetime
    endpoints: int
    online: int
    asked: int
    complete: bool
    problem: Told


class DiscoveryAnswer(Answer):
    """What a look at a whole node found; `problem` says why it is a part."""

    node: str
    at: datetime
    endpoints: int
    online: int
    complete: bool
    problem: Told
    disagreements: tuple[DisagreementAnswer, ...]
    placed: tuple[str, ...]


class NodeStateAnswer(Answer):
    """How it stands with a node that this process asks: whether it rests, and why."""

    name: str
    breaker: str
    reason: Told
    failures: int
    in_flight_limit: int
    waiting: int
    asked: int


@router.get("/access-alarms", summary="Alarms of access nodes, the youngest first")
async def list_access_alarms(
    actor: ActorDep,
    services: ServicesDep,
    node: NameQuery = None,
    line: NameQuery = None,
    kind: NameQuery = None,
    since: Annotated[Instant | None, Query(description="last heard since then")] = None,
    after: Annotated[
        int | None, Query(ge=0, le=GREATEST, description="an id: those that came later, oldest first")
    ] = None,
    limit: LimitQuery = 100,
    wait_s: Annotated[float, Query(ge=0, le=30, description="with `after`: wait so long for a new one")] = 0.0,
) -> list[AccessAlarmAnswer]:
    """Scope `read`."""
    found = await services.access_network.alarms.latest(
        actor, node=node, line=line, kind=kind, since=since, after=after, limit=limit, wait_s=wait_s
    )
    return [AccessAlarmAnswer.model_validate(one) for one in found]


@router.get("/access-alarms/counts", summary="What became of the datagrams of traps in this process")
async def count_access_alarms(actor: ActorDep, services: ServicesDep) -> dict[str, int]:
    """Scope `read`. Received, stored, repeated, refused by reason, dropped by the kernel."""
    actor.require(Scope.READ)
    return dict(services.access_network.alarms.counts)


@router.get("/access-disagreements", summary="What access nodes show and the inventory says otherwise")
async def list_disagreements(
    actor: ActorDep, services: ServicesDep, node: NameQuery = None
) -> list[DisagreementAnswer]:
    """Scope `read`. As of each node's last whole look."""
    found = await services.access_network.surveys.disagreements(actor, node)
    return [DisagreementAnswer.model_validate(one) for one in found]


@router.get("/access-endpoints", summary="Where an ONT's serial or a MAC was last seen")
async def find_endpoints(
    actor: ActorDep,
    services: ServicesDep,
    key: Annotated[str, Query(max_length=128, description="a serial or a MAC")] = "",
) -> list[EndpointAnswer]:
    """Scope `read`. The latest first."""
    return [EndpointAnswer.model_validate(one) for one in await services.access_network.surveys.find(actor, key)]


@router.get("/access-polls", summary="The last round over each access node")
async def list_polls(actor: ActorDep, services: ServicesDep) -> list[PollAnswer]:
    """Scope `read`."""
    return [PollAnswer.model_validate(one) for one in await services.access_network.surveys.polls(actor)]


@router.get("/access-states", summary="Which nodes this process asks, and which it leaves alone")
async def list_states(actor: ActorDep, services: ServicesDep) -> list[NodeStateAnswer]:
    """Scope `read`."""
    actor.require(Scope.READ)
    return [NodeStateAnswer.model_validate(one) for one in services.reader.gentle.states()]


@router.get("/access-places", summary="Where a relay says that a subscriber is, by DHCP option 82")
async def locate_circuit(
    actor: ActorDep,
    services: ServicesDep,
    circuit: Annotated[str, Query(min_length=1, max_length=600, description="as text, or hexadecimal: 0x000404b5000e")],
    remote: Annotated[str, Query(max_length=600, description="the remote id, likewise")] = "",
) -> LocatedAnswer:
    """Scope `read`."""
    return LocatedAnswer.model_validate(await services.access_network.surveys.locate(actor, circuit, remote))


@router.get("/access-nodes/{name}/endpoints", summary="What was seen at an access node")
async def list_endpoints(name: str, actor: ActorDep, services: ServicesDep) -> list[EndpointAnswer]:
    """Scope `read`."""
    return [EndpointAnswer.model_validate(one) for one in await services.access_network.surveys.endpoints(actor, name)]


@router.post("/access-nodes/{name}/discover", summary="Look at a whole access node now")
async def discover_node(
    name: str,
    actor: ActorDep,
    services: ServicesDep,
    place: Annotated[bool, Query(description="fill in the places of lines that name their ONT")] = False,
) -> DiscoveryAnswer:
    """Scope `operate`. To place lines it wants `write`; a node that does not answer gives an answer that says why."""
    return DiscoveryAnswer.model_validate(await services.access_network.surveys.discover(actor, name, place=place))
