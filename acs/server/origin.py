"""Where a request came from: the CPE's own address, whether it spoke TLS, and whom its certificate names."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple


class Origin(NamedTuple):
    """The CPE's end of a connection. `certificate` is the name in a client certificate that was verified."""

    address: str
    tls: bool = False
    certificate: str | None = None


def name_in(certificate: Mapping[str, Any] | None, where: Literal["common_name", "alternative_name"]) -> str | None:
    """The name of a device in a certificate as `ssl` gives it (`getpeercert`); None where there is none.

    Of alternative names the first of type DNS or URI counts; of a URI what follows its last slash or colon.
    """
    if not certificate:
        return None
    if where == "common_name":
        subject: Sequence[Sequence[tuple[str, str]]] = certificate.get("subject", ())
        return next((value for rdn in subject for key, value in rdn if key == "commonName"), None)
    for kind, value in certificate.get("subjectAltName", ()):
        if kind == "DNS":
            return str(value)
        if kind == "URI":
            return str(value).rpartition("/")[2].rpartition(":")[2]
    return None
