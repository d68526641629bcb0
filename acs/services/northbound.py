"""Everything that the API and the CLI may ask for, built from one configuration.

The rule of this file: it only puts services together; it decides nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from acs.config import Config
from acs.metrics import Metrics
from acs.profiles.schema import Profile, load_profiles
from acs.services.access import Access
from acs.services.access_network import AccessNetwork, build_access_network, gentle_of
from acs.services.after_fix import AfterFix
from acs.services.alarms import Alarms
from acs.services.approvals import Approvals
from acs.services.audit_trail import AuditTrail
from acs.services.automation import Automation
from acs.services.bulk_data import BulkData
from acs.services.bus import Bus
from acs.services.campaigns import CAMPAIGN
from acs.services.clock import Clock, utc_now
from acs.services.context import Context
from acs.services.context_sources import ContextSources
from acs.services.curves import DeviceHistory
from acs.services.deliveries import Deliveries
from acs.services.device_cards import DeviceCards
from acs.services.devices import Devices
from acs.services.fleet import Fleet
from acs.services.forgetting import Forgetting
from acs.services.freeze import Freeze
from acs.services.hooks import Hooks
from acs.services.identity import Identity
from acs.services.kept_answers import KeptAnswers
from acs.services.line_groups import LineGroupDesk
from acs.services.line_tests import LineTests
from acs.services.line_tokens import LineTokens
from acs.services.lines import Lines
from acs.services.nodes import Nodes
from acs.services.oidc import Oidc
from acs.services.operating import Operating
from acs.services.operations import Operations
from acs.services.outage_watch import OutageWatch
from acs.services.outages import Outages
from acs.services.packs import Packs
from acs.services.path_sources import Resolvers, whole_with
from acs.services.people import People
from acs.services.policies import Policies
from acs.services.pulls import Pulls
from acs.services.quality import QualityReports
from acs.services.radius_sessions import RadiusSessions
from acs.services.refusals import Refusals
from acs.services.search import Search
from acs.services.search_index import SearchIndex
from acs.services.second_line import SecondLine, build_second_line
from acs.services.secret_sight import SecretSight
from acs.services.self_service import SelfService
from acs.services.sign_in import SignIns
from acs.services.sources import Ping, Places
from acs.services.ticket_sources import ticket_sources
from acs.services.ticket_systems import TicketSystems, build_ticket_systems
from acs.services.tickets import Tickets
from acs.services.tmf_desk import Tmf, TmfSources, build_tmf
from acs.services.verdict_reviews import Reviews
from acs.services.wake_desk import WakeDesk
from acs.services.webhooks import webhook_targets
from acs.store.store import Store
from acs.store.vault import Vault
from probes.access import AccessReader
from probes.linetest.pack_files import load_tree
from probes.ping import PingResult, ping

#: seconds between the echoes of a ping where there are few, and in which all of them leave where there are many
_PACE_S, _SPREAD_S = 0.2, 1.0


@dataclass(frozen=True, slots=True)
class Northbound:
    """The services of the API. `profiles` are what is known of CPE models."""

    store: Store
    bus: Bus
    metrics: Metrics
    operations: Operations
    wake_desk: WakeDesk
    access: Access
    refusals: Refusals
    approvals: Approvals
    audit_trail: AuditTrail
    people: People
    sign_ins: SignIns
    oidc: Oidc
    secret_sight: SecretSight
    line_groups: LineGroupDesk
    lines: Lines
    devices: Devices
    cards: DeviceCards
    history: DeviceHistory
    forgetting: Forgetting
    nodes: Nodes
    context: Context
    line_tests: LineTests
    packs: Packs
    reviews: Reviews
    tickets: Tickets
    deliveries: Deliveries
    alarms: Alarms
    identity: Identity
    policies: Policies
    reader: AccessReader
    access_network: AccessNetwork
    fleet: Fleet
    bulk_data: BulkData
    outages: Outages
    outage_watch: OutageWatch
    after_fix: AfterFix
    quality: QualityReports
    search: Search
    operating: Operating
    kept_answers: KeptAnswers
    freeze: Freeze
    hooks: Hooks
    automation: Automation
    sources: ContextSources
    radius: RadiusSessions
    pulls: Pulls
    self_service: SelfService
    second_line: SecondLine
    profiles: Sequence[Profile]
    tmf: Tmf
    ticket_systems: TicketSystems

    async def close(self) -> None:
        """End line tests and readings of access nodes; unfinished tests stay stored, and `resume` takes them up."""
        await self.refusals.close()
        await self.line_tests.stop()
        await self.alarms.close()
        await self.reader.close()


@dataclass(frozen=True, slots=True)
class _Base:
    """What every room is built of."""

    config: Config
    store: Store
    bus: Bus
    operations: Operations
    metrics: Metrics
    fleet: Fleet
    clock: Clock
    profiles: Sequence[Profile]
    reader: AccessReader
    deliveries: Deliveries
    packs: Packs
    alarms: Alarms
    transport: httpx.AsyncBaseTransport | None


@dataclass(frozen=True, slots=True)
class _Testing:
    """Line tests, what asks for them and what follows from them."""

    line_tests: LineTests
    after_fix: AfterFix
    freeze: Freeze
    hooks: Hooks
    automation: Automation
    tickets: Tickets
    outages: Outages
    outage_watch: OutageWatch
    quality: QualityReports


@dataclass(frozen=True, slots=True)
class _Rights:
    """Who may in."""

    access: Access
    sign_ins: SignIns
    approvals: Approvals


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of lines, and where it comes from."""

    lines: Lines
    sources: ContextSources
    context: Context
    search: Search
    access_network: AccessNetwork


def build(
    config: Config,
    store: Store,
    bus: Bus,
    operations: Operations,
    metrics: Metrics,
    fleet: Fleet,
    *,
    clock: Clock = utc_now,
    ping_with: Ping | None = None,
    webhook_transport: httpx.AsyncBaseTransport | None = None,
) -> Northbound:
    """Put the services together; nothing runs yet: `line_tests.resume()` and `deliveries.run()` are the caller's.

    Raises:
        ConfigError: a profile or a secret file is wrong.
        PackError: the line-test pack is wrong.
    """
    deliveries = Deliveries(store, config.webhooks, clock=clock)
    for target in webhook_targets(config.webhooks, clock=clock, transport=webhook_transport):
        deliveries.add(target)
    base = _Base(
        config=config,
        store=store,
        bus=bus,
        operations=operations,
        metrics=metrics,
        fleet=fleet,
        clock=clock,
        profiles=load_profiles(_folder(config)),
        reader=_reader(config),
        deliveries=deliveries,
        packs=Packs(store, load_tree(config.line_tests.pack_file), config.packs, clock=clock),
        alarms=Alarms(store, metrics, clock),
        transport=webhook_transport,
    )
    return _assembled(base, _testing(base, ping_with), _rights(base), _known(base))


def _testing(base: _Base, ping_with: Ping | None) -> _Testing:
    config, store, clock, deliveries = base.config, base.store, base.clock, base.deliveries
    operations, profiles, packs = base.operations, base.profiles, base.packs
    path = config.line_tests.path
    places = Places(
        store,
        operations,
        base.reader,
        ping_with or _ping(config),
        config.line_tests,
        clock,
        # whoever pings by other means sends nothing of ours
        whole=whole_with(path) if path.whole_packets and ping_with is None else None,
        resolvers=Resolvers(path, clock) if path.resolvers else None,
    )
    line_tests = LineTests(places, base.bus, profiles, packs, deliveries, base.metrics)
    line_tests.hearers.tells_falls = config.outages.enabled
    after_fix = AfterFix(store, config.after_fix, line_tests, packs, deliveries, profiles, clock)
    operations.before_action = after_fix.before_action
    operations.freeze = freeze = Freeze(store, base.metrics, clock)
    hooks = Hooks(store, config.hooks, operations, line_tests, after_fix, freeze, profiles, clock)
    automation = Automation(store, config.tickets, hooks, clock)
    line_tests.hearers.decided = automation.decided
    line_tests.hearers.foreseen = automation.foreseen
    return _Testing(
        line_tests=line_tests,
        after_fix=after_fix,
        freeze=freeze,
        hooks=hooks,
        automation=automation,
        tickets=Tickets(store, config.tickets, line_tests, automation, sources=ticket_sources(config), clock=clock),
        outages=Outages(store, base.bus, deliveries, clock),
        outage_watch=OutageWatch(store, base.bus, config.outages, line_tests, deliveries, clock),
        quality=QualityReports(store, config.after_fix, packs, after_fix, clock),
    )


def _rights(base: _Base) -> _Rights:
    store, rights, clock = base.store, base.config.rights, base.clock
    approvals = Approvals(store, rights, clock=clock)
    base.fleet.campaigns.approvals = approvals
    approvals.runners[CAMPAIGN] = base.fleet.campaigns.create_approved
    return _Rights(Access(store, rights, clock=clock), SignIns(store, rights, clock=clock), approvals)


def _known(base: _Base) -> _Known:
    config, store, clock = base.config, base.store, base.clock
    sources = ContextSources(store, config.context, base.alarms, clock)
    context = Context(store, future_slack_s=config.line_tests.future_slack_s, clock=clock)
    context.pushed = sources.pushed
    search = Search(store, SearchIndex(store, base.profiles), clock=clock)
    base.fleet.campaign_targets.searched = search.devices
    network = build_access_network(config, store, base.bus, base.reader, base.metrics, clock)
    return _Known(Lines(store, config.lines, base.profiles, clock=clock), sources, context, search, network)


def _assembled(base: _Base, testing: _Testing, rights: _Rights, known: _Known) -> Northbound:
    config, store, clock, operations = base.config, base.store, base.clock, base.operations
    profiles, packs, alarms, line_tests = base.profiles, base.packs, base.alarms, testing.line_tests
    policies = Policies(config.cwmp, profiles)
    tmf = _tmf(base, testing, known)
    tmf.hubs.roles = rights.access.roles
    return Northbound(
        store=store,
        bus=base.bus,
        metrics=base.metrics,
        operations=operations,
        wake_desk=WakeDesk(store, operations.connection_requests, clock),
        access=rights.access,
        audit_trail=_audit_trail(config, store, clock),
        people=People(store, rights.access, rights.sign_ins, clock=clock),
        sign_ins=rights.sign_ins,
        oidc=Oidc(store, config.oidc, rights.sign_ins, rights.access, clock=clock),
        secret_sight=SecretSight(store, clock=clock),
        line_groups=LineGroupDesk(store, rows=config.lines.import_rows, clock=clock),
        refusals=Refusals(store, clock=clock),
        approvals=rights.approvals,
        lines=known.lines,
        devices=Devices(store, known.lines, operations, profiles, clock=clock),
        cards=DeviceCards(store, operations, profiles, packs, usual_class=config.line_tests.optical_class, clock=clock),
        history=DeviceHistory(store, clock),
        forgetting=Forgetting(store, clock),
        nodes=Nodes(store, clock=clock),
        context=known.context,
        line_tests=line_tests,
        packs=packs,
        reviews=Reviews(store, packs, config.packs, clock=clock),
        tickets=testing.tickets,
        deliveries=base.deliveries,
        alarms=alarms,
        identity=Identity(store, policies, alarms, clock, first_settings=config.cwmp.first_contact.enabled),
        policies=policies,
        reader=base.reader,
        access_network=known.access_network,
        fleet=base.fleet,
        bulk_data=BulkData(store, profiles, clock=clock),
        outages=testing.outages,
        outage_watch=testing.outage_watch,
        after_fix=testing.after_fix,
        quality=testing.quality,
        search=known.search,
        operating=Operating(store, config.after_fix.repeat_days, clock),
        kept_answers=KeptAnswers(store, clock=clock),
        freeze=testing.freeze,
        hooks=testing.hooks,
        automation=testing.automation,
        sources=known.sources,
        self_service=SelfService(store, config.self_service, line_tests, packs, _line_tokens(config), clock),
        radius=RadiusSessions(store, config.radius, known.sources, clock),
        pulls=Pulls(store, config.pulls, config.context, known.context, known.lines, known.sources, clock),
        second_line=build_second_line(config, store, operations, profiles, clock, rights.approvals),
        profiles=profiles,
        tmf=tmf,
        ticket_systems=_ticket_systems(base, testing, tmf),
    )


def _ticket_systems(base: _Base, testing: _Testing, tmf: Tmf) -> TicketSystems:
    taken, closed = tmf.listener, testing.quality
    return build_ticket_systems(
        base.store, base.config, base.deliveries, taken, closed, base.clock, transport=base.transport
    )


def _tmf(base: _Base, testing: _Testing, known: _Known) -> Tmf:
    config, access_alarms = base.config, known.access_network.alarms
    adapted = frozenset(one.name for one in config.adapters.systems)
    heard = TmfSources(
        testing.line_tests, testing.tickets, testing.outages, base.packs, base.alarms, access_alarms, adapted
    )
    return build_tmf(base.store, config.tmf, base.deliveries, heard, base.clock, transport=base.transport)


def _audit_trail(config: Config, store: Store, clock: Clock) -> AuditTrail:
    key = config.store.vault_key_file
    anchors = config.audit.anchor_file or key.with_name("audit.anchors")
    return AuditTrail(store, Vault.from_file(key), anchors, clock=clock)


def _line_tokens(config: Config) -> LineTokens:
    return LineTokens(config.store.vault_key_file.read_bytes())


def _reader(config: Config) -> AccessReader:
    wanted = config.line_tests
    return AccessReader(cache_s=wanted.port_cache_s, ping_silent=wanted.ping_silent_nodes, gentle=gentle_of(config))


def pace_of(echoes: int) -> float:
    """Seconds between the echoes of a line test: many fit into the second that a few take."""
    return min(_PACE_S, _SPREAD_S / echoes)


def _ping(config: Config) -> Ping:
    async def ping_address(address: str) -> PingResult:
        count = config.line_tests.ping_count
        return await ping(address, count=count, interval_s=pace_of(count))

    return ping_address


def _folder(config: Config) -> Path | None:
    return config.profiles.directory
