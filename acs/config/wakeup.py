"""`[stun]`, `[xmpp]`, `[lightweight]`, `[credentials]`: waking CPEs that a GET does not reach, and their passwords."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from acs.config.base import Count, FilePath, Port, Seconds, Section


class SetOn(StrEnum):
    """Which devices the server tells to use a method, where their model has it."""

    #: those whose connection-request URL names another address than they come from
    BEHIND_NAT = "behind_nat"
    #: every device
    ALL = "all"
    #: none; what a device does by itself is used all the same
    NONE = "none"


class StunSection(Section):
    """`[stun]`: the STUN server, whose socket also sends UDP connection requests (TR-069 Annex G)."""

    #: Off, because it wants a UDP port that CPEs reach at an address that no NAT changes.
    enabled: bool = False
    #: All addresses, because CPEs come from outside; "::" serves IPv6 and IPv4 on the one socket.
    host: str = "0.0.0.0"
    #: The registered port of STUN, which CPEs take when they are told none.
    port: Port = 3478
    #: Address or name that CPEs are told; empty = the host of the ACS URL that they know.
    address: Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z0-9.:-]*$")] = ""
    #: A binding is kept only for a CPE that proves its STUN user name; without, anybody could lead calls astray.
    demand_proof: bool = True
    #: Which devices are told to use it: each costs two datagrams per keep-alive.
    set_on: SetOn = SetOn.BEHIND_NAT
    #: Seconds between keep-alives that CPEs are told: NATs forget UDP mappings after 30 to 180 s.
    keep_alive_s: Count = 25
    #: Seconds after which a binding that was not seen again is believed to be gone: some keep-alives may be lost.
    binding_age_s: Seconds = 600.0
    #: Requests per second of one address; behind a carrier NAT 1 000 CPEs keep alive at 40/s.
    per_address_per_s: Count = 100
    #: Requests per second in all; a core answers about 15 000.
    per_s: Count = 5_000


class XmppSection(Section):
    """`[xmpp]`: connection requests through an XMPP server (TR-069 Annex K)."""

    #: Our account, such as acs@xmpp.example.net; none = XMPP is not used.
    jid: Annotated[str, Field(max_length=1024, pattern=r"^[^@/\s]+@[^@/\s]+$")] | None = None
    #: File with the password of `jid`.
    password_file: FilePath | None = None
    #: Address or name of the XMPP server; empty = the domain of `jid`.
    host: str = ""
    #: The registered port for XMPP clients.
    port: Port = 5222
    #: File with the certificates of the authorities that may vouch for the XMPP server; none = those of the system.
    ca_file: FilePath | None = None
    #: Domain of the CPEs' accounts; empty = the domain of `jid`.
    domain: Annotated[str, Field(max_length=64, pattern=r"^[^@/\s]*$")] = ""
    #: Which devices get an account and its settings; our account must be an administrator's of that server (XEP-0133).
    set_on: SetOn = SetOn.NONE
    #: Seconds for a CPE's answer; it goes through the XMPP server.
    timeout_s: Seconds = 5.0
    #: Greatest pause between two tries to connect, in seconds.
    reconnect_max_s: Seconds = 60.0

    @model_validator(mode="after")
    def _account_is_whole(self) -> Self:
        if (self.jid is None) != (self.password_file is None):
            raise ValueError("jid and password_file belong together; write both, or neither to do without XMPP")
        if self.jid is None and self.set_on is not SetOn.NONE:
            raise ValueError("set_on needs jid and password_file, the account that makes those of the CPEs")
        return self


class LightweightSection(Section):
    """`[lightweight]`: notifications of CPEs in one signed datagram (TR-069 Annex M)."""

    #: Off, because few CPEs have it.
    enabled: bool = False
    #: All addresses, because CPEs come from outside.
    host: str = "0.0.0.0"
    #: The port that CPEs take when they are told none.
    port: Port = 7547
    #: Address or name that CPEs are told; empty = they keep what they have.
    address: Annotated[str, Field(max_length=256, pattern=r"^[A-Za-z0-9.:-]*$")] = ""
    #: Datagrams per second of one address.
    per_address_per_s: Count = 50
    #: Datagrams per second in all; each costs a look at the store.
    per_s: Count = 500


class CredentialsSection(Section):
    """`[credentials]`: the passwords by which the server wakes CPEs; each device has its own."""

    #: Days after which they are changed; 0 = never. Three months bound what a leaked one is good for.
    rotate_days: Annotated[int, Field(ge=0, le=3_650)] = 90
    #: Rotations begun per minute, so that a fleet enrolled in one night is not changed in one night.
    rotate_per_minute: Count = 60
