"""Who a CPE is, and how it comes in: policies per network and profile, `[cwmp.tls]`, `[cwmp.proxy]`, `[cwmp.guard]`."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from acs.config.base import Count, FilePath, Network, Port, Seconds, Section

Pattern = Annotated[str, Field(min_length=1, max_length=128)]


class AuthPolicy(StrEnum):
    """How a CPE proves who it is."""

    #: HTTP digest with the device's own credential, else the enrolment credential.
    DIGEST = "digest"
    #: Over TLS Basic or digest; without TLS only digest, because Basic shows the password (TR-069 §3.4.4).
    BASIC = "basic"
    #: A client certificate that names the device.
    CERTIFICATE = "certificate"
    #: Anybody is believed: only for a closed network, and it must be written in the file.
    OPEN = "open"


class Enrolment(StrEnum):
    """What becomes of a device that was never seen."""

    #: It is taken in at once.
    ADMIT = "admit"
    #: It is recorded; nothing is read of it or set on it until a person or a rule admits it.
    QUARANTINE = "quarantine"
    #: It is turned away with 403, and nothing of it is kept.
    REFUSE = "refuse"


class PolicySection(Section):
    """What may differ by network and by profile; a key that is left out is taken from the network, then `[cwmp]`."""

    #: How a CPE proves who it is; none = as `[cwmp]` says.
    auth: AuthPolicy | None = None
    #: What becomes of a device that was never seen; none = as `[cwmp]` says.
    enrolment: Enrolment | None = None
    #: Give each device a credential of its own; none = as `[cwmp]` says.
    own_credentials: bool | None = None


class NetworkSection(PolicySection):
    """`[[cwmp.networks]]`: other limits and policies for a network, such as a carrier NAT's addresses."""

    #: Which addresses it is about, such as 198.51.100.0/24.
    network: Network
    #: Open connections of one address in this network; behind a carrier NAT hundreds of CPEs share it.
    connections_per_address: Count = 2_000
    #: Open connections of the whole network.
    connections: Count = 20_000
    #: Another ACS that serves this network: sessions are sent there, for as long as each lasts; none = served here.
    redirect: Annotated[str, Field(pattern=r"^https?://[^\s\"<>\\]+$", max_length=256)] | None = None
    #: The status of a redirect: CPEs must follow 302 and 307 (TR-069 §3.4.2); 307 keeps POST a POST everywhere.
    redirect_status: Literal[302, 307] = 307


class ProfilePolicySection(PolicySection):
    """`[[cwmp.profiles]]`: other policies for the devices of a profile; they come before those of the network."""

    #: Id of the profile, as `secondline device show` names it.
    profile: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class AdmitSection(Section):
    """`[[cwmp.admit]]`: a rule that lets devices out of quarantine; every key given must match, `*` at will."""

    #: OUIs, without regard to case.
    oui: tuple[Pattern, ...] = ()
    #: Product classes, without regard to case.
    product_class: tuple[Pattern, ...] = ()
    #: Serial numbers, without regard to case.
    serial_number: tuple[Pattern, ...] = ()
    #: Networks that the device may come from.
    networks: tuple[Network, ...] = ()
    #: Only a device that proved itself by its own credential or a client certificate.
    proved: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.oui or self.product_class or self.serial_number or self.networks or self.proved):
            raise ValueError('the rule matches every device; write enrolment = "admit" instead, or a condition')
        return self


class TlsSection(Section):
    """`[cwmp.tls]`: the endpoint over TLS, on a port of its own; SIGHUP reads the files again."""

    #: File with the certificate and its chain, PEM; ECDSA costs half of what RSA does. None = no TLS.
    certificate_file: FilePath | None = None
    #: File with the key of `certificate_file`, PEM, not encrypted.
    key_file: FilePath | None = None
    #: A second certificate of the other kind (RSA), for CPEs that do not know ECDSA.
    second_certificate_file: FilePath | None = None
    #: File with the key of `second_certificate_file`.
    second_key_file: FilePath | None = None
    #: File with the authorities of client certificates, PEM; none = CPEs are not asked for one.
    client_ca_file: FilePath | None = None
    #: File with the lists of revoked client certificates (CRL) of those authorities, PEM; one that is out of date lets
    #: no client certificate in. A session that was begun before can be resumed for two hours.
    client_crl_file: FilePath | None = None
    #: All addresses, because CPEs come from outside.
    host: str = "0.0.0.0"
    #: One above the registered port of TR-069, as many ACSs have it.
    port: Port = 7548
    #: Oldest version of TLS; 1.0 and 1.1 are broken, and only for CPEs that know nothing better.
    minimum_version: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2"
    #: OpenSSL's list of suites for TLS 1.2 and older; none = the library's own, which old CPEs may not share.
    ciphers: Annotated[str, Field(max_length=1024)] | None = None
    #: Where a client certificate names its device: the common name, or a DNS or URI name of subjectAltName.
    device_in: Literal["common_name", "alternative_name"] = "common_name"
    #: Seconds for a handshake; over a slow line with a long chain it takes two.
    handshake_timeout_s: Seconds = 15.0

    @model_validator(mode="after")
    def _in_pairs(self) -> Self:
        for name in ("", "second_"):
            certificate, key = getattr(self, f"{name}certificate_file"), getattr(self, f"{name}key_file")
            if (certificate is None) != (key is None):
                raise ValueError(f"{name}certificate_file and {name}key_file belong together; write both, or neither")
        if self.client_crl_file is not None and self.client_ca_file is None:
            raise ValueError("client_ca_file is missing; a list of revoked certificates belongs to its authorities")
        if self.certificate_file is None and (self.second_certificate_file or self.client_ca_file):
            raise ValueError("certificate_file is missing; without it there is no TLS")
        return self


class ProxySection(Section):
    """`[cwmp.proxy]`: nginx, haproxy or alike in front; see docs/proxies.md. Nobody else is believed."""

    #: Addresses of the proxies; empty = there is none, and what claims to come through one is not believed.
    trusted: tuple[Network, ...] = ()
    #: `protocol`: the PROXY protocol, versions 1 and 2; `headers`: HTTP headers that the proxy sets itself.
    mode: Literal["protocol", "headers"] = "protocol"
    #: Header with the CPE's address, the last one that is not a proxy's; X-Forwarded-For is what all proxies know.
    address_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "X-Forwarded-For"
    #: Header that says `https` where the CPE spoke TLS to the proxy.
    scheme_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "X-Forwarded-Proto"
    #: Header with the subject or common name of a client certificate that the proxy verified.
    certificate_header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "X-Client-Certificate"


class GuardSection(Section):
    """`[cwmp.guard]`: wrong passwords, devices that come too often, and what goes first when there is too much."""

    #: Wrong passwords of one user name from one address, after which it must wait.
    failures: Count = 5
    #: Wrong passwords of one address in all; a carrier NAT has hundreds of CPEs, of which some are misconfigured.
    failures_per_address: Count = 100
    #: Wrong passwords of one user name from everywhere; the address that it last came from is not held up.
    failures_per_name: Count = 50
    #: Seconds of the first wait; each further wrong password doubles it.
    delay_s: Seconds = 2.0
    #: Seconds of the longest wait.
    delay_max_s: Seconds = 300.0
    #: Seconds after which wrong passwords are forgotten.
    forget_s: Seconds = 900.0
    #: Informs of one device per minute; a healthy one sends a few, and one that comes ten times a second is stuck.
    informs_per_device: Count = 600
    #: Bytes of bodies above 32 KiB that are read, inflated and parsed at once; the next ones get 503.
    bodies_bytes: Count = 134_217_728
    #: Informs that wait for the store: from so many on they are a crowd that can make the server busy.
    busy_informs: Count = 100
    #: Seconds that the first of such a crowd has waited, beyond which only sessions that a person waits for are begun.
    #: A CPE waits for thirty, and one that is sent away costs a connection and an Inform more.
    busy_wait_s: Seconds = 5.0
    #: Seconds by which the server answers late, three looks in a row, when it is busy too; a healthy one is late by
    #: milliseconds, one that works off a crowd by half a second.
    late_s: Seconds = 1.0
