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
from acs.services.outages import Outages
from acs.services.packs import Packs
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
from acs.services.self_checks import SelfChecks
from acs.services.self_service import SelfService
from acs.services.sign_in import SignIns
from acs.services.sources import Ping, Places
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
    nodes: Nodes
    context: Context
    line_tests: LineTests
    packs: Packs
    reviews: Reviews
    self_checks: SelfChecks
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
        await self.line_tests.stop()
        await self.alarms.close()
        await self.reader.close()


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
    profiles = load_profiles(_folder(config))
    packs = Packs(store, load_tree(config.line_tests.pack_file), config.packs, clock=clock)
    reader = _reader(config)
    places = Places(store, operations, reader, ping_with or _ping(config), config.line_tests, clock)
    deliveries = Deliveries(store, config.webhooks, clock=clock)
    for target in webhook_targets(config.webhooks, clock=clock, transport=webhook_transport):
        deliveries.add(target)
    lines = Lines(store, config.lines, profiles, clock=clock)
    line_tests = LineTests(places, bus, profiles, packs, deliveries, metrics)
    alarms, policies = Alarms(store, metrics, clock), Policies(config.cwmp, profiles)
    first_settings = config.cwmp.first_contact.enabled
    identity = Identity(store, policies, alarms, clock, first_settings=first_settings)
    after_fix = AfterFix(store, config.after_fix, line_tests, packs, deliveries, profiles, clock)
    operations.before_action = after_fix.before_action
    operations.freeze = freeze = Freeze(store, metrics, clock)
    hooks = Hooks(store, config.hooks, operations, line_tests, after_fix, freeze, profiles, clock)
    automation = Automation(store, config.tickets, hooks, clock)
    line_tests.decided = automation.decided
    sources = ContextSources(store, config.context, alarms, clock)
    context = Context(store, future_slack_s=config.line_tests.future_slack_s, clock=clock)
    context.pushed = sources.pushed
    search = Search(store, SearchIndex(store, profiles), clock=clock)
    fleet.campaigns.searched = search.devices
    tickets = Tickets(store, config.tickets, line_tests, automation, clock=clock)
    outages = Outages(store, bus, config.outages, line_tests, deliveries, clock)
    access_network = build_access_network(config, store, bus, reader, metrics, clock)
    heard = TmfSources(line_tests, tickets, outages, packs, alarms, access_network.alarms)
    tmf = build_tmf(store, config.tmf, deliveries, heard, clock, transport=webhook_transport)
    quality = QualityReports(store, config.after_fix, packs, after_fix, clock)
    ticket_systems = build_ticket_systems(
        store, config, deliveries, tmf.listener, quality, clock, transport=webhook_transport
    )
    access = Access(store, config.rights, clock=clock)
    sign_ins = SignIns(store, config.rights, clock=clock)
    approvals = Approvals(store, config.rights, clock=clock)
    fleet.campaigns.approvals = approvals
    approvals.runners[CAMPAIGN] = fleet.campaigns.create_approved
    return Northbound(
        store=store,
        bus=bus,
        metrics=metrics,
        operations=operations,
        wake_desk=WakeDesk(store, operations.connection_requests, clock),
        access=access,
        audit_trail=_audit_trail(config, store, clock),
        people=People(store, access, clock=clock),
        sign_ins=sign_ins,
        oidc=Oidc(store, config.oidc, sign_ins, access.roles, clock=clock),
        secret_sight=SecretSight(store, clock=clock),
        line_groups=LineGroupDesk(store, rows=config.lines.import_rows, clock=clock),
        refusals=Refusals(store, clock=clock),
        approvals=approvals,
        lines=lines,
        devices=Devices(store, lines, operations, profiles, clock=clock),
        cards=DeviceCards(store, operations, profiles, packs, usual_class=config.line_tests.optical_class, clock=clock),
        history=DeviceHistory(store, clock),
        nodes=Nodes(store, clock=clock),
        context=context,
        line_tests=line_tests,
        packs=packs,
        reviews=Reviews(store, packs, config.packs, clock=clock),
        self_checks=SelfChecks(store, line_tests, packs, clock=clock),
        tickets=tickets,
        deliveries=deliveries,
        alarms=alarms,
        identity=identity,
        policies=policies,
        reader=reader,
        access_network=access_network,
        fleet=fleet,
        bulk_data=BulkData(store, profiles, clock=clock),
        outages=outages,
        after_fix=after_fix,
        quality=quality,
        search=search,
        operating=Operating(store, config.after_fix.repeat_days, clock),
        kept_answers=KeptAnswers(store, clock=clock),
        freeze=freeze,
        hooks=hooks,
        automation=automation,
        sources=sources,
        self_service=SelfService(store, config.self_service, line_tests, packs, _line_tokens(config), clock),
        radius=RadiusSessions(store, config.radius, sources, clock),
        pulls=Pulls(store, config.pulls, config.context, context, lines, sources, clock),
        second_line=build_second_line(config, store, operations, profiles, clock, approvals),
        profiles=profiles,
        tmf=tmf,
        ticket_systems=ticket_systems,
    )


def _audit_trail(config: Config, store: Store, clock: Clock) -> AuditTrail:
    key = config.store.vault_key_file
    anchors = config.audit.anchor_file or key.with_name("audit.anchors")
    return AuditTrail(store, Vault.from_file(key), anchors, clock=clock)


def _line_tokens(config: Config) -> LineTokens:
    return LineTokens(config.store.vault_key_file.read_bytes())


def _reader(config: Config) -> AccessReader:
    wanted = config.line_tests
    return AccessReader(cache_s=wanted.port_cache_s, ping_silent=wanted.ping_silent_nodes, gentle=gentle_of(config))


def _ping(config: Config) -> Ping:
    async def ping_address(address: str) -> PingResult:
        return await ping(address, count=config.line_tests.ping_count)

    return ping_address


def _folder(config: Config) -> Path | None:
    return config.profiles.directory
