"""What a device is told so that it can be woken: its passwords, our STUN server, its XMPP account. Pure data."""

from dataclasses import dataclass, field

from acs.store.records import Credentials


@dataclass(frozen=True, slots=True)
class StunSettings:
    """The ManagementServer.STUN* parameters; `server` empty: the device keeps its own, by default the ACS' host."""

    server: str
    port: int
    username: str
    password: str = field(repr=False)
    keep_alive_s: int = 25
    #: switch it on; without, only its password is set
    enable: bool = True


@dataclass(frozen=True, slots=True)
class XmppSettings:
    """A row of XMPP.Connection, and whom the device shall obey."""

    username: str
    password: str = field(repr=False)
    domain: str
    server: str
    port: int
    allowed: str


@dataclass(frozen=True, slots=True)
class LightweightSettings:
    """Where lightweight notifications shall go."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class WakingSettings:
    """Everything of it; None: leave that alone. `together`: all parameters are set or none."""

    credentials: Credentials
    periodic_inform_s: int = 0
    stun: StunSettings | None = None
    xmpp: XmppSettings | None = None
    lightweight: LightweightSettings | None = None
    together: bool = False

    @property
    def asks_names(self) -> bool:
        """Whether it must be known first what the model has."""
        return bool(self.stun or self.xmpp or self.lightweight)
