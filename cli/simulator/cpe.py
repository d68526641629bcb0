"""A CPE: the other end of CWMP, on the CPE role of `acs.cwmp`. The rule: what it must tell the ACS survives everything.

off ──power──▶ booting ──▶ idle ◀──▶ session          wake-ups: period, connection request, boot, deed
                  ▲                     │
                  └──── Reboot ─────────┘             counted in `reboots`
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from acs.cwmp import messages as m
from acs.cwmp import soap
from acs.cwmp.envelope import NS_1_0, Envelope
from acs.cwmp.identity import DeviceKey, device_key
from acs.cwmp.session import Role, Session
from acs.cwmp.structs import DeviceId, EventStruct
from acs.errors import ProtocolError
from cli.simulator import diagnostics, rpcs, transfers
from cli.simulator.deeds import Deed, DeedKind
from cli.simulator.http import AcsConnection, HttpFailed
from cli.simulator.stock import Stock, TransferHabit
from cli.simulator.tree import Tree
from cli.simulator.wakeup import Doorbell
from cli.simulator.waking import PRIVATE_URL, Doors, Surroundings

#: leaves that go into every Inform, below the root; those that a tree lacks are left out (TR-098 and TR-181: Forced)
FORCED = (
    "DeviceSummary",
    "RootDataModelVersion",
    "DeviceInfo.SpecVersion",
    "DeviceInfo.HardwareVersion",
    "DeviceInfo.SoftwareVersion",
    "DeviceInfo.ProvisioningCode",
    "ManagementServer.ParameterKey",
    "ManagementServer.ConnectionRequestURL",
    "WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.ExternalIPAddress",
)
#: retry intervals grow by this factor up to the tenth try (TR-069 §3.2.1.1, k = 2000)
RETRY_FACTOR = 2.0
RETRY_STEPS = 10


class RebootHabit(StrEnum):
    """What a device does when it is told to reboot."""

    #: answers, ends the session, reboots
    NORMAL = "normal"
    #: drops the connection without an answer and reboots
    DROP = "drop"
    #: answers and reboots a while later, see `late_s`
    LATE = "late"
    #: drops the connection without an answer and goes on as if nothing had been said
    DROP_AND_STAY = "drop-and-stay"
    #: answers and never reboots
    NEVER = "never"


@dataclass(slots=True)
class Habits:
    """Times and manners of a device; tests make them short."""

    boot_s: float = 3.0
    reboot: RebootHabit = RebootHabit.NORMAL
    late_s: float = 60.0
    #: m of the retry table: the first retry comes after m to 2·m seconds
    retry_m_s: float = 5.0
    timeout_s: float = 30.0
    namespace: str = NS_1_0
    surroundings: Surroundings = field(default_factory=Surroundings)


@dataclass(slots=True)
class Cpe:
    """One device. `tree` holds the ACS URL and credentials, so the ACS can change them; `uptime_s` is that at start."""

    device_id: DeviceId
    make_tree: Callable[["Cpe"], Tree]
    password: str = field(repr=False)
    uptime_s: float = 0.0
    host: str = "127.0.0.1"
    habits: Habits = field(default_factory=Habits)
    #: how often it was restarted by an RPC
    reboots: int = 0
    #: sessions that ended well
    sessions: int = 0
    #: what went wrong in the last session that failed
    last_error: str = ""
    hung: bool = False
    tree: Tree = field(init=False)
    doorbell: Doorbell = field(init=False)
    #: the other ways in which it is woken, as its tree says
    doors: Doors = field(init=False)
    _events: list[EventStruct] = field(default_factory=list)
    #: what the ACS wants to be told of and was not told yet
    _changed: dict[str, None] = field(default_factory=dict)
    #: transfers that wait, deployment units, options
    stock: Stock = field(default_factory=Stock)
    #: its own requests, sent until they are answered
    _transfers: list[m.Message] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _due: list[Deed] = field(default_factory=list)
    _timers: set[asyncio.TimerHandle] = field(default_factory=set)
    _life: asyncio.Task[None] | None = None
    _booted: float = 0.0
    _failures: int = 0
    _informed: asyncio.Event = field(default_factory=asyncio.Event)
    #: until the ACS sets one, nobody knows it: a device without a password is woken by nobody
    _cr_initial: str = field(default_factory=lambda: secrets.token_hex(8), repr=False)

    def __post_init__(self) -> None:
        self._booted = time.monotonic() - self.uptime_s
        self.doorbell = Doorbell(self._credentials, self._rung, host=self.host)
        around = self.habits.surroundings
        self.doors = Doors(
            lambda: self.tree, around, self._credentials, self._rung, self.notice_changes, host=self.host
        )
        self.tree = self.make_tree(self)

    @property
    def key(self) -> DeviceKey:
        """The device key."""
        return device_key(self.device_id)

    @property
    def running(self) -> bool:
        """Whether it has power."""
        return self._life is not None

    def live(self) -> dict[str, str]:
        """Return the values that change by themselves, for the placeholders of the tree."""
        uptime = max(0, int(time.monotonic() - self._booted))
        return {
            "uptime": str(uptime),
            "ppp_uptime": str(max(0, uptime - 4)),
            "now": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            "connection_request_url": PRIVATE_URL if self.habits.surroundings.behind_nat else self.doorbell.url,
            "reboots": str(self.reboots),
        }

    async def start(self, *events: str) -> None:
        """Power on and report `events`; without any, as a device that is new: 0 BOOTSTRAP and 1 BOOT."""
        await self.doorbell.open()
        for code in events or ("0 BOOTSTRAP", "1 BOOT"):
            self._raise_event(code)
        self._life = asyncio.create_task(self._live(), name=f"cpe {self.key}")

    async def stop(self) -> None:
        """Power off, in the middle of whatever it was doing; what it had to tell is kept."""
        life, self._life = self._life, None
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        await self.doorbell.close()
        self.doors.close()
        if life is not None:
            life.cancel()
            with suppress(asyncio.CancelledError):
                await life

    def hang(self) -> None:
        """Hang: the port stays up, but nothing is answered and nothing is sent any more."""
        self.hung = self.doorbell.mute = True

    def notice_changes(self) -> None:
        """Report values that changed inside the device and that the ACS wants to be told of."""
        changed = self.tree.take_changes()
        if changed:
            self._changed.update(dict.fromkeys(changed))
            self._raise_event("4 VALUE CHANGE")

    async def wait_informed(self) -> None:
        """Return once a first session has ended well."""
        await self._informed.wait()

    async def _live(self) -> None:
        while True:
            await self._rest()
            self._wake.clear()
            deeds, self._due = self._due, []
            if not deeds:
                deeds = await self._try_session()
            for deed in deeds:
                await self._do(deed)

    async def _rest(self) -> None:
        """Wait until there is something to do: an event, a deed, or the period."""
        while self.hung or not (self._events or self._due):
            try:
                async with asyncio.timeout(self._period_s()):  # wait_for of Python 3.11 may lose a cancellation
                    await self._wake.wait()
                self._wake.clear()
            except TimeoutError:
                self._raise_event("2 PERIODIC")

    async def _try_session(self) -> list[Deed]:
        """Hold one session and return what to do then; after a failure, when the time to the next try is over."""
        deeds: list[Deed] = []
        try:
            await self._session(deeds)
        except _Dropped as dropped:
            self.last_error = "dropped the connection on Reboot"
            return [] if dropped.deed is None else [dropped.deed]
        except (HttpFailed, ProtocolError, TimeoutError) as error:
            self.last_error = str(error) or type(error).__name__
            self._failures += 1
            if not deeds:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._retry_pause_s()):
                        await self._wake.wait()
            return deeds
        self._failures = 0
        self.sessions += 1
        self.doors.follow()
        self._informed.set()
        return deeds

    async def _session(self, deeds: list[Deed]) -> None:
        root = self.tree.root
        url = self.tree.value(f"{root}ManagementServer.URL")
        username = self.tree.value(f"{root}ManagementServer.Username")
        password = self.tree.value(f"{root}ManagementServer.Password") or self.password
        connection = AcsConnection(url, username, password, timeout_s=self.habits.timeout_s)
        try:
            session = Session.new(secrets.token_hex(8), Role.CPE, datetime.now(UTC))
            session = await self._inform(session, connection)
            while self._transfers:
                session, _ = await self._ask(session, connection, self._transfers[0])
                self._transfers.pop(0)
            session = session.send_envelope(None)
            reply = await _post(connection, None)
            while reply is not None:
                session = session.receive_envelope(reply)
                answer = Envelope(self._answer(reply.message, deeds), reply.id, session.namespace)
                session = session.send_envelope(answer)
                reply = await _post(connection, answer)
            session.receive_envelope(None)
        finally:
            await connection.close()

    async def _inform(self, session: Session, connection: AcsConnection) -> Session:
        reported = tuple(self._events)
        changed = list(self._changed)
        forced = (self.tree.root + leaf for leaf in FORCED)
        names = [name for name in dict.fromkeys((*forced, *changed)) if name in self.tree]
        inform = m.Inform(
            device_id=self.device_id,
            event=reported,
            current_time=datetime.now(UTC),
            retry_count=self._failures,
            parameter_list=self.tree.get(names),
        )
        session, _ = await self._ask(session, connection, inform)
        self._events = [event for event in self._events if event not in reported]
        for name in changed:
            self._changed.pop(name, None)
        return session

    async def _ask(self, session: Session, connection: AcsConnection, request: m.Message) -> tuple[Session, m.Message]:
        envelope = Envelope(request, session.next_envelope_id, self.habits.namespace)
        session = session.send_envelope(envelope)
        reply = await _post(connection, envelope)
        if reply is None:
            raise ProtocolError(f"the ACS answered {type(request).__name__} with nothing")
        session = session.receive_envelope(reply)
        if isinstance(reply.message, m.SoapFault):
            raise ProtocolError(f"the ACS refused {type(request).__name__}: {reply.message.fault_string}")
        return session, reply.message

    def _answer(self, request: m.Message, deeds: list[Deed]) -> m.Message:
        answer, deed = rpcs.answer(self.tree, request, datetime.now(UTC), self.stock)
        if deed is None:
            return answer
        if deed.kind is DeedKind.REBOOT:
            if self.habits.reboot is RebootHabit.DROP:
                raise _Dropped(deed)
            if self.habits.reboot is RebootHabit.DROP_AND_STAY:
                raise _Dropped(None)
            if self.habits.reboot is RebootHabit.NEVER:
                return answer
            if self.habits.reboot is RebootHabit.LATE:
                deed = Deed(deed.kind, deed.command_key, self.habits.late_s)
        deeds.append(deed)
        return answer

    async def _do(self, deed: Deed) -> None:
        if deed.delay_s > 0:
            self._later(deed.delay_s, Deed(deed.kind, deed.command_key, url=deed.url, request=deed.request))
            return
        if deed.kind in (DeedKind.REBOOT, DeedKind.FACTORY_RESET):
            await self._restart(deed)
        elif deed.kind is DeedKind.TRANSFER:
            await self._transfer(deed)
        elif deed.kind is DeedKind.UNITS:
            assert isinstance(deed.request, m.ChangeDUState)
            self._transfers.append(await transfers.change_units(deed.request, self.stock))
            self._raise_event("11 DU STATE CHANGE COMPLETE")
            self._raise_event("M ChangeDUState", deed.command_key)
        elif deed.kind is DeedKind.TEST:
            diagnostics.run(self.tree, deed.url)
            self._raise_event("8 DIAGNOSTICS COMPLETE")
        else:
            self._raise_event("3 SCHEDULED")
            self._raise_event("M ScheduleInform", deed.command_key)

    async def _restart(self, deed: Deed) -> None:
        await self.doorbell.close()
        self.doors.close()
        self.reboots += 1
        await asyncio.sleep(self.habits.boot_s)
        self._booted = time.monotonic()
        if deed.kind is DeedKind.FACTORY_RESET:
            self.tree, self.stock = self.make_tree(self), Stock(self.stock.habit)
            self._raise_event("0 BOOTSTRAP")
        self._raise_event("1 BOOT")
        if deed.kind is DeedKind.REBOOT:
            self._raise_event("M Reboot", deed.command_key)
        await self.doorbell.open()

    async def _transfer(self, deed: Deed) -> None:
        """Move a file, unless it was cancelled; firmware restarts the device before it reports."""
        waiting = self.stock.transfers.get(deed.command_key)
        if waiting is None:
            return
        begun_at, waiting.state = datetime.now(UTC), 2
        moved = await transfers.move(waiting.request, self.tree)
        complete = m.TransferComplete(deed.command_key, moved.fault, begun_at, datetime.now(UTC))
        del self.stock.transfers[deed.command_key]
        if moved.version is not None:
            self.tree.put(f"{self.tree.root}DeviceInfo.SoftwareVersion", moved.version)
            await self._restart(Deed(DeedKind.TRANSFER))
        if self.stock.habit is not TransferHabit.NORMAL:
            return
        self._transfers.append(complete)
        self._raise_event("7 TRANSFER COMPLETE")
        self._raise_event(f"M {type(waiting.request).__name__}", deed.command_key)

    def _raise_event(self, code: str, command_key: str = "") -> None:
        event = EventStruct(code, command_key)
        if event not in self._events:
            self._events.append(event)
        self._wake.set()

    def _later(self, delay_s: float, deed: Deed) -> None:
        def now_due() -> None:
            self._due.append(deed)
            self._wake.set()

        self._timers.add(asyncio.get_running_loop().call_later(delay_s, now_due))

    def _rung(self) -> None:
        self._raise_event("6 CONNECTION REQUEST")

    def _credentials(self) -> tuple[str, str]:
        server = f"{self.tree.root}ManagementServer."
        password = self.tree.value(f"{server}ConnectionRequestPassword") or self._cr_initial
        return self.tree.value(f"{server}ConnectionRequestUsername"), password

    def _period_s(self) -> float | None:
        server = f"{self.tree.root}ManagementServer."
        if self.tree.value(f"{server}PeriodicInformEnable").lower() not in ("1", "true"):
            return None
        return max(1.0, float(self.tree.value(f"{server}PeriodicInformInterval")))

    def _retry_pause_s(self) -> float:
        low = self.habits.retry_m_s * RETRY_FACTOR ** (min(self._failures, RETRY_STEPS) - 1)
        return random.uniform(low, low * RETRY_FACTOR)


class _Dropped(Exception):
    """The device dropped the connection on a Reboot; it reboots if `deed` is given."""

    def __init__(self, deed: Deed | None) -> None:
        super().__init__("dropped")
        self.deed = deed


async def _post(connection: AcsConnection, envelope: Envelope | None) -> Envelope | None:
    answer = await connection.post(b"" if envelope is None else soap.encode(envelope))
    return soap.decode(answer.body)
