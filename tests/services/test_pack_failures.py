"""Packs that break on the facts of a line: the live verdict stands, and a ticket is never without an answer."""

from dataclasses import replace
from typing import Any

import pytest

from acs.store import packs as pack_store
from acs.store.packs import PackActivation, PackShadow
from acs.store.records import LineTestRecord, LineTestState
from probes.linetest import explanation
from probes.linetest.engine import judge
from probes.linetest.model import Verdict
from probes.linetest.pack import Pack
from probes.linetest.pack_files import tree_hash, whole_tree
from tests.services.test_line_tests import ACTOR, World, finished, tell, utc_now, world
from tests.services.test_packs import HEAD, SHY

__all__ = ["world"]


@pytest.fixture(autouse=True)
def breaks_on_north(monkeypatch: pytest.MonkeyPatch) -> None:
    """Packs of this id raise, whatever they judge."""

    def broken(*given: Any, pack: Pack, **more: Any) -> Verdict:
        if pack.ref.id == "north":
            raise KeyError("sib.n")
        return judge(*given, pack=pack, **more)

    monkeypatch.setattr(explanation, "judge", broken)


async def stored(world: World, files: dict[str, str] = SHY) -> str:
    """A pack in the store as an older release took it."""
    packs, tree = world.app.northbound.packs, whole_tree(files)
    record = replace(packs._record(tree, "me", "", None, None), hash=tree_hash(tree))
    async with world.app.store.transaction() as tx:
        await pack_store.put(tx, record)
    return record.hash


async def decides(world: World, digest: str) -> None:
    async with world.app.store.transaction() as tx:
        await pack_store.activate(tx, PackActivation("a1", "", digest, "activate", utc_now(), "me", "try"))


async def tested(world: World) -> LineTestRecord:
    await tell(world.app, account__state="blocked")
    tests = world.line_tests()
    record: LineTestRecord = await finished(tests, (await tests.start(ACTOR, "L-1", ticket="T")).id)
    return record


async def test_a_silent_pack_that_breaks_costs_no_verdict_and_is_told(world: World) -> None:
    digest = await stored(world)
    async with world.app.store.transaction() as tx:
        await pack_store.start_shadow(tx, PackShadow(digest, "", utc_now(), None, "me"))
    record = await tested(world)
    assert record.state is LineTestState.DONE
    assert isinstance(record.verdict, dict)
    assert (record.verdict["verdict"], "pack_failed" in str(record.verdict)) == ("GUIDE_CUSTOMER", False)
    report = await world.app.northbound.reviews.shadow_report(ACTOR, digest)
    (row,) = report["differences"]
    assert (row["said"]["verdict"], row["said"]["problem"]) == (None, "KeyError: 'sib.n'")
    assert (report["judged"], report["failed"]) == (0, 1)


async def test_where_the_deciding_pack_breaks_the_servers_own_judges_and_a_person_looks(world: World) -> None:
    digest = await stored(world)
    await decides(world, digest)
    record = await tested(world)
    assert (record.state, isinstance(record.verdict, dict)) == (LineTestState.DONE, True)
    verdict: Any = record.verdict
    assert verdict["pack"]["hash"] == world.app.northbound.packs.base.ref.hash
    assert (verdict["needs_human"], verdict["human_reasons"][-1]) == (True, "pack_failed")
    assert verdict["trace"][-1] == f"pack north 1 ({digest}) could not judge: KeyError: 'sib.n'"
    told = await world.app.northbound.reviews.replay(ACTOR, record.id)
    assert (told["same"], told["differing"]) == (True, [])


async def test_a_stored_pack_that_this_release_refuses_does_not_end_the_tests_of_its_lines(world: World) -> None:
    digest = await stored(world, {"site.toml": HEAD.format(version="1") + "[engine]\nmin_posterior = 3\n"})
    await decides(world, digest)
    verdict: Any = (await tested(world)).verdict
    assert (verdict["needs_human"], verdict["human_reasons"][-1]) == (True, "pack_failed")
    assert verdict["trace"][-1].startswith(f"pack {digest} is not taken by this release")
