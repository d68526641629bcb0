"""The envelope of a CWMP message as a value: namespaces, the headers that CWMP defines, and the message.

Source: TR-069 Amendment 6, §3.5 (headers) and the cwmp-1-0 … cwmp-1-4 schemas.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from acs.cwmp.messages import Message, SoapFault
from acs.errors import ProtocolError

#: Namespaces of the RPC schemas. CWMP 1.2, 1.3 and 1.4 share 1-2; 1-3 and 1-4 exist only in the wild.
NS_1_0: Final = "urn:dslforum-org:cwmp-1-0"
NS_1_1: Final = "urn:dslforum-org:cwmp-1-1"
NS_1_2: Final = "urn:dslforum-org:cwmp-1-2"
NS_1_3: Final = "urn:dslforum-org:cwmp-1-3"
NS_1_4: Final = "urn:dslforum-org:cwmp-1-4"
NAMESPACES: Final = (NS_1_0, NS_1_1, NS_1_2, NS_1_3, NS_1_4)

SOAP_ENV: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_ENC: Final = "http://schemas.xmlsoap.org/soap/encoding/"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"


class Envelope(NamedTuple):
    """One message with its headers.

    `id` is the requester's; an answer carries the same. `namespace` is the full URI and is echoed: answer in the one
    that the Inform used. `session_timeout_s` and `supported_versions` come from a CPE, `hold_requests` and
    `use_version` from the ACS.
    """

    message: Message
    id: str | None = None
    namespace: str = NS_1_0
    hold_requests: bool = False
    session_timeout_s: int | None = None
    supported_versions: tuple[str, ...] = ()
    use_version: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much XML one body may be. What exceeds a limit is refused before or while it is parsed.

    The defaults leave room for the largest answer seen in the field (14 000 parameters, 580 KB) five times over.
    """

    #: Bytes of a body (after decompression); ten times the largest answer seen.
    max_bytes: int = 8 * 1024 * 1024
    #: Elements (and, together, attributes); 14 000 parameters make 42 000.
    max_elements: int = 200_000
    #: Nesting of a body over 16 KB (under that, the parser's own 256 holds); CWMP itself needs 7.
    max_depth: int = 16
    #: Characters of one value.
    max_text: int = 1024 * 1024


DEFAULT_LIMITS: Final = Limits()


class RefusedEnvelope(ProtocolError):
    """A readable envelope that must be answered with a SOAP fault: unknown RPC, or a header we must understand."""

    def __init__(self, message: str, *, fault_code: int, id: str | None, namespace: str) -> None:
        super().__init__(message, status_hint=200, fault_code=fault_code)
        self.id = id
        self.namespace = namespace

    def answer(self) -> Envelope:
        """The fault that tells the sender, with its own id and in its own namespace."""
        return Envelope(SoapFault(self.fault_code or 8003, str(self), "Client"), self.id, self.namespace)
