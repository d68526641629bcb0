"""Packs from a proposal to a decision and back; line tests that are explained and give the same bits again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from acs.app import App
from acs.config import PacksSection
from acs.errors import Conflict, Forbidden, InvalidInput, NotFound, StoreError
from acs.services.actor import Actor, Scope, local_actor
from acs.services.clock import utc_now
from acs.services.packs import Packs
from acs.services.verdict_reviews import Reviews
from acs.store import after_fix
from acs.store import line_tests as test_store
from acs.store.after_fix import Closure
from acs.store.records import LineTestRecord
from probes.linetest.pack_files import load_tree
from tests.services.test_line_tests import World, finished, tell, world

__all__ = ["world"]

ACTOR = local_actor()
SECOND = Actor("second", "local", frozenset({Scope.ADMIN}), "local")
HEAD = '[pack]\nid = "north"\nversion = "{version}"\nowner = "me"\nextends = "default"\n'
#: with so much belief demanded, nothing but gates and mass faults is ever said
SHY = {"site.toml": HEAD.format(version="1") + "[engine]\nmin_posterior = 0.999\n"}
BOLD = {"site.toml": HEAD.format(version="2") + "[engine]\nmin_posterior = 0.5\n"}


def packs_of(app: App, **config: Any) -> Packs:
    section = PacksSection(**{"shadow_days": 0, "shadow_tests": 0, **config})
    return Packs(app.store, load_tree(), section, clock=utc_now)


async def approved(packs: Packs, files: dict[str, str]) -> str:
    digest = (await packs.propose(ACTOR, files, {})).pack.hash
    await packs.approve(ACTOR, digest)
    await packs.approve(SECOND, digest)
    return digest


async def judged_line(world: World) -> LineTestRecord:
    world.reader.state = "offline"
    await tell(world.app, bras__session="none", account__state="active", contacts_14d=0)
    tests = world.line_tests()
    started = await tests.start(ACTOR, "L-1")
    record: LineTestRecord = await finished(tests, started.id)
    return record


async def test_a_test_is_judged_again_with_the_same_bits(world: World) -> None:
    test = await judged_line(world)
    told = await world.app.northbound.reviews.replay(ACTOR, test.id)
    assert (told["same"], told["differing"]) == (True, [])
    assert told["stored"]["pack"]["hash"] == world.app.northbound.packs.base.ref.hash


async def test_the_pack_of_a_verdict_outlives_the_release_that_brought_it(world: World) -> None:
    test = await judged_line(world)
    later = Packs(world.app.store, {**load_tree(), "action": {}} | _renamed(), PacksSection(), clock=utc_now)
    assert later.base.ref.hash != world.app.northbound.packs.base.ref.hash
    told = await Reviews(world.app.store, later, PacksSection(), clock=utc_now).replay(ACTOR, test.id)
    assert told["same"]


async def test_the_pack_of_a_verdict_is_stored_though_the_first_try_was_taken_back(app_on_both: App) -> None:
    packs = packs_of(app_on_both)
    with pytest.raises(StoreError):
        async with app_on_both.store.transaction() as tx:
            await packs.keep(tx, packs.base)
            raise StoreError("the disk is full")
    for _ in range(2):
        async with app_on_both.store.transaction() as tx:
            await packs.keep(tx, packs.base)
    assert (await packs.get(ACTOR, packs.base.ref.hash)).pack.hash == packs.base.ref.hash


def _renamed() -> dict[str, Any]:
    tree = load_tree()
    return {"pack": {**tree["pack"], "version": "9999"}, "action": tree["action"]}


async def test_an_explanation_adds_up_to_its_scores(world: World) -> None:
    test = await judged_line(world)
    told = await world.app.northbound.reviews.explain(ACTOR, test.id)
    for card in told["cards"]:
        counted = sum(row["points"] for row in card["rows"] if row["counted"])
        assert card["score_db"] == pytest.approx(card["prior_db"] + counted, abs=0.02)
    assert told["missing"]
    assert {"fact", "is", "if", "verdict", "cause", "posterior"} == set(told["flips"][0])


async def test_what_would_flip_a_verdict_does(world: World) -> None:
    test = await judged_line(world)
    told = await world.app.northbound.reviews.explain(ACTOR, test.id)
    assert any(flip["fact"] == "incident.match" and flip["verdict"] == "ATTACH_OUTAGE" for flip in told["flips"])


async def test_a_running_test_is_not_judged_again(world: World) -> None:
    now = utc_now()
    async with world.app.store.transaction() as tx:
        from acs.store.records import LineTestState  # noqa: PLC0415 - only here

        running = LineTestRecord("t-run", "L-1", LineTestState.RUNNING, now, now + timedelta(60), "x", "full")
        await test_store.add(tx, running)
    with pytest.raises(Conflict, match="no verdict"):
        await world.app.northbound.reviews.replay(ACTOR, "t-run")
    with pytest.raises(NotFound, match="no line test"):
        await world.app.northbound.reviews.explain(ACTOR, "t-none")


async def test_two_people_and_a_silent_time_come_before_a_decision(app_on_both: App) -> None:
    packs = packs_of(app_on_both, shadow_days=7, shadow_tests=500)
    standing = await packs.propose(ACTOR, SHY, {}, note="try")
    digest = standing.pack.hash
    assert [lack.split(":")[0] for lack in standing.lacks] == ["approvals", "shadow"]
    await packs.approve(ACTOR, digest)
    with pytest.raises(Conflict, match="another person"):
        await packs.approve(ACTOR, digest)
    with pytest.raises(Conflict, match="1 more of 2 people"):
        await packs.activate(ACTOR, digest, reason="now", without_shadow="urgent")
    await packs.approve(SECOND, digest)
    await packs.start_shadow(ACTOR, digest)
    with pytest.raises(Conflict, match="judge silently for 7 days, with a test at least, or 500 tests"):
        await packs.activate(ACTOR, digest, reason="now")
    standing = await packs.activate(ACTOR, digest, reason="now", without_shadow="an outage")
    assert standing.decides_in == ("",)
    assert "without the silent time: an outage" in (await packs.history(ACTOR))[0].reason


async def test_a_silent_time_without_a_test_or_in_another_place_is_none(app: App) -> None:
    now = [utc_now()]
    config = PacksSection(shadow_days=7, shadow_tests=500)
    packs = Packs(app.store, load_tree(), config, clock=lambda: now[0])
    digest = await approved(packs, SHY)
    await packs.start_shadow(ACTOR, digest, scope="olt-none")
    now[0] += timedelta(days=8)
    with pytest.raises(Conflict, match=r"8\.0 days and 0 tests; shadow: it judged silently in olt-none only"):
        await packs.activate(ACTOR, digest, reason="now")
    with pytest.raises(Conflict, match=r"8\.0 days and 0 tests$"):
        await packs.activate(ACTOR, digest, scope="olt-none/0", reason="now")


async def test_two_tokens_of_one_administrator_are_no_two_people(app_on_both: App) -> None:
    packs = packs_of(app_on_both)
    digest = (await packs.propose(ACTOR, SHY, {})).pack.hash
    for name in ("p1", "p2"):
        with pytest.raises(Forbidden, match="secondline login"):
            await packs.approve(Actor(name, "token", frozenset({Scope.WRITE})), digest)
    bob = Actor("bob", "person", frozenset({Scope.WRITE}), person="bob")
    standing = await packs.approve(bob, digest)
    assert [each.actor for each in standing.approvals] == ["bob"]
    with pytest.raises(Conflict, match="1 more of 2 people"):
        await packs.activate(Actor("p1", "token", frozenset({Scope.WRITE})), digest, reason="now")


async def test_a_rollback_goes_back_one_decision_at_a_time(app_on_both: App) -> None:
    packs = packs_of(app_on_both)
    first, second = await approved(packs, SHY), await approved(packs, BOLD)
    await packs.activate(ACTOR, first, reason="first")
    await packs.activate(ACTOR, second, reason="second")
    assert (await packs.rollback(ACTOR, reason="too bold")).hash == first
    assert (await packs.rollback(ACTOR, reason="too shy")).hash is None
    async with app_on_both.store.reading() as tx:
        assert (await packs.deciding(tx, ("olt-1",))).ref == packs.base.ref
    with pytest.raises(Conflict, match="nothing can be rolled back"):
        await packs.rollback(ACTOR, reason="once more")


async def test_the_nearest_scope_decides_and_is_shown_as_a_difference(app: App) -> None:
    packs = packs_of(app)
    digest = await approved(packs, SHY)
    await packs.activate(ACTOR, digest, scope="olt-1/0", reason="the north is shy")
    async with app.store.reading() as tx:
        assert (await packs.deciding(tx, ("olt-1", "olt-1/0", "line:L-1"))).ref.hash == digest
        assert (await packs.deciding(tx, ("olt-2",))).ref == packs.base.ref
    shown = await Reviews(app.store, packs, PacksSection(), clock=utc_now).overrides(ACTOR)
    assert [row["scope"] for row in shown] == ["olt-1/0"]
    assert {"key": "engine.min_posterior", "old": 0.55, "new": 0.999} in shown[0]["keys"]


def open_question() -> tuple[dict[str, str], dict[str, str]]:
    """A pack that leaves a blocked account open, with the case that expects it."""
    files = {"site.toml": HEAD.format(version="1") + '[cause.account_blocked]\nverdict = "INCONCLUSIVE"\n'}
    path = Path(__file__).parents[2] / "fixtures" / "linetest" / "account_blocked.toml"
    case = path.read_text(encoding="utf-8").replace("GUIDE_CUSTOMER", "INCONCLUSIVE")
    return files, {"account_blocked": case}


async def blocked(world: World) -> LineTestRecord:
    await tell(world.app, account__state="blocked")
    tests = world.line_tests()
    record: LineTestRecord = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    return record


async def test_an_activated_pack_judges_the_next_test_and_a_replay_counts_the_change(world: World) -> None:
    before = await blocked(world)
    packs = world.app.northbound.packs
    digest = (await packs.propose(ACTOR, *open_question())).pack.hash
    await packs.start_shadow(ACTOR, digest)
    silent = await blocked(world)
    report = await world.app.northbound.reviews.shadow_report(ACTOR, digest)
    assert (report["judged"], report["differed"]) == (1, 1)
    assert report["differences"][0]["line_test"] == silent.id
    told = await world.app.northbound.reviews.compare(ACTOR, "active", digest, days=1)
    assert told["keys"][0]["key"] == "cause.account_blocked.verdict"
    replay = told["replay"]
    assert (replay["judged"], replay["changed"], replay["skipped"]) == (2, 2, 0)
    assert replay["pairs"] == [{"old": "GUIDE_CUSTOMER", "new": "INCONCLUSIVE", "count": 2}]
    assert (replay["closed"], replay["wrong_old"], replay["wrong_new"], replay["truncated"]) == (0, 0, 0, False)
    assert [row["wrong"] for row in replay["tests"]] == [None, None]
    for each in (ACTOR, SECOND):
        await packs.approve(each, digest)
    await packs.activate(ACTOR, digest, reason="try it", without_shadow="a test")
    after = await blocked(world)
    assert (before.verdict["verdict"], after.verdict["verdict"]) == ("GUIDE_CUSTOMER", "INCONCLUSIVE")  # type: ignore[index,call-overload]
    assert after.verdict["pack"] == {"id": "north", "version": "1", "hash": digest}  # type: ignore[index,call-overload]


async def test_a_pack_that_says_nothing_is_not_cheap_where_the_truth_is_known(world: World) -> None:
    test = await blocked(world)
    closure = Closure("T-1", "c", "account_blocked", utc_now(), "crm", line="L-1", line_test=test.id)
    async with world.app.store.transaction() as tx:
        await after_fix.put_closure(tx, closure)
    digest = (await world.app.northbound.packs.propose(ACTOR, *open_question())).pack.hash
    told = await world.app.northbound.reviews.compare(ACTOR, "active", digest, days=1)
    replay = told["replay"]
    look = world.app.northbound.packs.base.file.engine.cost_look
    assert (replay["closed"], replay["wrong_old"], replay["wrong_new"]) == (1, 0, look)
    assert replay["tests"][0]["wrong"] == look


async def test_a_pack_with_faults_or_a_failed_case_is_refused(app: App, tmp_path: Path) -> None:
    packs = packs_of(app)
    wrong = {"site.toml": HEAD.format(version="3") + "[engine]\nmin_posterior = 3\n"}
    with pytest.raises(InvalidInput, match=r"engine\.min_posterior"):
        await packs.propose(ACTOR, wrong, {})
    case = (Path(__file__).parents[2] / "fixtures" / "linetest" / "mgmt_plane_only.toml").read_text(encoding="utf-8")
    with pytest.raises(InvalidInput, match="case mgmt_plane_only: verdict is INCONCLUSIVE"):
        await packs.propose(ACTOR, SHY, {"mgmt_plane_only": case})
    for wrong_figure in ("[engine]\ndue_h = 1e9\n", '[facts."ont.rx_dbm"]\nmax_age_s = 1e12\n'):
        with pytest.raises(InvalidInput, match="less than or equal to"):
            await packs.propose(
                ACTOR, {"site.toml": HEAD.format(version="4") + wrong_figure}, {"mgmt_plane_only": case}
            )
    with pytest.raises(NotFound, match="no pack"):
        await packs.approve(ACTOR, "0" * 16)


async def test_the_packaged_pack_is_listed_and_lacks_nothing(app: App) -> None:
    packs = packs_of(app)
    (only,) = await packs.find(ACTOR)
    assert (only.pack.hash, only.decides_in, only.lacks) == (packs.base.ref.hash, ("",), ())
    assert (await packs.get(ACTOR, "packaged")).pack.tree == load_tree()
