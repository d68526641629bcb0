"""The application: routers under /api/v1, the limits around them, and errors as problems.

The rule of this file: without a token nothing is answered but `/health`, a sign-in, and the page of the calls.
"""

from functools import cache, partial

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from acs.api.access_network import router as access_network_router
from acs.api.actions import router as actions_router
from acs.api.adapters import router as adapters_router
from acs.api.approvals import router as approvals_router
from acs.api.audit import router as audit_router
from acs.api.campaigns import router as campaigns_router
from acs.api.conditional import Conditional
from acs.api.connection_requests import router as connection_requests_router
from acs.api.context import router as context_router
from acs.api.deliveries import router as deliveries_router
from acs.api.description import describe
from acs.api.device_card import router as device_card_router
from acs.api.devices import router as devices_router
from acs.api.docs_page import router as docs_router
from acs.api.errors import ERROR_ANSWERS, install_error_handlers
from acs.api.files import router as files_router
from acs.api.freeze import router as freeze_router
from acs.api.health import router as health_router
from acs.api.history import router as history_router
from acs.api.hooks import router as hooks_router
from acs.api.identity import router as identity_router
from acs.api.language import Language
from acs.api.limits import BodyLimit, Rates
from acs.api.line_groups import router as line_groups_router
from acs.api.line_tests import router as line_tests_router
from acs.api.lines import router as lines_router
from acs.api.nodes import router as nodes_router
from acs.api.operating import router as operating_router
from acs.api.operations import router as operations_router
from acs.api.origins import Origins
from acs.api.outages import router as outages_router
from acs.api.packs import router as packs_router
from acs.api.pages import router as pages_router
from acs.api.paging import Paging
from acs.api.people import router as people_router
from acs.api.provisioning import router as provisioning_router
from acs.api.quality import router as quality_router
from acs.api.rate_headers import RateHeaders
from acs.api.repeating import Repeating
from acs.api.rights import Rights
from acs.api.search import router as search_router
from acs.api.secrets import router as secrets_router
from acs.api.self_service import router as self_service_router
from acs.api.sessions import router as sessions_router
from acs.api.table import Table
from acs.api.ticket_systems import router as ticket_systems_router
from acs.api.tickets import router as tickets_router
from acs.api.tmf import TMF_ROUTERS
from acs.api.tmf.answers import tmf_http_error
from acs.api.tokens import router as tokens_router
from acs.config import ApiSection
from acs.services.northbound import Northbound

PREFIX = "/api/v1"

_DESCRIPTION = """
Devices, lines, operations and line tests of secondline. Every call needs a bearer token (`secondline token create`)
with the scope that the call names. Errors are `application/problem+json` (RFC 9457): `code` is stable, `detail` says
what is wrong, `remedy` what to do; `Accept-Language` chooses between English and Russian. Instants are RFC 3339 with a
zone; units stand at the end of names.

Lists are paged: the `Link` header with `rel="next"` has the next page, whatever the list. What a GET answers has an
`ETag`, for `If-None-Match` and for `If-Match` of a write. Every POST takes an `Idempotency-Key`. The version stands in
the address; within it, fields and calls are added and never taken away.
"""

_TAGS = [
    {"name": "devices", "description": "CPEs that have informed, and what is known of them."},
    {"name": "search", "description": "Devices and lines by anything that is known of them; saved groups."},
    {"name": "identity", "description": "Who devices are: quarantine, own credentials, alarms."},
    {"name": "actions", "description": "What a second line does on a device, and its configurations."},
    {"name": "operations", "description": "What is wanted on a device, step by step until it is done."},
    {"name": "provisioning", "description": "Rules that give devices their settings, and tags."},
    {"name": "files", "description": "Firmware and configurations for devices, and what devices send."},
    {"name": "campaigns", "description": "Upgrades of the firmware of many devices."},
    {"name": "lines", "description": "The inventory of access lines."},
    {"name": "line tests", "description": "Gathering facts about a line and judging them."},
    {"name": "rule packs", "description": "The rules of line tests: proposed, tried silently, approved, activated."},
    {"name": "self-checks", "description": "A subscriber tests his own line."},
    {"name": "self-service", "description": "A subscriber checks his own line with a token of one line."},
    {"name": "outages", "description": "Faults of many lines: found, confirmed, ended; and what is slowly wrong."},
    {"name": "quality", "description": "After a repair, and how good the verdicts are: closures, checkups, reports."},
    {"name": "hooks", "description": "One call each, for ticket systems: reboot, line test, resync, is it fixed?"},
    {"name": "tickets", "description": "TM Forum trouble tickets: taken at once, answered with a verdict."},
    {"name": "TMF621 listener", "description": "Events of TM Forum ticket systems, v4 and v5."},
    {"name": "TMF653 service tests", "description": "TM Forum: line tests, their measures, their specifications."},
    {"name": "TMF656 service problems", "description": "TM Forum: mass outages."},
    {"name": "TMF642 alarms", "description": "TM Forum: alarms of access nodes and our own."},
    {"name": "context", "description": "What other systems know: facts, readings, incidents, planned works."},
    {"name": "access nodes", "description": "OLTs and switches, and how to read them."},
    {"name": "rights", "description": "People, roles, groups of lines, secrets, approvals, and the audit trail."},
    {"name": "tokens", "description": "Who may use this API."},
    {"name": "ticket systems", "description": "Ticket systems by adapter, and the door for their signed messages."},
    {"name": "deliveries", "description": "Messages to other systems and what became of them."},
    {"name": "service", "description": "Health and metrics of the server."},
]

#: `/metrics` and the log tell of requests; the framework need not look for others who would hear of them
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}

_ROUTERS: tuple[APIRouter, ...] = (
    identity_router,
    secrets_router,
    connection_requests_router,
    history_router,
    device_card_router,
    provisioning_router,
    actions_router,
    devices_router,
    files_router,
    campaigns_router,
    operations_router,
    lines_router,
    nodes_router,
    access_network_router,
    context_router,
    line_tests_router,
    outages_router,
    packs_router,
    quality_router,
    operating_router,
    search_router,
    tickets_router,
    ticket_systems_router,
    adapters_router,
    approvals_router,
    audit_router,
    people_router,
    sessions_router,
    line_groups_router,
    tokens_router,
    deliveries_router,
    hooks_router,
    self_service_router,
    freeze_router,
    health_router,
)


def create_app(services: Northbound, config: ApiSection | None = None) -> FastAPI:
    """The API over these services; it starts and stops nothing."""
    limits = config or ApiSection()
    app = FastAPI(
        title="secondline",
        version="1",
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.state.services = services
    app.state.rates = Rates(limits.rate_per_s, limits.rate_burst)
    _include(app)
    install_error_handlers(app)
    app.add_exception_handler(HTTPException, tmf_http_error)
    app.openapi = partial(describe, app)  # type: ignore[method-assign] # FastAPI's own way to complete it
    app.add_middleware(Paging)
    app.add_middleware(Conditional)
    app.add_middleware(Repeating, owns_key=_keeps_keys)
    app.add_middleware(RateHeaders)
    app.add_middleware(BodyLimit)
    app.add_middleware(Rights)
    app.add_middleware(Language)
    app.add_middleware(Origins)
    return app


def _include(app: FastAPI) -> None:
    """Every router, and the table of their routes before them."""
    included = [(PREFIX, router) for router in _ROUTERS]
    included += [("", router) for router in (*TMF_ROUTERS, docs_router, pages_router)]
    rooms: list[tuple[str, BaseRoute]] = []
    for prefix, router in included:
        app.include_router(router, prefix=prefix, responses=ERROR_ANSWERS if prefix else None)
        paths = [f"{prefix}{route.path}" for route in router.routes if isinstance(route, APIRoute)]
        rooms += [(path, app.routes[-1]) for path in paths]
    app.router.routes.insert(0, Table(rooms))


@cache
def _key_keepers() -> tuple[APIRoute, ...]:
    """The routes that keep Idempotency-Keys by themselves."""
    routes = [route for router in _ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return tuple(route for route in routes if "POST" in (route.methods or ()) and _takes_key(route.dependant))


def _takes_key(dependant: Dependant) -> bool:
    own = any(field.alias.lower() == "idempotency-key" for field in dependant.header_params)
    return own or any(_takes_key(inner) for inner in dependant.dependencies)


def _keeps_keys(path: str) -> bool:
    """Whether the route of a POST keeps keys itself; files flow to the disk, and each sight of secrets is a new one."""
    below = path.removeprefix(PREFIX)
    if below == "/files" or below.endswith("/secrets"):
        return True
    return any(route.path_regex.match(below) is not None for route in _key_keepers())
