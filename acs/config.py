"""The configuration: one TOML file becomes one frozen tree; unknown keys stop the start.

Every default is written here once, with its unit and reason. A secret is never a value in the file: a key that
ends in `_file` names a file that holds it, relative to the configuration file. All errors are told at once, each
with the key's path and what to do.
"""

import difflib
import json
import os
import tomllib
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from acs.errors import ConfigError


def _beside_the_file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError(f"{value!r} is no file name; write the name of a file")
    path, base = Path(value), (info.context or {}).get("base")
    return path if base is None or path.is_absolute() else Path(base) / path


def _store_url(url: str, info: ValidationInfo) -> str:
    if url.startswith("sqlite:///"):
        return f"sqlite:///{_beside_the_file(url.removeprefix('sqlite:///'), info)}"
    if not url.startswith("postgresql://"):
        raise ValueError(f"{url!r} names no store; write sqlite:///file or postgresql://user@host/database")
    return url


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 192.0.2.0/24 or 2001:db8::/32") from error


Network = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]
FilePath = Annotated[Path, PlainValidator(_beside_the_file)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Section(BaseModel):
    """One table of the file: frozen, strict, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)


class Role(StrEnum):
    """What this process serves."""

    #: The CWMP endpoint, without API or worker.
    CWMP = "cwmp"
    #: The northbound API.
    API = "api"
    #: Deadlines, connection requests, webhooks, retention.
    WORKER = "worker"
    #: All three in one process: the default for a network of up to some hundred thousand devices.
    ALL = "all"


class AuthPolicy(StrEnum):
    """Whom the CWMP endpoint lets in."""

    #: HTTP digest with the device's own credential, else the enrolment credential.
    DIGEST = "digest"
    #: Anybody: only for a closed network, and it must be written in the file.
    OPEN = "open"


class ServerSection(Section):
    """`[server]`: the process as a whole."""

    #: All roles in one process, because that needs no second machine.
    role: Role = Role.ALL
    #: Seconds that open sessions get to end after SIGTERM; a CPE's turn takes well under one second.
    grace_s: Seconds = 10.0


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
    #: Open connections in all, under the usual limit of open files.
    connections: Count = 20_000
    #: Open connections of one address that no entry of `cwmp.networks` covers: a CPE needs one or two.
    connections_per_address: Count = 16
    #: Sessions in memory; the next Inform gets 503 with Retry-After.
    sessions: Count = 20_000
    #: Informs that wait for the store at once; beyond it one gets 503, so that a boot storm queues at the CPEs.
    waiting_informs: Count = 1_000
    #: Requests waiting on one connection; TR-069 forbids pipelining, so a few are patience enough.
    queued_requests: Count = 4
    #: Seconds of Retry-After in a 503; up to as many again are added at random, so that CPEs come back spread.
    retry_after_s: Count = 30


class NetworkSection(Section):
    """`[[cwmp.networks]]`: other connection limits for a network, such as a carrier NAT's addresses."""

    #: Which addresses it is about, such as 198.51.100.0/24.
    network: Network
    #: Open connections of one address in this network; behind a carrier NAT hundreds of CPEs share it.
    connections_per_address: Count = 2_000
    #: Open connections of the whole network.
    connections: Count = 20_000


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
    #: Digest realm; shown to CPEs and part of every stored digest.
    realm: Annotated[str, Field(min_length=1, max_length=64, pattern=r'^[^"\\\x00-\x1f]+$')] = "secondline"
    #: Digest, because an unauthenticated endpoint gives settings to whoever claims a serial number.
    auth: AuthPolicy = AuthPolicy.DIGEST
    #: Shared user name for devices without a credential of their own; none = only known devices come in.
    enrol_username: str | None = None
    #: File with the password of `enrol_username`; there is no default password.
    enrol_password_file: FilePath | None = None
    #: Seconds that a digest nonce lives; a session never needs more, and a stale one costs one round trip.
    nonce_age_s: Seconds = 300.0
    limits: LimitsSection = LimitsSection()
    networks: tuple[NetworkSection, ...] = ()
    first_contact: FirstContactSection = FirstContactSection()

    @model_validator(mode="after")
    def _enrolment_is_whole(self) -> Self:
        if (self.enrol_username is None) != (self.enrol_password_file is None):
            raise ValueError(
                "enrol_username and enrol_password_file belong together; write both, or neither "
                "when every device has its own credential"
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
    #: Seconds to the second try while an operation waits; TR-069 allows a repeat after 30.
    retry_s: Seconds = 30.0
    #: Longest pause between tries, in seconds; each failure doubles the pause.
    retry_max_s: Seconds = 600.0
    #: Requests at once, so that a mass action does not flood the access network.
    at_once: Count = 200


class StoreSection(Section):
    """`[store]`: where everything is kept."""

    #: `sqlite:///file` (relative to this file) or `postgresql://user@host/database`.
    url: Annotated[str, AfterValidator(_store_url)] = "sqlite:///secondline.db"
    #: File with the key that seals device credentials; `secondline serve` makes it when it is absent and the
    #: store is new. Keep it apart from backups of the store.
    vault_key_file: FilePath = Path("secondline.key")
    #: Milliseconds between batches of sessions under load: one disk write for all of a batch. A session that comes
    #: alone does not wait.
    commit_window_ms: Annotated[float, Field(ge=0, le=1000)] = 10.0


class ApiSection(Section):
    """`[api]`: the northbound HTTP API."""

    #: Loopback: an operator who opens it puts TLS in front.
    host: str = "127.0.0.1"
    #: The port that CLI and examples assume; 0 takes any free one.
    port: Port = 8080


class OperationsSection(Section):
    """`[operations]`: what is done on devices."""

    #: Seconds that an operation may take when the caller names no deadline: two periodic Informs.
    deadline_s: Seconds = 3_600.0
    #: Seconds after sending before evidence may prove that a reboot never happened: a CPE that answered into a
    #: dead connection reboots within one or two minutes.
    settle_s: Seconds = 120.0
    #: Seconds by which a CPE's uptime counter and our clock may disagree.
    uptime_slack_s: Seconds = 5.0
    #: Unfinished operations of one device; more is a runaway script.
    queued_per_device: Count = 100
    #: Parameter names in one GetParameterValues; weak CPEs fail beyond some dozens when names are listed.
    names_per_request: Count = 32
    #: Requests that one operation may need, so that a broken CPE cannot keep a session for ever.
    requests_per_operation: Count = 400
    #: Seconds between two looks of the worker at deadlines.
    tick_s: Seconds = 1.0
    #: Days that finished operations are kept.
    keep_days: Count = 365
    #: Days that Inform events are kept.
    keep_events_days: Count = 90


class BindingRule(StrEnum):
    """How a device finds its line."""

    #: the line's `device_serials` names the device's serial number, in hexadecimal or with the vendor in letters
    SERIAL = "serial"
    #: the device's PPPoE login is the line's
    PPPOE_LOGIN = "pppoe_login"
    #: the device's address is the session address (`bras.address`) of the line
    ADDRESS = "address"


class LinesSection(Section):
    """`[lines]`: the inventory of access lines."""

    #: Rules that bind a device to a line, the first that finds exactly one line decides; serials cannot be borrowed.
    binding: tuple[BindingRule, ...] = (BindingRule.SERIAL, BindingRule.PPPOE_LOGIN, BindingRule.ADDRESS)
    #: Rows of one CSV; a whole region fits, and one transaction stays under a minute.
    import_rows: Count = 200_000


class ProfilesSection(Section):
    """`[profiles]`: what is known about CPE models."""

    #: Folder with the operator's own profiles; one of the same id replaces the packaged one.
    directory: FilePath | None = None


class SourcesSection(Section):
    """`[line_tests.sources]`: seconds that each source gets; a late one is left out, never waited for."""

    #: The access node over SNMP; a port of 128 ONTs takes under 2.
    access_s: Seconds = 8.0
    #: A live reading of the CPE: `line check` answers within 3 seconds, so the CPE gets 2.5.
    cpe_s: Seconds = 2.5
    #: A live reading of the CPE in a test of depth `full`: a slow CPE takes several seconds.
    cpe_full_s: Seconds = 8.0
    #: Ping, its echoes and the wait for the last answer.
    ping_s: Seconds = 2.5


class LineTestsSection(Section):
    """`[line_tests]`: gathering facts and judging them."""

    #: How long each source may take.
    sources: SourcesSection = SourcesSection()
    #: Seconds until a verdict is given from what is there.
    partial_s: Seconds = 20.0
    #: Seconds until a test ends whatever is missing.
    hard_stop_s: Seconds = 60.0
    #: Tests that gather at the same time; more wait, so that a burst does not fill the access nodes.
    at_once: Count = 32
    #: Tests that may wait; beyond it a new one gets 429 with Retry-After.
    waiting: Count = 1_000
    #: Seconds that a reading of a PON port serves other tests on it.
    port_cache_s: Seconds = 45.0
    #: Reads of one access node at the same time; small ones lose packets beyond a few.
    per_node: Count = 4
    #: Echoes of one ping.
    ping_count: Annotated[int, Field(ge=1, le=100)] = 5
    #: Seconds after an Inform in which a failed connection request does not make a device unreachable.
    fresh_contact_s: Annotated[float, Field(ge=0, le=86_400)] = 10.0
    #: Optical class of the network where no source tells it; B+ is what most GPON ports have.
    optical_class: Annotated[str, Field(pattern="^(gpon_b\\+|gpon_c\\+|xgs_n1|epon_px20|epon_px20\\+)$")] = "gpon_b+"
    #: Minutes around a fall in which neighbours count as fallen with it.
    outage_window_min: Annotated[float, Field(gt=0, le=1_440)] = 15.0
    #: File with the operator's own rules; none = the packaged pack.
    pack_file: FilePath | None = None
    #: Seconds by which the clock of another system may be ahead of ours.
    future_slack_s: Seconds = 60.0
    #: Days that line tests and readings are kept; baselines need 7.
    keep_days: Count = 90


class TicketsSection(Section):
    """`[tickets]`: TM Forum trouble tickets."""

    #: Where a ticket names its line, tried in this order: `entity:TYPE` (relatedEntity of that @referredType:
    #: a line id, account or PPPoE login), `characteristic:NAME`, `external_id`,
    #: `party:TYPE` (relatedParty; the line's account).
    line_from: tuple[Annotated[str, Field(pattern="^(entity:.+|characteristic:.+|external_id|party:.+)$")], ...] = (
        "entity:Line",
        "characteristic:line",
        "entity:Service",
        "external_id",
        "party:Customer",
    )
    #: Ticket types that get no line test, such as orders and questions.
    untested_types: tuple[str, ...] = ("request",)


class WebhookTarget(Section):
    """`[[webhooks.targets]]`: who is told of verdicts."""

    #: What it is called in logs and lists of deliveries.
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")]
    #: Where messages are sent; https, or http in one of `plain_networks`.
    url: Annotated[str, Field(pattern="^https?://", max_length=2_000)]
    #: File with the secret of the HMAC signature.
    secret_file: FilePath


class WebhooksSection(Section):
    """`[webhooks]`: messages to other systems, kept until they are taken."""

    #: The receivers; each gets every message.
    targets: tuple[WebhookTarget, ...] = ()
    #: Seconds that a receiver has to answer.
    timeout_s: Seconds = 10.0
    #: Tries until a message is put aside; with the pauses below they span about a day.
    attempts: Count = 30
    #: Seconds until the second try; each failure doubles the pause.
    retry_s: Seconds = 5.0
    #: Longest pause between tries, in seconds.
    retry_max_s: Seconds = 3_600.0
    #: Networks that may be called without TLS.
    plain_networks: tuple[Network, ...] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


class LogSection(Section):
    """`[log]`: structured lines on standard error."""

    #: `debug`, `info`, `warning` or `error`; info is one line per session and per change.
    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"


class Config(Section):
    """The whole file."""

    server: ServerSection = ServerSection()
    cwmp: CwmpSection = CwmpSection()
    connection_requests: ConnectionRequestsSection = ConnectionRequestsSection()
    store: StoreSection = StoreSection()
    api: ApiSection = ApiSection()
    operations: OperationsSection = OperationsSection()
    lines: LinesSection = LinesSection()
    profiles: ProfilesSection = ProfilesSection()
    line_tests: LineTestsSection = LineTestsSection()
    tickets: TicketsSection = TicketsSection()
    webhooks: WebhooksSection = WebhooksSection()
    log: LogSection = LogSection()

    @classmethod
    def load(cls, path: Path) -> "Config":
        """Return the configuration in the TOML file `path`.

        Raises:
            ConfigError: the file is absent or broken; the message has one line per error with key path and remedy.
        """
        return cls.from_table(_read_toml(path), path)

    @classmethod
    def from_table(cls, table: dict[str, Any], path: Path) -> "Config":
        """Return the configuration in a parsed table; `path` is where relative files start and what errors name."""
        problems: list[str] = []
        config: Config | None = None
        base = path.absolute().parent
        try:
            whole = {"store": {}, **table}  # so that the store's relative defaults are taken from beside the file
            config = cls.model_validate_json(json.dumps(whole, default=str), context={"base": str(base)})
        except ValidationError as error:
            problems = [_explain(dict(item), cls) for item in error.errors()]
        if config is None:
            raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
        return config


def read_secret(path: Path, key: str) -> str:
    """Return the secret in the file `path` without its line end.

    Raises:
        ConfigError: the file cannot be read, is empty, or others may read it; the message names the key.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{key}: others may read {path}; run: chmod 600 {path}")
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{key}: cannot read {path} ({_reason(error)}); create it with the secret as its one line"
        ) from error
    if not text:
        raise ConfigError(f"{key}: {path} is empty; write the secret into it as its one line")
    return text


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}; mend that line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({_reason(error)}); name an existing UTF-8 file with --config"
        ) from error


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


def _explain(item: dict[str, Any], model: type[BaseModel]) -> str:
    """One line: key path, what is wrong, what to do."""
    where = tuple(part for part in item["loc"] if not (isinstance(part, str) and part.startswith("function-")))
    key = ".".join(str(part) for part in where) or "file"
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, where[:-1])
        close = difflib.get_close_matches(str(where[-1]), known, 1)
        remedy = f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(known))}"
        return f"{key}: unknown key; {remedy}"
    if item["type"] == "missing":
        return f"{key}: missing; write it"
    if item["type"] == "value_error":
        return f"{key}: {item['ctx']['error']}"
    return f"{key}: {item['msg'][0].lower()}{item['msg'][1:]}, but it is {item['input']!r}; correct it or remove it"


def _keys_at(model: type[BaseModel], where: tuple[Any, ...]) -> list[str]:
    """The keys that the table at `where` may hold."""
    for part in where:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        arguments = getattr(annotation, "__args__", ())
        inner = next((a for a in (annotation, *arguments) if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)
