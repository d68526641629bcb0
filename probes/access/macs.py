"""Who is behind a switch port: MAC addresses of the forwarding tables, and bindings of DHCP snooping.

The rule: a table that did not come whole gives no count, for a count of a part is a wrong count.
"""

from collections.abc import Iterable

from probes.access.node import Nodes, NodeTarget, said
from probes.facts import Fact
from probes.profiles import decode
from probes.profiles.decode import Raw, plain_text
from probes.profiles.ports import Binding, Fdb, SwitchProfile
from probes.profiles.reading import Origin


async def facts(nodes: Nodes, target: NodeTarget, profile: SwitchProfile, at: int, origin: Origin) -> list[Fact]:
    """MACs on the port, its bindings, and whether one fits the other.

    Raises:
        ProbeError: as the SNMP client.
    """
    found: list[Fact] = []
    seen = await _macs(nodes, target, profile.fdb, at) if profile.fdb is not None else None
    if seen is not None:
        listed = [f"{mac} vlan {vlan}" if vlan else mac for mac, vlan in seen]
        found.append(said("sw.mac_count", len({mac for mac, _ in seen}), origin))
        if listed:
            found.append(said("sw.macs", ", ".join(listed), origin))
    if profile.binding is None:
        return found
    name = next(iter((await nodes.get(target, [f"{profile.port.names}.{at}"])).values()), b"")
    bound = await _bindings(nodes, target, profile.binding, at, plain_text(name))
    if bound:
        found.append(said("sw.dhcp_binding", "; ".join(text for _, text in bound), origin))
        known = {mac for mac, _ in bound}
        if seen and known:
            found.append(said("dhcp.mac_matches_binding", bool(known & {mac for mac, _ in seen}), origin))
    return found


async def _macs(nodes: Nodes, target: NodeTarget, fdb: Fdb, at: int) -> list[tuple[str, int]] | None:
    """MAC and VLAN (0: not known) of each address on a port; None when the tables did not come whole."""
    base = await _base_port(nodes, target, fdb, at)
    walk = await nodes.walk(target, fdb.per_vlan)
    if walk.rows:
        if not walk.complete:
            return None
        vlans = await _vlans(nodes, target, fdb)
        rows = [oid[len(fdb.per_vlan) + 1 :].split(".") for oid, port in walk.rows if port == base]
        return sorted((_mac(row[1:]), vlans.get(int(row[0]), int(row[0]))) for row in rows if len(row) == 7)
    plain = await nodes.walk(target, fdb.plain)
    if not plain.complete or not plain.rows:
        return None
    rows = [oid[len(fdb.plain) + 1 :].split(".") for oid, port in plain.rows if port == base]
    return sorted((_mac(row), 0) for row in rows if len(row) == 6)


async def _base_port(nodes: Nodes, target: NodeTarget, fdb: Fdb, at: int) -> int:
    """The bridge's number of a port: most often the ifIndex itself."""
    here = f"{fdb.base_ports}.{at}"
    if (await nodes.get(target, [here])).get(here) == at:
        return at
    walk = await nodes.walk_or_problem(target, fdb.base_ports)
    return next((int(oid.rsplit(".", 1)[1]) for oid, index in walk.rows if index == at), at)


async def _vlans(nodes: Nodes, target: NodeTarget, fdb: Fdb) -> dict[int, int]:
    """VLAN by the number of its table, where the node says it; a table of several VLANs is none of them."""
    if fdb.vlan_tables is None:
        return {}
    walk = await nodes.walk_or_problem(target, fdb.vlan_tables)
    found: dict[int, int] = {}
    for oid, table in walk.rows:
        if isinstance(table, int):
            vlan = int(oid.rsplit(".", 1)[1])
            found[table] = 0 if table in found else vlan
    return found


async def _bindings(nodes: Nodes, target: NodeTarget, rule: Binding, at: int, name: str) -> list[tuple[str, str]]:
    """MAC and description of each binding of a port."""
    ports = await nodes.walk(target, rule.port)
    rows = [oid[len(rule.port) + 1 :] for oid, raw in ports.rows if _is_port(rule, raw, at, name)]
    columns = {
        word: oid
        for word, oid in (("mac", rule.mac), ("ip", rule.ip), ("vlan", rule.vlan), ("lease", rule.lease))
        if oid is not None
    }
    wanted = {f"{oid}.{row}": (row, word) for row in rows for word, oid in columns.items()}
    values = await nodes.get(target, wanted)
    cells: dict[str, dict[str, Raw]] = {row: {} for row in rows}
    for oid, raw in values.items():
        row, word = wanted[oid]
        cells[row][word] = raw
    return [_binding(rule, row, told) for row, told in cells.items()]


def _is_port(rule: Binding, raw: Raw, at: int, name: str) -> bool:
    if rule.port_form == "port-list":
        return at - 1 in (decode.bits_of(raw) or ())
    text = plain_text(raw)
    return raw == at or text == str(at) or (bool(name) and text.lower() == name.lower())


def _binding(rule: Binding, row: str, told: dict[str, Raw]) -> tuple[str, str]:
    parts = row.split(".")
    mac = decode.mac(told["mac"]).value if "mac" in told else None
    ip, vlan = told.get("ip"), told.get("vlan")
    if rule.key == "vlan-mac":
        mac, vlan = _mac(parts[-6:]), parts[0]
    elif len(parts) >= 4:
        ip = ".".join(parts[-4:])
    words = [_ip(ip), str(mac or "")]
    words += [f"vlan {plain_text(vlan)}"] if vlan is not None else []
    words += [f"lease {plain_text(told['lease'])} s"] if "lease" in told else []
    return str(mac or ""), " ".join(filter(None, words))


def _ip(raw: Raw | None) -> str:
    return ".".join(map(str, raw)) if isinstance(raw, bytes) and len(raw) == 4 else str(raw or "")


def _mac(numbers: Iterable[str]) -> str:
    return ":".join(f"{int(number):02x}" for number in numbers)
