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


async def program(app: App, maker: Actor, name: str) -> Actor:
    """A program with a token that somebody made."""
    access = app.northbound.access
    made = await access.create(maker, name, ["read", "write", "admin"])
    actor = await access.authenticate(made.secret, "192.0.2.1")
    assert actor is not None
    return actor


@pytest.mark.parametrize("between", [0, 1, 2])
async def test_a_token_made_by_the_proposer_is_no_other_person(app_on_both: App, between: int) -> None:
    approvals = Approvals(app_on_both.store)
    demo = second = await program(app_on_both, local_actor(), "demo")
    for n in range(between + 1):
        second = await program(app_on_both, second, f"second-{n}")
    made = await approvals.propose(demo, WANTED)
    with pytest.raises(Forbidden, match="one of them made the token of the other"):
        await approvals.approve(second, made.id)
    other = await approvals.propose(second, Proposal("protected", "device:y", {}, "the other way round"))
    with pytest.raises(Forbidden, match="one of them made the token of the other"):
        await approvals.approve(demo, other.id)
    assert (await approvals.get(demo, other.id)).state == "proposed"


async def test_a_revoked_token_in_between_hides_nothing(app: App) -> None:
    approvals = Approvals(app.store)
    demo = await program(app, local_actor(), "demo")
    second = await program(app, demo, "second")
    third = await program(app, second, "third")
    made = await approvals.propose(demo, WANTED)
    access = app.northbound.access
    (between,) = [each.id for each in await access.list(local_actor()) if each.name == "second"]
    await access.revoke(local_actor(), between)
    with pytest.raises(Forbidden, match="made the token"):
        await approvals.approve(third, made.id)


async def test_a_program_whose_token_a_person_made_is_that_person(app: App) -> None:
    approvals = Approvals(app.store)
    admin = Actor("ann", "person", frozenset({Scope.ADMIN}), person="ann")
    billing = await program(app, admin, "billing")
    made = await approvals.propose(admin, WANTED)
    with pytest.raises(Forbidden, match="made the token"):
        await approvals.approve(billing, made.id)
    own = await approvals.propose(billing, Proposal("protected", "device:y", {}, "the other way round"))
    with pytest.raises(Forbidden, match="made the token"):
        await approvals.approve(admin, own.id)
    assert (await approvals.approve(BOB, own.id)).state == "approved"


async def test_tokens_that_the_shell_made_are_of_different_people(app: App) -> None:
    approvals = Approvals(app.store)
    one, other = [await program(app, local_actor(), name) for name in ("one", "other")]
    made = await approvals.propose(one, WANTED)
    assert (await approvals.approve(other, made.id)).state == "approved"


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
    await app.store.sessions.open(opening(now, key="00AA11-ONT-2", serial_number="2"))
    grown = await approvals.approve(BOB, needed.value.approval)
    assert grown.outcome == "failed: 3 devices match now, and 2 were approved; propose it again"
    assert await fleet.campaigns.find(boss) == [], "nobody approved the third one"
    with pytest.raises(ApprovalNeeded) as needed:
        await fleet.campaigns.create(boss, "all", file.id, "", settings)
    done = await approvals.approve(BOB, needed.value.approval)
    assert done.outcome.startswith("campaign ") and done.outcome.endswith(" was begun")
    assert [each.campaign.name for each in await fleet.campaigns.find(boss)] == ["all"]
    await app.stop()
