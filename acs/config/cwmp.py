"""`[cwmp]` and `[connection_requests]`: the two doors between the server and CPEs."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from acs.config.base import Count, FilePath, Network, Port, Seconds, Section
from acs.config.identity import (
    AdmitSection,
    AuthPolicy,
    Enrolment,
    GuardSection,
    NetworkSection,
    ProfilePolicySection,
    ProxySection,
    TlsSection,
)


class LimitsSection(Section):
    """`[cwmp.limits]`: what one peer may take; beyond it gets an HTTP error and its connection is closed."""

    #: Bytes of request line and headers; real CPEs send under 1 KiB.
    head_bytes: Count = 16_384
    #: Bytes of a body as sent; a whole tree of 14 000 parameters is about 3 MB.
    body_bytes: Count = 8_388_608
    #: Bytes of a body after gzip or deflate, so that a small bomb cannot take the memory.
    inflated_bytes: Count = 16_777_216
    #: Nested XML elements; SOAP with CWMP needs 9.
    xml_depth: Count = 32
    #: XML elements of one envelope; 14 000 parameters need 42 000.
    xml_elements: Count = 200_000
    #: Seconds for the head of a request; a CPE sends it in one packet.
    head_timeout_s: Seconds = 15.0
    #: Seconds for a body; 3 MB over a slow DSL uplink take about 60.
    body_timeout_s: Seconds = 120.0
    #: Seconds that a connection may be idle between requests; TR-069 asks for at least 30.
    idle_timeout_s: Seconds = 60.0
    #: Seconds that a session may wait for the CPE's next POST, unless its SessionTimeout asks for more.
    session_idle_s: Seconds = 60.0
    #: Seconds of a whole session; the longest real one (a full read of a slow CPE) takes minutes.
    session_timeout_s: Seconds = 900.0
    #: Requests of one session; a CPE that bears one name at a time is asked for 14 000 parameters one by one.
    session_posts: Count = 50_000
    #: Open connections in all, under the usual limit of open files.
    connections: Count = 20_000
    #: Open connections of one address that no entry of `cwmp.networks` covers: a CPE needs one or two.
    connections_per_address: Count = 16
    #: Sessions in memory; the next Inform gets 503 with Retry-After.
    sessions: Count = 20_000
    #: Informs that wait for the store at once; beyond it one gets 503, so that a boot storm queues at the CPEs.
    waiting_informs: Count = 5_000
    #: Requests waiting on one connection; TR-069 forbids pipelining, so a few are patience enough.
    queued_requests: Count = 4
    #: Seconds of Retry-After in a 503; up to as many again are added at random, so that CPEs come back spread.
    retry_after_s: Count = 30


class FirstContactSection(Section):
    """`[cwmp.first_contact]`: what a device is given when it is new or was reset."""

    #: Set connection-request credentials and periodic Inform at first contact; without, only Informs are read.
    enabled: bool = True
    #: Seconds between periodic Informs: fresh enough for a line test's cache, 560 Informs/s from a million devices.
    periodic_inform_s: Annotated[int, Field(ge=0, le=604_800)] = 1_800


class CwmpSection(Section):
    """`[cwmp]`: the endpoint that CPEs call."""

    #: All addresses, because CPEs come from outside.
    host: str = "0.0.0.0"
    #: The registered port of TR-069.
    port: Port = 7547
    #: Listen without TLS at all; without, only the port of `[cwmp.tls]` is served.
    plain: bool = True
    #: Digest realm; shown to CPEs and part of every stored digest.
    realm: Annotated[str, Field(min_length=1, max_length=64, pattern=r'^[^"\\\x00-\x1f]+$')] = "secondline"
    #: Digest, because an unauthenticated endpoint gives settings to whoever claims a serial number.
    auth: AuthPolicy = AuthPolicy.DIGEST
    #: What becomes of a device that was never seen: with digest it knew the enrolment password, so it is taken in.
    enrolment: Enrolment = Enrolment.ADMIT
    #: Give each device a random credential of its own at first contact; once it was used, the shared one is refused.
    own_credentials: bool = False
    #: Shared user name for devices without a credential of their own; none = only known devices come in.
    enrol_username: str | None = None
    #: Take the enrolment password also with the device's own name (OUI-ProductClass-SerialNumber or OUI-SerialNumber).
    enrol_by_device_name: bool = False
    #: File with the password of `enrol_username`; there is no default password.
    enrol_password_file: FilePath | None = None
    #: Seconds that a digest nonce lives; a session never needs more, and a stale one costs one round trip.
    nonce_age_s: Seconds = 300.0
    #: Offer SHA-256 as a second challenge; some CPEs are confused by two, and every CPE must know MD5.
    offer_sha256: bool = False
    #: Take reports of bulk data (TR-069 Annex N) at the path `/bulk`, with the same credentials and limits.
    bulk_data: bool = True
    limits: LimitsSection = LimitsSection()
    networks: tuple[NetworkSection, ...] = ()
    profiles: tuple[ProfilePolicySection, ...] = ()
    admit: tuple[AdmitSection, ...] = ()
    tls: TlsSection = TlsSection()
    proxy: ProxySection = ProxySection()
    guard: GuardSection = GuardSection()
    first_contact: FirstContactSection = FirstContactSection()

    @model_validator(mode="after")
    def _enrolment_is_whole(self) -> Self:
        if (self.enrol_username is None) != (self.enrol_password_file is None):
            raise ValueError(
                "enrol_username and enrol_password_file belong together; write both, or neither "
                "when every device has its own credential"
            )
        return self

    @model_validator(mode="after")
    def _listens_somewhere(self) -> Self:
        if not self.plain and self.tls.certificate_file is None:
            raise ValueError(
                "no CPE could come in: plain is false and tls has no certificate_file; write it, or remove plain"
            )
        return self


class ConnectionRequestsSection(Section):
    """`[connection_requests]`: how the server calls a CPE; the URL comes from the CPE, so its target is checked."""

    #: Networks that may be called. None = only the address that the device's own Inform came from, never loopback.
    allowed_networks: tuple[Network, ...] = ()
    #: Ports that may be called; empty = every port. CPEs choose their port freely.
    ports: tuple[Port, ...] = ()
    #: Seconds for one request with its challenge; CPEs answer in milliseconds, over NAT in a second.
    timeout_s: Seconds = 10.0
    #: Seconds for its connection alone; a SYN that was lost is sent again after one.
    connect_timeout_s: Seconds = 3.0
    #: Seconds to the second try while an operation waits; TR-069 allows a repeat after 30.
    retry_s: Seconds = 30.0
    #: Longest pause between tries, in seconds; each failure doubles the pause.
    retry_max_s: Seconds = 600.0
    #: Requests at once, so that a mass action does not flood the access network.
    at_once: Count = 200
    #: Requests begun per second in all; a mass action is spread, not refused.
    per_s: Count = 100
    #: Requests to one device per minute, all methods together; CPEs limit them too, and answer 503.
    per_device_per_minute: Count = 20
    #: Seconds in which a CPE that accepted opens its session (TR-069 §3.2.2.2); until then it is not called again.
    session_s: Seconds = 30.0
    #: Seconds that the session after a UDP request is waited for before the next method: there is no other answer.
    udp_wait_s: Seconds = 6.0
    #: Answer a CPE that asks for Basic, which shows its password to the network; TR-069 demands Digest.
    basic: bool = False
    #: Days that connection requests and their answers are kept.
    keep_days: Count = 30
