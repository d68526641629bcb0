"""The connection and the home's network: login, ports, name servers, bridge or router, forwardings. Pure.

The rule of this file: what would cut off the very connection over which the device is managed is refused.
"""

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from acs.profiles.protection.ways import carriers
from acs.profiles.settings import Row
from acs.services.actions.base import SHORT_CUT, Action, Asked, Given, View, change
from acs.services.actions.words import Refused
from acs.store.records import Json

Number = Annotated[int, Field(ge=1, le=65535)]
#: What a forwarding consists of, argument → meaning.
_FORWARDING: Mapping[str, str] = {
    "title": "forwarding.title",
    "protocol": "forwarding.protocol",
    "external_port": "forwarding.external_port",
    "internal_port": "forwarding.internal_port",
    "client": "forwarding.client",
}


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class Login(Given):
    """Login and password of the internet connection."""

    login: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=64, repr=False)]
    connection: Annotated[str | None, Field(max_length=128)] = None


class Port(Given):
    """The port's number or name; the first in use."""

    port: Annotated[str | None, Field(max_length=128)] = None


class NameServers(Given):
    """Addresses with commas; `side`: lan, what the home is told; wan, what the router itself asks."""

    servers: Annotated[str, Field(min_length=7, max_length=200)]
    side: Literal["lan", "wan"] = "lan"


class Mode(Given):
    """`bridge` or `router`."""

    mode: Literal["bridge", "router"]
    connection: Annotated[str | None, Field(max_length=128)] = None


class Forwarding(Given):
    """From an outer port to a port of a device at home."""

    external_port: Number
    client: IPv4Address
    internal_port: Number | None = None
    #: as devices write it or as people do
    protocol: Annotated[Literal["tcp", "udp"], BeforeValidator(_lower)] = "tcp"
    title: Annotated[str, Field(max_length=64)] = ""


class WhichForwarding(Given):
    """The forwarding's number, as listed."""

    forwarding: Annotated[str, Field(max_length=128)]


def _login(view: View, given: Login) -> Sequence[Asked]:
    row = view.row("ppp", given.connection)
    values = view.assignment("ppp.username", given.login, row.path, argument="login")
    values |= view.assignment("ppp.password", given.password, row.path)
    status = view.place("ppp.status", row.path)
    return [change("pppoe", {"values": values}, watch=[status.path] if status else [])]


def _bounce(view: View, given: Port) -> Sequence[Asked]:
    row = view.row("port", given.port)
    place, status = view.need("port.enable", row.path), view.place("port.status", row.path)
    off, on = {"values": {place.path: "false"}}, {"values": {place.path: "true"}}
    return [change("port-bounce", off, on, watch=[status.path] if status else [])]


def _name_servers(view: View, given: NameServers) -> Sequence[Asked]:
    servers = ",".join(part.strip() for part in given.servers.split(","))
    if given.side == "lan":
        return [change("dns", {"values": view.assignment("dns.lan", servers, argument="servers")})]
    if view.settings.rows("ppp", view.values) and view.place("dns.wan_by_hand"):
        row = view.row("ppp", None)
        values = view.assignment("dns.wan", servers, row.path, argument="servers")
        values |= view.assignment("dns.wan_by_hand", "true", row.path)
        return [change("dns", {"values": values})]
    return [change("dns", {"values": view.assignment("dns.wan", servers, argument="servers")})]


def _mode(view: View, given: Mode) -> Sequence[Asked]:
    """A switch of the connection where the model has one; else the bridge takes in the way to the network."""
    for target in ("ppp", "ip"):
        if not view.settings.places(f"{target}.mode", view.values):
            continue
        row = view.row(target, given.connection)
        _check_management(view, row, given.mode)
        return [change("mode", {"values": view.assignment(f"{target}.mode", given.mode, row.path)})]
    row = view.row("ppp", given.connection)
    _check_management(view, row, given.mode)
    return [change("mode", *_bridging(view, row, given.mode))]


def _bridging(view: View, row: Row, mode: str) -> list[dict[str, Any]]:
    """TR-181: one more port of the home's bridge over the interface to the network, and the connection off."""
    uplink = view.row("uplink", None).path
    table = next(iter(view.settings.tables("bridge", view.values)), None)
    lower, on = view.settings.leaf("bridge.lower"), view.settings.leaf("bridge.enable")
    enable = view.need("ppp.enable", row.path).path
    if table is None or lower is None or on is None:
        raise Refused("not_here", missing="bridge")
    bridged = [each.path for each in view.settings.rows("bridge", view.values) if _carries(view, each, lower, uplink)]
    if mode == "bridge":
        added = [] if bridged else [{"add": table, "values": {lower: uplink, on: "true"}}]
        return [*added, {"values": {enable: "false"}}]
    return [*({"delete": path} for path in bridged), {"values": {enable: "true"}}]


def _carries(view: View, row: Row, leaf: str, uplink: str) -> bool:
    lower = view.values.get(row.path + leaf, "")
    return any(part.strip().rstrip(".") == uplink.rstrip(".") for part in lower.split(","))


def _check_management(view: View, row: Row, mode: str) -> None:
    """Refuse a bridge where we reach the device over that very connection, or know of no other way to it."""
    host = urlsplit(view.device.connection_request_url).hostname or ""
    if mode == "bridge" and any(each.row == row.path for each in carriers(view.values, host)):
        raise Refused("manages_itself")


def _list(view: View, _given: Given) -> Sequence[Asked]:
    tables = view.settings.tables("forwarding", view.values)
    rows = [name for name in view.values if name.startswith(tuple(tables))]
    counters = [f"{table[:-1]}NumberOfEntries" for table in tables]
    return [Asked("get", {"names": tables if rows else [each for each in counters if each in view.values] or tables})]


def _forward(view: View, given: Forwarding) -> Sequence[Asked]:
    tables = view.settings.tables("forwarding", view.values)
    if not tables:
        raise Refused("not_here", missing="forwarding")
    said: dict[str, str] = {
        "external_port": str(given.external_port),
        "internal_port": str(given.internal_port or given.external_port),
        "client": str(given.client),
        "protocol": given.protocol,
        "title": given.title or f"{given.protocol} {given.external_port}",
    }
    values: dict[str, Json] = {}
    for argument, meaning in _FORWARDING.items():
        setting = view.settings.setting(meaning)
        if setting is not None:
            values[setting.path.rpartition(".")[2]] = setting.codes.get(said[argument], said[argument])
    interface, enable = view.settings.leaf("forwarding.interface"), view.settings.leaf("forwarding.enable")
    if interface is not None:
        values[interface] = _outside(view)
    if enable is not None:
        values[enable] = "true"
    return [change("forward-add", {"add": _table(view, tables), "values": values})]


def _table(view: View, tables: Sequence[str]) -> str:
    """The table of the connection that is in use, where each connection has one."""
    used = [row.path for target in ("ppp", "ip") for row in view.settings.rows(target, view.values) if row.in_use]
    return next((table for row in used for table in tables if table.startswith(row)), tables[0])


def _outside(view: View) -> str:
    """The IP interface over the connection (TR-181, NAT.PortMapping.Interface)."""
    ppp = view.row("ppp", None).path if view.settings.rows("ppp", view.values) else ""
    for name, value in sorted(view.values.items()):
        if ppp and name.endswith(".LowerLayers") and ".IP.Interface." in name and value.rstrip(".") == ppp.rstrip("."):
            return name.removesuffix("LowerLayers")
    return ppp


def _unforward(view: View, given: WhichForwarding) -> Sequence[Asked]:
    row = view.row("forwarding", given.forwarding)
    return [change("forward-delete", {"delete": row.path})]


#: Targets whose rows these actions make and delete: a restoring deletes those that the configuration has not.
ROWS_MADE = ("forwarding", "bridge")
_MODE_NEEDS = (("ppp.mode", "ip.mode", "bridge.lower"),)

ACTIONS = (
    Action(
        "pppoe", {"en": "Login and password of the connection", "ru": "Логин и пароль подключения"},
        _login, Login, ("ppp.username", "ppp.password"), "ppp", SHORT_CUT, secrets=("password",),
    ),
    Action(
        "port-bounce", {"en": "Switch a port off and on", "ru": "Выключить и включить порт"},
        _bounce, Port, ("port.enable",), "port", SHORT_CUT,
    ),
    Action(
        "dns", {"en": "Name servers", "ru": "Серверы DNS"},
        _name_servers, NameServers, (("dns.lan", "dns.wan"),),
    ),
    Action(
        "mode", {"en": "Bridge or router", "ru": "Мост или маршрутизатор"},
        _mode, Mode, _MODE_NEEDS, "ppp",
        {"en": "The subscriber's internet changes over: at home another device must dial in, or this one again.",
         "ru": "Интернет абонента переключится: подключаться должно будет другое устройство, либо снова это."},
    ),
    Action(
        "forward-list", {"en": "Forwardings: list", "ru": "Проброс портов: показать"},
        _list, needs=("forwarding.external_port",), target="forwarding", reads=True, rpc="GetParameterValues",
    ),
    Action(
        "forward-add", {"en": "Forwardings: add", "ru": "Проброс портов: добавить"},
        _forward, Forwarding, ("forwarding.external_port",), rpc="AddObject",
    ),
    Action(
        "forward-delete", {"en": "Forwardings: delete", "ru": "Проброс портов: удалить"},
        _unforward, WhichForwarding, ("forwarding.external_port",), "forwarding", rpc="DeleteObject",
    ),
)  # fmt: skip
