"""Many scenarios at once: a place for each, one inventory, the words of the other systems, and the tickets.

    start ─▶ CPEs inform ─▶ strike ─▶ tickets through the hook

The rule: the product is used through its doors only, and learns nothing of a scenario but what its sources say.
"""

import asyncio
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.client import Client
from cli.simulator.feed import BASELINE_DAYS, BATCH, LINE_COLUMNS, READING_HOURS
from cli.simulator.places import Place
from cli.simulator.scenario_files import Scenario, load_systems
from cli.simulator.town import Settings

_SERVICE_WORDS = {"internet": "INET", "iptv": "IPTV", "voip": "VOIP"}
#: CPEs that start within one second
_STARTS = 25


@dataclass(frozen=True, slots=True)
class Registries:
    """How old the snapshots are that tell of every line, in seconds; None: that registry says nothing."""

    incidents_age_s: float | None = 0.0
    works_age_s: float | None = 0.0


#: both registries say what covers the lines as of now
TOLD_NOW = Registries()


class ScenarioTown:
    """The places of the scenarios. `client` is blocking: it is used from threads.

    Serial numbers follow from the place's number: a second town at one server takes its own with `first`.
    """

    def __init__(
        self,
        scenarios: Sequence[Scenario],
        settings: Settings,
        client: Client,
        *,
        first: int = 0,
        registries: Registries = TOLD_NOW,
    ) -> None:
        self._client = client
        self._registries = registries
        self._community = settings.community
        self._systems = load_systems()
        now = datetime.now(UTC)
        self.places = [
            Place(number, scenario, replace(settings, periodic_s=scenario.inform_s), now)
            for number, scenario in enumerate(scenarios, first)
        ]

    async def start(self) -> None:
        """Start the access nodes, hand in nodes, lines and readings of the past, then start the CPEs."""
        ports = [await place.olt.start() for place in self.places]
        nodes = [(place, port) for place, port in zip(self.places, ports, strict=True) if place.is_told]
        await asyncio.to_thread(self._hand_in, nodes)
        cpes = [cpe for place in self.places for cpe in place.cpes.values()]
        for number, cpe in enumerate(cpes):
            await cpe.start("0 BOOTSTRAP")
            if number % _STARTS == _STARTS - 1:
                await asyncio.sleep(0.5)

    async def informed(self) -> None:
        """Return once every CPE has held a first session."""
        await asyncio.gather(*(place.informed() for place in self.places))

    async def strike(self) -> None:
        """Break everything, and let the other systems say what they see of it."""
        now = datetime.now(UTC)
        await asyncio.gather(*(place.strike(now) for place in self.places))
        await asyncio.to_thread(self.say)

    async def stop(self) -> None:
        """Stop everything that was started."""
        await asyncio.gather(*(place.stop() for place in self.places))

    def say(self) -> None:
        """Hand in what the other systems say now."""
        now = datetime.now(UTC)
        self._say_of_all(now)
        by_source: dict[str, list[dict[str, object]]] = {}
        for place in self.places:
            for system, entry in self._entries(place, now):
                by_source.setdefault(system, []).append(entry)
        for system, entries in by_source.items():
            for first in range(0, len(entries), BATCH):
                self._client.post("/facts", {"source": system, "facts": entries[first : first + BATCH]})

    def _say_of_all(self, now: datetime) -> None:
        """Hand in the snapshots of incidents and planned works."""
        at = now.isoformat()
        covered = [(place.scenario, place) for place in self.places]
        incidents = [
            {"id": one.incident, "scope": place.node, "kind": "fibre", "since": at}
            for one, place in covered
            if one.incident
        ]
        until = (now + timedelta(hours=2)).isoformat()
        works = [{"id": one.work, "scope": f"line:{one.id}", "from": at, "to": until} for one, _ in covered if one.work]
        ages = self._registries
        if ages.incidents_age_s is not None:
            taken_at = (now - timedelta(seconds=ages.incidents_age_s)).isoformat()
            self._client.put("/incidents/noc", {"at": taken_at, "incidents": incidents})
        if ages.works_age_s is not None:
            taken_at = (now - timedelta(seconds=ages.works_age_s)).isoformat()
            self._client.put("/planned-works/noc", {"at": taken_at, "works": works})

    def _entries(self, place: Place, now: datetime) -> Iterator[tuple[str, dict[str, object]]]:
        scenario = place.scenario
        for system, name, value in self._systems.words(scenario):
            yield system, {"line": scenario.id, "name": name, "value": value, "at": now.isoformat()}
        if scenario.has_session and scenario.pinged and "*" not in scenario.silent:
            yield "aaa", {"line": scenario.id, "name": "bras.address", "value": "127.0.0.1", "at": now.isoformat()}
        for aged in scenario.aged:
            at = (now - timedelta(seconds=aged.age_s)).isoformat()
            yield (
                self._systems.owner(aged.fact),
                {"line": scenario.id, "name": aged.fact, "value": aged.value, "at": at},
            )

    def _hand_in(self, nodes: Sequence[tuple[Place, int]]) -> None:
        for place, port in nodes:
            body = {"address": place.address, "port": port, "community": self._community}
            self._client.put(f"/access-nodes/{place.node}", body)
        sheet = io.StringIO()
        writer = csv.DictWriter(sheet, LINE_COLUMNS, lineterminator="\n")
        writer.writeheader()
        for place in self.places:
            writer.writerows(place.inventory())
        self._client.post_text("/lines/import", sheet.getvalue())
        readings = [one for place in self.places for one in _past(place, datetime.now(UTC))]
        for first in range(0, len(readings), BATCH):
            self._client.post("/readings", {"source": "nms", "readings": readings[first : first + BATCH]})


def ticket_event(scenario: Scenario, ticket: str, now: datetime) -> dict[str, Any]:
    """The TMF621 event that a ticket system sends for a scenario's complaint."""
    at = (now - timedelta(minutes=scenario.opened_minutes)).isoformat(timespec="seconds")
    service = f"SVC-{scenario.id}-{_SERVICE_WORDS[scenario.service]}"
    trouble: dict[str, Any] = {
        "id": ticket,
        "creationDate": at,
        "name": scenario.complaint,
        "description": scenario.complaint,
        "ticketType": "incident",
        "status": "acknowledged",
        "relatedEntity": [
            {"id": scenario.id, "role": "line", "@referredType": "Line"},
            {"id": service, "role": "affectedService", "@referredType": "Service"},
        ],
    }
    if scenario.said:
        trouble["troubleTicketCharacteristic"] = [
            {"name": name, "value": value} for name, value in scenario.said.items()
        ]
    return {
        "eventId": f"event-{ticket}",
        "eventTime": at,
        "eventType": "TroubleTicketCreateEvent",
        "domain": "troubleTicket",
        "title": "new ticket",
        "event": {"troubleTicket": trouble},
    }


def _past(place: Place, now: datetime) -> Iterator[dict[str, object]]:
    """A week of light of every ONT of the place, steady but for a breath of temperature."""
    if place.scenario.access != "pon":
        return
    week = tuple(float(hours) for hours in range(BASELINE_DAYS * 24, 0, -2 * READING_HOURS))
    for home in place.state.homes:
        own = home is place.own
        said = place.scenario.past if own else place.scenario.near_past
        for number, hours in enumerate(week if said is None else said):
            value = round(home.base_rx_dbm + (number % 2 - 0.5) * 0.1, 2)
            at = now - timedelta(hours=hours)
            yield {"line": home.line, "name": "ont.rx_dbm", "value": value, "at": at.isoformat()}
