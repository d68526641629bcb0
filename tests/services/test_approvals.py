"""Two persons: nobody approves what he proposed, and what was approved runs once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from acs.app import App, build
from acs.config import RightsSection
from acs.errors import ApprovalNeeded, Conflict, Forbidden, InvalidInput, NotFound
from acs.services.actor import Actor, Scope, local_actor
from acs.services.approvals import Approvals, Proposal, identity_of, masked
from acs.services.campaign_settings import CampaignSettings
from acs.services.files import NewFile
from acs.store import Vault
from acs.store.approvals import ApprovalRecord
from acs.store.schema import approvals as approvals_table
from tests.api.conftest import NobodyAnswers, config_of
from tests.store.make import opening

ANN = Actor("ann", "person", frozenset({Scope.READ, Scope.WRITE, Scope.APPROVE}), person="ann")
BOB = Actor("bob", "person", frozenset({Scope.READ, Scope.WRITE, Scope.APPROVE}), person="bob")
WANTED = Proposal(
    "protected", "device:x", {"name": "Device.ManagementServer.Password", "value": "s3cret"}, "moves to the new server"
)


class Hand:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_another_person_approves_and_it_runs_once(app_on_both: App) -> None:
    ran: list[ApprovalRecord] = []

    async def runner(actor: Actor, record: ApprovalRecord) -> str:
        ran.append(record)
        return f"done as {actor.name} said"

    approvals = Approvals(app_on_both.store)
    approvals.runners["protected"] = runner
    needed = await approvals.needed(ANN, WANTED)
    assert isinstance(needed, ApprovalNeeded) and needed.approval in str(needed)
    again = await approvals.propose(ANN, WANTED)
    assert again.id == needed.approval, "a repeated call makes no second proposal"
    with pytest.raises(Forbidden, match="another person must approve"):
        await approvals.approve(ANN, needed.approval)
    with pytest.raises(Forbidden):
        await approvals.approve(Actor("eve", "token", frozenset({Scope.OPERATE})), needed.approval)
    with pytest.raises(Forbidden, match="'approve'"):
        await approvals.approve(Actor("billing", "token", frozenset({Scope.READ, Scope.WRITE})), needed.approval)
    both = await asyncio.gather(*(approvals.approve(BOB, needed.approval) for _ in range(3)), return_exceptions=True)
    assert sum(isinstance(each, Conflict) for each in both) == 2
    assert [each.wanted["value"] for each in ran] == ["s3cret"]
    kept = await approvals.get(BOB, needed.approval)
    assert (kept.state, kept.decided_by, kept.outcome) == ("run", "bob", "done as bob said")
    trail = await app_on_both.northbound.audit_trail.list(local_actor(), target=f"approval:{needed.approval}")
    assert [each.action for each in trail] == ["approval.run", "approval.approved", "approval.proposed"]
    assert "s3cret" not in str(trail)


async def test_what_is_wanted_is_sealed_in_the_store(app: App) -> None:
    made = await Approvals(app.store).propose(ANN, WANTED)
    async with app.store.reading() as tx:
        row = await tx.one(select(approvals_table.c.wanted))
    assert row is not None and "s3cret" not in row.wanted
    assert masked(made.wanted) == {"name": "Device.ManagementServer.Password", "value": "(hidden)"}


async def test_a_proposal_waits_for_a_day_and_no_longer(app: App) -> None:
    clock = Hand()
    approvals = Approvals(app.store, RightsSection(approval_hours=24.0), clock=clock)
    made = await approvals.propose(ANN, WANTED)
    clock.now += timedelta(hours=25)
    with pytest.raises(Conflict, match="propose it again"):
        await approvals.approve(BOB, made.id)
    assert (await approvals.propose(ANN, WANTED)).id != made.id


async def test_the_proposer_takes_back_and_others_refuse_with_the_right(app: App) -> None:
    approvals = Approvals(app.store)
    made = await approvals.propose(ANN, WANTED)
    with pytest.raises(Forbidden):
        await approvals.refuse(Actor("eve", "token", frozenset({Scope.OPERATE})), made.id)
    assert (await approvals.refuse(ANN, made.id, note="not today")).state == "refused"
    with pytest.raises(Conflict, match="refused already"):
        await approvals.approve(BOB, made.id)
    with pytest.raises(NotFound):
        await approvals.approve(BOB, "none")
    with pytest.raises(InvalidInput, match="reason"):
        await approvals.propose(ANN, Proposal("x", "y", {}, " "))


async def test_a_runner_that_fails_says_so_and_is_not_run_again(app: App) -> None:
    async def runner(_actor: Actor, _record: ApprovalRecord) -> str:
        raise Conflict("the device is away")

    approvals = Approvals(app.store)
    approvals.runners["protected"] = runner
    made = await approvals.propose(ANN, WANTED)
    assert (await approvals.approve(BOB, made.id)).outcome == "failed: the device is away"
    with pytest.raises(Conflict):
        await approvals.approve(BOB, made.id)


def test_a_persons_tokens_are_one_person() -> None:
    assert identity_of(ANN) == identity_of(Actor("ann", "token", frozenset(), person="ann"))
    assert identity_of(Actor("a", "token", frozenset())) != identity_of(Actor("b", "token", frozenset()))


async def test_a_campaign_for_very_many_devices_takes_two_persons(store_url: str, tmp_path: Path) -> None:
    Vault.create(tmp_path / "vault.key")
    (tmp_path / "files").mkdir()
    files = {"directory": "files", "public_url": "http://192.0.2.1:7549"}
    app = await build(config_of(store_url, tmp_path, files=files), caller=NobodyAnswers())
    now = datetime.now(UTC)
    for n in range(2):
        await app.store.sessions.open(opening(now, key=f"00AA11-ONT-{n}", serial_number=str(n)))
    fleet, approvals = app.northbound.fleet, Approvals(app.store, RightsSection(bulk_limit=2))
    fleet.campaigns.approvals = approvals
    approvals.runners["campaign"] = fleet.campaigns.create_approved

    async def content() -> AsyncIterator[bytes]:
        yield b"image"

    file = await fleet.files.add(ANN, NewFile("v2.bin", "1 Firmware Upgrade Image", "V2", (), "", None), content(), 5)
    settings = CampaignSettings.model_validate({"targets": {"models": ["ONT"]}})
    boss = Actor("ann", "person", frozenset({Scope.OPERATE, Scope.READ}), person="ann")
    with pytest.raises(ApprovalNeeded) as needed:
        await fleet.campaigns.create(boss, "all", file.id, "", settings)
    assert await fleet.campaigns.find(boss) == []
    done = await approvals.approve(BOB, needed.value.approval)
    assert done.outcome.startswith("campaign ") and done.outcome.endswith(" was begun")
    assert [each.campaign.name for each in await fleet.campaigns.find(boss)] == ["all"]
    await app.stop()
