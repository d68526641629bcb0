"""The composition root: a configuration becomes a running server, by role.

    run(file) → Config → build → App.start → … SIGTERM → App.stop

The one rule: objects are put together here and nowhere else; nothing below reads the configuration file or a clock
of its own. The reactor runs on the very uvloop loop that serves CPEs and the API.
"""

import asyncio
import gc
import hashlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvloop
from twisted.internet import asyncioreactor

from acs import log as logs
from acs.config import ApiSection, AuthPolicy, Config, Enrolment, Role
from acs.errors import AcsError, ConfigError
from acs.metrics import Metrics
from acs.server.cwmp import CwmpEndpoint
from acs.server.files import FileServer
from acs.server.outbound import TwistedCaller
from acs.server.radius import RadiusListener
from acs.server.traps import TrapListener, listen
from acs.server.waking import Doors, doors, waking_jobs
from acs.server.worker import Worker
from acs.services import northbound
from acs.services.background import Background
from acs.services.bus import Bus
from acs.services.clock import Clock, utc_now
from acs.services.connection_requests import Caller, ConnectionRequests
from acs.services.cpe_auth import CpeAuth
from acs.services.fleet import build_fleet
from acs.services.history_keeping import HistoryKeeping
from acs.services.kept_answers import TIDY_S
from acs.services.northbound import Northbound
from acs.services.operations import Operations
from acs.services.quality_watch import QualityWatch
from acs.services.recorder import Recorder
from acs.services.search import TICK_S
from acs.services.security_notes import SecurityNotes
from acs.services.security_watch import SecurityWatch
from acs.services.sessions import Sessions
from acs.services.styles import Styles
from acs.store.records import DeviceRecord
from acs.store.store import Store
from acs.store.vault import Vault

if TYPE_CHECKING:  # imported by the roles that serve it
    from acs.api.serving import ApiServer

log = structlog.get_logger()

#: Seconds between two looks for digest nonces that are too old to be used.
_NONCES_S = 60.0


@dataclass(slots=True)
class App:
    """Everything of one server. `api_port` and `cwmp_port` are known after `start`."""

    config: Config
    store: Store
    bus: Bus
    metrics: Metrics
    sessions: Sessions
    connection_requests: ConnectionRequests
    doors: Doors
    operations: Operations
    northbound: Northbound
    auth: CpeAuth
    clock: Clock
    api_port: int | None = None
    cwmp_port: int | None = None
    cwmp_tls_port: int | None = None
    _background: Background = field(default_factory=Background)
    files_port: int | None = None
    radius_port: int | None = None
    _radius: RadiusListener | None = None
    _endpoint: CwmpEndpoint | None = None
    _files: FileServer | None = None
    _worker: Worker | None = None
    _traps: TrapListener | None = None
    _api: "ApiServer | None" = None
    _api_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve what the role says.

        Raises:
            ConfigError: an address cannot be used.
        """
        role = self.config.server.role
        self.doors.start()
        if role in (Role.CWMP, Role.ALL):
            await self._start_files()
            await self._start_cwmp()
        if role not in (Role.WORKER, Role.ALL):
            self._background.start(self.northbound.fleet.keep_rules_fresh())
        if role in (Role.API, Role.ALL):
            await self._start_api()
            await self.northbound.line_tests.resume()
        if role in (Role.WORKER, Role.ALL):
            await self._start_worker()
        log.info("server.started", role=role.value, cwmp_port=self.cwmp_port, api_port=self.api_port)

    def reload(self) -> None:
        """Read again what may change while the server runs: the certificates."""
        if self._endpoint is not None:
            self._endpoint.reload()

    async def stop(self) -> None:
        """Stop gracefully: nothing new, open sessions to their end, everything on disk, then close.

        Raises:
            ExceptionGroup: parts that failed to end; all others have ended all the same.
        """
        failed: list[Exception] = []
        for end in self._ends():
            try:
                await end
            except Exception as error:  # what comes later holds the store open, and work in its hands
                log.exception("server.part_failed")
                failed.append(error)
        log.info("server.stopped")
        if failed:
            raise ExceptionGroup("parts of the server failed to end", failed)

    def _ends(self) -> Iterator[Awaitable[object]]:
        """The ends of the parts, in their order; each begins when it is asked for."""
        grace_s = self.config.server.grace_s
        if self._api is not None and self._api_task is not None:
            self._api.should_exit = True
            yield asyncio.gather(self._api_task, return_exceptions=True)
        yield self.auth.close() if self._endpoint is None else self._endpoint.stop(grace_s)
        if self._files is not None:
            yield self._files.stop(grace_s)
        if self._worker is not None:
            yield self._worker.stop()
        if self._radius is not None:
            yield self._radius.stop()
        if self._traps is not None:
            yield self._traps.stop()
            yield self.northbound.access_network.alarms.drain()
        yield self.connection_requests.close()
        yield self.doors.stop()
        yield self._background.close()
        yield self.sessions.first_contact.close()
        yield self.northbound.close()
        if self.sessions.parts.recorder is not None:
            yield self.sessions.parts.recorder.close()
        if self.sessions.parts.notes is not None:
            yield self.sessions.parts.notes.close()
        yield self.store.close()

    async def _start_worker(self) -> None:
        self._worker = Worker(
            self.store,
            self.bus,
            self.config,
            self.sessions,
            self.connection_requests,
            self.clock,
            jobs={
                **self.northbound.fleet.jobs(),
                **self.northbound.access_network.jobs(),
                **self.northbound.outage_watch.jobs(),
                **self.northbound.after_fix.jobs(),
                **self.northbound.second_line.jobs(),
                **self.northbound.tmf.jobs(),
                **self.northbound.ticket_systems.jobs(),
                "kept_answers": (TIDY_S, self.northbound.kept_answers.tidy),
                "search": (TICK_S, self.northbound.search.index.turn),
                **self.northbound.hooks.jobs(),
                **self.northbound.automation.jobs(),
                **QualityWatch(self.store, self.northbound.alarms, self.clock).jobs(),
                **SecurityWatch(self.store, self.config.security_alarms, self.northbound.alarms, self.clock).jobs(),
                **self.northbound.sources.jobs(),
                **self.northbound.radius.jobs(),
                **self.northbound.pulls.jobs(),
                **waking_jobs(self.sessions, self.store, self.config, self.clock),
                "history": (
                    self.config.history.tick_s,
                    HistoryKeeping(self.store, self.config.history, self.clock).turn,
                ),
                "audit anchors": (self.config.audit.anchor_s, self.northbound.audit_trail.anchor),
                "nonces": (_NONCES_S, self.auth.forget_old_nonces),
            },
        )
        await self._hear_accounting()
        self._worker.frozen = self.northbound.freeze.engaged
        await self._worker.start()
        await self._hear_traps()
        self._background.start(self.northbound.deliveries.run())

    async def _hear_accounting(self) -> None:
        if self.config.radius.clients:
            self._radius = RadiusListener(self.config.radius, self.northbound.radius, self.metrics, self.clock)
            await self._radius.start()
            self.radius_port = self._radius.port

    async def _hear_traps(self) -> None:
        config, alarms = self.config.traps, self.northbound.access_network.alarms
        seed = self.config.store.vault_key_file.read_bytes()
        self._traps = await listen(config, alarms, seed, self.metrics)
        if self._traps is not None:
            self._background.start(self._traps.watch())
            self._background.start(alarms.run())

    async def _start_cwmp(self) -> None:
        cwmp = self.config.cwmp
        if cwmp.auth is AuthPolicy.OPEN and cwmp.enrolment is Enrolment.ADMIT:
            log.warning("cwmp.open", why="cwmp.auth is open: every device that comes is believed")
        elif cwmp.auth in (AuthPolicy.DIGEST, AuthPolicy.BASIC) and cwmp.enrol_username is None:
            log.warning("cwmp.closed", why="cwmp.enrol_username is not set: only devices with a credential come in")
        self.sessions.parts.noticed = self._notice
        services = self.northbound
        self._endpoint = CwmpEndpoint(
            self.config,
            self.sessions,
            self.auth,
            self.metrics,
            self.clock,
            store=self.store,
            alarms=services.alarms,
            proven=services.identity.proven,
            reports=services.bulk_data,
        )
        try:
            await self._endpoint.start()
        except OSError as error:
            raise _cannot_listen("cwmp", cwmp.host, cwmp.port, error) from error
        self.cwmp_port, self.cwmp_tls_port = self._endpoint.port or None, self._endpoint.tls_port

    async def _start_files(self) -> None:
        fleet, config = self.northbound.fleet, self.config.files
        if fleet.file_intake.enabled:
            self._files = FileServer(
                config,
                fleet.file_intake.folder,
                fleet.file_transfers,
                fleet.file_addresses,
                self.metrics,
                _nonce_secret(self.config),
            )
            try:
                await self._files.start()
            except OSError as error:
                raise _cannot_listen("files", config.host, config.port, error) from error
            self.files_port = fleet.file_addresses.ports[0]

    async def _start_api(self) -> None:
        api = self.config.api
        listener = _listener(api.host, api.port)
        self.api_port = int(listener.getsockname()[1])
        self._api = _api_server(self.northbound, api)
        self._api_task = self._background.start(self._api.serve(sockets=[listener]))

    def _notice(self, device: DeviceRecord, new: bool) -> None:
        self._background.start(self.northbound.devices.came(device, new=new))


async def build(config: Config, *, clock: Clock = utc_now, caller: Caller | None = None) -> App:
    """Open the store and put every service together; nothing is served yet.

    Raises:
        ConfigError: a file that the configuration names is missing or wrong.
        StoreError: the store cannot be opened.
    """
    vault = _vault(config)
    bus, metrics = Bus(), Metrics()
    store = await Store.open(config.store.url, vault=vault, commit_window_ms=config.store.commit_window_ms)
    try:
        sessions = Sessions(store, bus, config, metrics)
        caller = caller or _twisted_caller(config)
        owner = config.server.role in (Role.CWMP, Role.ALL)
        waking = doors(config, store, bus, metrics, clock, owner=owner)
        sessions.first_contact.messenger = waking.messenger
        connection_requests = ConnectionRequests(
            store, bus, config, metrics, caller, clock, datagrams=waking.datagrams, messenger=waking.messenger
        )
        sessions.parts.left = connection_requests.again
        operations = Operations(store, bus, config, sessions, connection_requests, clock)
        fleet = build_fleet(config, store, operations, sessions, clock, config.store.vault_key_file.read_bytes())
        services = northbound.build(config, store, bus, operations, metrics, fleet, clock=clock)
        services.devices.bound = fleet.search.check
        sessions.parts.keeping = services.second_line.keeping
        sessions.parts.takes_over = services.second_line.takeovers.operation_for
        sessions.parts.frozen = services.freeze.holds
        fleet.provisioning.credentials["cwmp"] = services.identity.credentials
        sessions.parts.styles = Styles(services.profiles)
        sessions.parts.notes = notes = SecurityNotes(store, config.security_alarms, metrics, clock)
        services.refusals.heard = notes.refused_user
        if config.history.devices:
            sessions.parts.recorder = Recorder(store, services.profiles, sessions.model_abilities)
        auth = CpeAuth(store, config, _nonce_secret(config), services.policies)
        sessions.parts.identity, services.identity.changed = services.identity, auth.forget
        services.identity.admitted = lambda device: services.devices.came(device, new=True)
    except BaseException:
        await store.close()
        raise
    return App(
        config=config,
        store=store,
        bus=bus,
        metrics=metrics,
        sessions=sessions,
        connection_requests=connection_requests,
        doors=waking,
        operations=operations,
        northbound=services,
        auth=auth,
        clock=clock,
    )


def _api_server(services: Northbound, config: ApiSection) -> "ApiServer":
    from acs.api.serving import api_server  # noqa: PLC0415 - other roles need neither FastAPI nor uvicorn

    return api_server(services, config)


def run(config_path: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        AcsError: it cannot start; the message says why and what to do.
    """
    config = Config.load(Path(config_path))
    logs.configure(config.log.level)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    install_reactor(loop)
    try:
        loop.run_until_complete(_serve(config))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def install_reactor(loop: asyncio.AbstractEventLoop) -> None:
    """Put Twisted's reactor on this loop, before anything imports it."""
    if "twisted.internet.reactor" not in sys.modules:
        asyncioreactor.install(loop)  # type: ignore[no-untyped-call] # Twisted has no type here


async def _serve(config: Config) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    app = await build(config)
    loop.add_signal_handler(signal.SIGHUP, app.reload)
    try:
        await app.start()
        _quiet_the_collector()
        await ended.wait()
    finally:
        await app.stop()


def _quiet_the_collector() -> None:
    """What lives as long as the process is looked at no more, and what a session makes is looked at less often.

    Sessions make hundreds of objects and no cycles: looking for these cost about 5 % of each (`docs/benchmarks.md`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _vault(config: Config) -> Vault:
    """The vault; a new key is made only where there is no store yet that another key may have sealed."""
    path = config.store.vault_key_file
    url = config.store.url
    new_store = url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists()
    try:
        return Vault.create(path) if new_store and not path.exists() else Vault.from_file(path)
    except ConfigError as error:
        raise ConfigError(f"store.vault_key_file: {error}") from error


def _nonce_secret(config: Config) -> bytes:
    """The same for every process of this store, and for nobody else."""
    key = config.store.vault_key_file.read_bytes()
    return hashlib.blake2b(key, digest_size=32, person=b"cwmp nonces").digest()


def _twisted_caller(config: Config) -> Caller:
    from twisted.internet import reactor  # noqa: PLC0415 - importing it earlier would choose another reactor

    return TwistedCaller(reactor, config.connection_requests.connect_timeout_s)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _cannot_listen("api", host, port, error) from error
    return listener


def _cannot_listen(section: str, host: str, port: int, error: OSError) -> AcsError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return ConfigError(
        f"{section}.port: {host}:{port} cannot be used ({reason}); stop what listens there, or choose another port"
    )
