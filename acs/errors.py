"""The error tree of the server.

AcsError
├── ConfigError          the configuration is wrong: the operator mends the file
├── ProtocolError        a CPE broke TR-069 or SOAP: the CPE is at fault
├── NotFound             the caller named a thing that does not exist
├── Conflict             the thing's state forbids what the caller wants
│   └── Frozen           writes to devices and network are stopped by the switch: a person lets them go on
├── InvalidInput         the caller's input cannot be used
├── Forbidden            the caller may not do this
├── ApprovalNeeded       another person must approve it first
├── TooMany              a limit was reached: try again later
├── ProviderFailed       the identity provider did not answer as it should
├── Replayed             a digest nonce came with a count that was used before
└── StoreError           the database failed: the operator looks at it
"""


class AcsError(Exception):
    """Something the server can explain to whoever asked."""


class ConfigError(AcsError):
    """The configuration file is missing, broken, or names something that does not exist."""


class ProtocolError(AcsError):
    """A peer broke TR-069, SOAP or HTTP. `status_hint` is the HTTP status that would be apt."""

    def __init__(self, message: str, *, status_hint: int = 400, fault_code: int | None = None) -> None:
        super().__init__(message)
        self.status_hint = status_hint
        self.fault_code = fault_code


class NotFound(AcsError):
    """The thing that the caller named does not exist."""


class Conflict(AcsError):
    """The state of the thing forbids what the caller wants."""


class Frozen(Conflict):
    """Writes to devices and to the network are frozen; the message says by whom and how that ends."""


class InvalidInput(AcsError):
    """The caller's input cannot be used; the message names the place and the remedy."""


class Forbidden(AcsError):
    """The caller is known but may not do this."""


class ApprovalNeeded(AcsError):
    """Two persons are needed: it was proposed, and runs when another person approves. `approval` is its id."""

    def __init__(self, message: str, *, approval: str) -> None:
        super().__init__(message)
        self.approval = approval


class TooMany(AcsError):
    """A limit was reached. `retry_after_s` says when to try again."""

    def __init__(self, message: str, *, retry_after_s: int = 30) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderFailed(AcsError):
    """The identity provider did not answer, or not as OpenID Connect says."""


class Replayed(AcsError):
    """A digest answer came a second time: it is not taken, and the peer is challenged anew."""


class StoreError(AcsError):
    """The database refused or failed; nothing was acknowledged."""


def no_device(key: str) -> NotFound:
    """What is said where nothing has that key: a line, a serial number and an address are found by the search."""
    found = "`secondline search` finds the key by line, serial or address, and a new one comes with its first Inform"
    return NotFound(f"there is no device {key[:120]!r}; {found}")
