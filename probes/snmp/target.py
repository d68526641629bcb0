"""Where an agent is and how to talk to it: versions, users, patience. Plain values; nothing is sent from here."""

from dataclasses import dataclass, field
from enum import StrEnum

from probes.errors import ProbeRefused

#: an OID in numbers without a leading dot
Oid = str
#: OCTET STRING is bytes, OBJECT IDENTIFIER and IpAddress are text, every number is int
Value = int | float | bytes | str

#: what authenticates a message of SNMPv3: RFC 3414 and RFC 7860
AUTH_PROTOCOLS = ("md5", "sha", "sha224", "sha256", "sha384", "sha512")
#: what hides it: RFC 3414, RFC 3826, and the longer keys that vendors agreed on
PRIVACY_PROTOCOLS = ("des", "aes128", "aes192", "aes256")


class Version(StrEnum):
    """The SNMP versions that are spoken."""

    V1 = "1"
    V2C = "2c"
    V3 = "3"


@dataclass(frozen=True, slots=True)
class V3User:
    """One user of SNMPv3 (RFC 3414). An empty password means that this protection is not used."""

    name: str
    auth: str = "sha"
    auth_password: str = field(default="", repr=False)
    privacy: str = "aes128"
    privacy_password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse protocols that do not exist, before anything is sent."""
        if self.auth not in AUTH_PROTOCOLS or self.privacy not in PRIVACY_PROTOCOLS:
            raise ProbeRefused(
                f"SNMPv3 user {self.name}: auth is one of {', '.join(AUTH_PROTOCOLS)}, "
                f"privacy one of {', '.join(PRIVACY_PROTOCOLS)}"
            )


@dataclass(frozen=True, slots=True)
class SnmpTarget:
    """Where an agent is and how to talk to it. `timeout_s` is for the first try; every retry waits 1.5 times longer.

    `max_repetitions` is what the first GETBULK asks for; what an agent shows that it can do changes it from there.
    """

    address: str
    port: int = 161
    community: str = field(default="public", repr=False)
    version: Version = Version.V2C
    user: V3User | None = None
    timeout_s: float = 2.0
    retries: int = 2
    max_repetitions: int = 25

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


@dataclass(frozen=True, slots=True)
class WriteAccess:
    """The credentials for SET: a community for v1 and v2c, or a user. They are never those of reading by default."""

    community: str = field(default="", repr=False)
    version: Version = Version.V2C
    user: V3User | None = None
