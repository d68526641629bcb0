"""The provider's other systems: what they would hand to the server, through the API's own doors, with source and time.

The rule: a system says only what it would know. AAA has no address for a line without a session; the path monitor goes
on pinging the last one it had and loses everything.
"""

import csv
import io
from collections.abc import Iterator
from datetime import datetime, timedelta

from cli.client import Client
from cli.simulator.neighbourhood import FRAME, OLT_NAME, SLOT, CpeKind, Home, Neighbourhood, Session

BASELINE_DAYS = 7
#: hours between two readings of a line in the past
READING_HOURS = 6
#: facts of one POST: large enough to be quick, small enough for one request
BATCH = 2_000
#: what the CSV of lines has, in this order
LINE_COLUMNS = (
    "id",
    "address",
    "technology",
    "node",
    "frame",
    "slot",
    "port",
    "splitter",
    "ont",
    "gpon_serial",
    "account",
    "services",
    "pppoe_login",
    "cable_length_m",
    "device_serials",
)


class Feed:
    """Hands over what the other systems know. Every call is blocking HTTP: call it from a thread."""

    def __init__(self, town: Neighbourhood, client: Client, session_address: str = "127.0.0.1") -> None:
        self._town = town
        self._client = client
        self._session_address = session_address

    def inventory(self, snmp_port: int, community: str) -> None:
        """Hand in the access node and the lines."""
        node = {"address": "127.0.0.1", "port": snmp_port, "community": community}
        self._client.put(f"/access-nodes/{OLT_NAME}", node)
        self._client.post_text("/lines/import", lines_csv(self._town))

    def history(self, now: datetime) -> None:
        """Hand in seven days of readings of the monitoring system."""
        self._post_batches("/readings", "nms", "readings", readings(self._town, now))

    def present(self, now: datetime) -> None:
        """Hand in what every system says at this moment, and the snapshots of incidents and planned works."""
        self._client.put("/incidents/noc", {"at": now.isoformat(), "incidents": []})
        self._client.put("/planned-works/noc", {"at": now.isoformat(), "works": []})
        by_source: dict[str, list[dict[str, object]]] = {}
        for home in self._town.homes:
            for source, name, value in facts(home, self._session_address):
                entry = {"line": home.line, "name": name, "value": value, "at": now.isoformat()}
                by_source.setdefault(source, []).append(entry)
        for source, entries in by_source.items():
            self._post_batches("/facts", source, "facts", iter(entries))

    def _post_batches(self, path: str, source: str, key: str, entries: Iterator[dict[str, object]]) -> None:
        batch: list[dict[str, object]] = []
        for entry in entries:
            batch.append(entry)
            if len(batch) == BATCH:
                self._client.post(path, {"source": source, key: batch})
                batch = []
        if batch:
            self._client.post(path, {"source": source, key: batch})


def lines_csv(town: Neighbourhood) -> str:
    """Return the inventory of the neighbourhood, as an export of the provider's own system would be."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(LINE_COLUMNS)
    for home in town.homes:
        row = {
            "id": home.line,
            "address": home.address,
            "technology": "pon",
            "node": OLT_NAME,
            "frame": FRAME,
            "slot": SLOT,
            "port": home.port,
            "splitter": home.splitter,
            "ont": home.ont,
            "gpon_serial": home.gpon_serial,
            "account": f"A{home.number:05d}",
            "services": ";".join(home.services),
            "pppoe_login": home.pppoe_login,
            "cable_length_m": home.distance_m,
            "device_serials": ";".join(cpe_serial(home, kind) for kind in home.cpes),
        }
        writer.writerow([row[column] for column in LINE_COLUMNS])
    return sheet.getvalue()


def cpe_serial(home: Home, kind: CpeKind) -> str:
    """Return the serial number of a home's CPE: an ONT's is its GPON serial in hexadecimal, as that vendor has it."""
    if kind is CpeKind.ONT:
        return home.gpon_serial
    return f"2226{home.number:09d}" if kind is CpeKind.ROUTER else f"STB4K{home.number:06d}"


def readings(town: Neighbourhood, now: datetime) -> Iterator[dict[str, object]]:
    """Yield seven days of light of every ONT that was alive: steady, but for a breath of temperature."""
    steps = BASELINE_DAYS * 24 // READING_HOURS
    for home in town.homes:
        if home.down_at is not None and not home.online:
            continue
        for step in range(steps, 0, -1):
            at = now - timedelta(hours=step * READING_HOURS)
            breath = (step % 4 - 1.5) * 0.06
            for name, value in (("ont.rx_dbm", home.base_rx_dbm), ("ont.olt_rx_dbm", home.base_rx_dbm - 2.2)):
                yield {"line": home.line, "name": name, "value": round(value + breath, 2), "at": at.isoformat()}


def facts(home: Home, session_address: str) -> Iterator[tuple[str, str, object]]:
    """Yield (source, fact, value): what billing, CRM, AAA, monitoring and television know of a line now."""
    yield "billing", "account.state", "active"
    yield "crm", "contacts_14d", 0
    yield "crm", "visits_30d", 0
    yield "aaa", "bras.session", home.session.value
    yield "aaa", "radius.last", home.radius
    yield "aaa", "bras.peers_lost_ratio", 0.0
    yield "aaa", "bras.accept_ratio", 0.98
    yield "nms", "ont.flaps_24h", 0
    yield "nms", "ont.optical_class", "gpon_b+"
    yield "nms", "ont.gasp_supported", True
    yield "inventory", "fw.outdated_known_bug", False  # its terminals have one version, with no defect that is known
    yield "dns-monitor", "dns.operator_ok", True
    yield "dns-monitor", "dns.failed_vantages", 0
    if home.session is Session.UP:
        yield "aaa", "bras.address", session_address
        yield "path-monitor", "ping.loss_pct", 0
        yield "path-monitor", "ping.rtt_ms", 4
    else:
        yield "path-monitor", "ping.loss_pct", 100
    if "iptv" in home.services:
        yield from _television(home)


def _television(home: Home) -> Iterator[tuple[str, str, object]]:
    yield "billing", "account.iptv_package", "active"
    yield "iptv-monitor", "stb.mac_on_port", home.online
    yield "iptv-monitor", "mcast.vlan_on_port", True
    yield "iptv-monitor", "mcast.joined", home.online and not home.stb_hung
    yield "iptv-monitor", "iptv.group_bad_stb", 0
    yield "iptv-monitor", "iptv.other_groups_ok", True
    yield "iptv-monitor", "stb.fw_in_target", True
