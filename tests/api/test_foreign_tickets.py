"""What is done for a ticket is written into it: so it is one of the caller's lines and of the line that is named."""

from typing import Any

import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.store.records import GrantRecord
from tests.api.test_every_refusal import client_with, refused_by_audit, world
from tests.api.test_ticket_numbers import about, called_by, lines_of
from tests.api.test_tickets import verdict_of

__all__ = ["world"]

BASE = "/tmf-api/serviceTestManagement/v4/serviceTest"
NORTH = "00AA11-ONT-NORTH"
FOREIGN = "ticket-south"


def service_test(line: str, ticket: str) -> dict[str, Any]:
    return {
        "name": "x",
        "relatedService": {"id": line},
        "testSpecification": {"id": "quick"},
        "characteristic": [{"name": "ticketId", "value": ticket}],
    }


#: what may be begun for a ticket on something of the north: address and body
DOORS: dict[str, tuple[str, dict[str, Any]]] = {
    "TMF653": (f"http://server{BASE}", service_test("line-north", FOREIGN)),
    "line test": ("/lines/line-north/tests", {"ticket": FOREIGN, "depth": "quick"}),
    "hook line-test": ("/hooks/line-test", {"line": "line-north", "ticket": FOREIGN, "wait_s": 0}),
    "hook reboot": ("/hooks/reboot", {"line": "line-north", "ticket": FOREIGN, "wait_s": 0}),
    "hook by ticket": ("/hooks/line-test", {"ticket": FOREIGN, "wait_s": 0}),
    "operation": (f"/devices/{NORTH}/operations", {"kind": "refresh", "ticket": FOREIGN}),
    "action": (f"/devices/{NORTH}/actions/reboot", {"arguments": {}, "ticket": FOREIGN}),
    "checkup": ("/lines/line-north/checkups", {"action": "reboot", "ticket": FOREIGN}),
}


@pytest.mark.parametrize("groups", [("region:north",), ()], ids=["out of reach", "of another line"])
@pytest.mark.parametrize("door", DOORS)
async def test_nothing_is_begun_for_a_ticket_that_is_not_the_callers(
    world: App, door: str, groups: tuple[str, ...]
) -> None:
    if door == "hook by ticket" and not groups:
        pytest.skip("it names no line: who sees the ticket may test its line")
    made = await world.northbound.access.create(local_actor(), "north", grants=[GrantRecord("everything", groups)])
    url, body = DOORS[door]
    async with client_with(world, made.secret) as client:
        answer = await client.post(url, json=body, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 404, answer.text
        assert FOREIGN in answer.text and "line-south" not in answer.text if groups else True
        unknown = {**body, "ticket": "INC-7"} if "ticket" in body else service_test("line-north", "INC-7")
        if "line" in body or "hooks" not in url:
            taken = await client.post(url, json=unknown, headers={"Idempotency-Key": "k2"})
            assert taken.status_code in (200, 201, 202, 409), f"a number that nobody handed in is kept: {taken.text}"
    if groups:
        assert await refused_by_audit(world, "north")
    await world.northbound.line_tests.stop()


async def test_a_service_test_is_for_the_callers_own_ticket(app_on_both: App) -> None:
    await lines_of(app_on_both)
    async with called_by(app_on_both, "sysa") as sysa, called_by(app_on_both, "sysb") as sysb:
        await sysa.post("/tickets/events", json=about("L-1"))
        id_ = (await sysb.post("/tickets/events", json=about("L-2"))).json()["id"]
        for client in (sysa, sysb):
            await verdict_of(client, "1001")
        made = await sysb.post(f"http://server{BASE}", json=service_test("L-2", "1001"))
        assert made.status_code == 201, made.text
        assert (await sysb.get(f"/line-tests/{made.json()['id']}")).json()["ticket"] == id_
        refused = await sysa.post(f"http://server{BASE}", json=service_test("L-2", "1001"))
        assert refused.status_code == 404, "its 1001 is of L-1"
        for client, line in ((sysa, "L-1"), (sysb, "L-2")):
            found = await client.get(f"http://server{BASE}", params={"characteristic.ticketId": "1001"})
            assert {one["relatedService"]["id"] for one in found.json()} == {line}, found.text
    await app_on_both.northbound.line_tests.stop()
