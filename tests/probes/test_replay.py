"""Recordings and our own captures as a foreign agent, snmpsim, serves them; and cable tests, which write to it."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from probes.access import AccessReader, NodeTarget, OntPlace, PortPlace
from probes.access.cable import Allowed, cable_test
from probes.errors import ProbeRefused, ProfileError
from probes.facts import Quality
from probes.gentle import Gentle
from probes.profiles.schema import load_switches
from probes.snmp.client import WriteAccess
from tests.probes.replay import Replay, start
from tests.shared_data import shared

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures"
PRIVATE = Allowed(test=True)


def switch_lines(start_oid: str, rows: dict[str, tuple[str, str]], oper: int = 2) -> str:
    """A switch with port 5 in snmpsim's form: what is written to `start_oid` is kept."""
    cells = {
        "1.3.6.1.2.1.2.2.1.8.5": ("2", str(oper)),
        **rows,
        start_oid: ("2:writecache", "value=0"),
    }
    ordered = sorted(cells.items(), key=lambda cell: [int(part) for part in cell[0].split(".")])
    return "".join(f"{oid}|{tag}|{value}\n" for oid, (tag, value) in ordered)


def columns(root: str, first: int, codes: list[int]) -> dict[str, tuple[str, str]]:
    return {f"{root}.{first + n}.5": ("2", str(code)) for n, code in enumerate(codes)}


OLD = "1.3.6.1.4.1.171.12.58.1.1.1"
NEW = "1.3.6.1.4.1.171.14.58.1"
SNR = "1.3.6.1.4.1.40418.7.100.3.2.1"
MES = "1.3.6.1.4.1.89.90.1"
MES24 = "1.3.6.1.4.1.35265.52.1.2.1"
ZYXEL = "1.3.6.1.4.1.890.1.15.3.112"
SMARTS = "1.3.6.1.4.1.2011.5.25.31.1.1.7.1"
ECS = "1.3.6.1.4.1.259.10.1.45.1.2.3"
#: of a port with two pairs, whose test is over
DONE = {f"{OLD}.2.5": ("2", "0"), f"{OLD}.13.5": ("2", "3")}
#: one truth, pair 1 open at 37 m and pair 2 whole, as each family says it: profile → start OID, rows
ENCODINGS: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "dlink-des": (
        f"{OLD}.12.5",
        columns(OLD, 4, [1, 0, 7, 7]) | columns(OLD, 8, [37, 41, 0, 0]) | DONE,
    ),
    "dlink-des3200-c1": (
        f"{OLD}.12.5",
        columns(OLD, 4, [7, 1, 0, 7]) | columns(OLD, 8, [0, 37, 41, 0]) | DONE,
    ),
    "dlink-dgs1510": (
        f"{NEW}.1.1.1.5",
        columns(f"{NEW}.2.1", 1, [2, 1]) | columns(f"{NEW}.2.1", 5, [37, -1]) | {f"{NEW}.2.1.9.5": ("2", "2")},
    ),
    "snr": (
        f"{SNR}.18.5",
        {f"{SNR}.19.5": ("4x", b"(1, 2)\t\topen\t\t37\n(3, 6)\t\twell\t\t41\n".hex())},
    ),
    "zyxel": (
        f"{ZYXEL}.1.1.1.1.5",
        columns(f"{ZYXEL}.2.2.1", 1, [2, 1])
        | columns(f"{ZYXEL}.2.2.1", 5, [-1, 4100])
        | columns(f"{ZYXEL}.2.2.1", 9, [3700, -1])
        | {f"{ZYXEL}.2.1.1.1.5": ("2", "1")},
    ),
    "edgecore-ecs4120": (
        f"{ECS}.1.0",
        columns(f"{ECS}.2.1", 2, [3, 2, 1, 1]) | columns(f"{ECS}.2.1", 6, [37, 41, 0, 0]),
    ),
    "eltex-mes24xx": (
        f"{MES24}.1.1.1.5",
        {f"{MES24}.2.1.3.5.{kind}": ("2", "1" if kind == 5 else "0") for kind in (1, 2, 5, 6, 9, 10)}
        | {f"{MES24}.2.1.3.5.17": ("2", "37"), f"{MES24}.2.1.3.5.18": ("2", "41")},
    ),
    "eltex-mes": (
        f"{MES}.1.1.1.5",
        {
            f"{MES}.2.1.2.5.2": ("2", "2"),
            f"{MES}.2.1.3.5.2": ("2", "4"),
            f"{MES}.2.1.3.5.3": ("2", "37"),
            f"{MES}.2.1.3.5.4": ("2", "41"),
        },
    ),
}


@pytest.fixture(scope="module")
def replay() -> Iterator[Replay]:
    folder = Path(tempfile.mkdtemp(prefix="replay-"))
    data = folder / "data"
    data.mkdir()
    for name in ("olt-zte-c320", "olt-bdcom-gp3600", "sw-dlink-des3528"):
        shutil.copyfile(shared(f"data/snmprec/{name}.snmprec"), data / f"{name}.snmprec")
    for case in ("eltex-ltp", "bdcom-epon"):
        shutil.copyfile(FIXTURES / "olt" / case / "online" / "capture.snmprec", data / f"{case}.snmprec")
    for profile, (begin, rows) in ENCODINGS.items():
        (data / f"{profile}.snmprec").write_text(switch_lines(begin, rows))
    (data / "linked.snmprec").write_text(switch_lines(*ENCODINGS["dlink-des"], oper=1))
    strange = ENCODINGS["dlink-des"][1] | {f"{OLD}.4.5": ("2", "8")}
    (data / "strange.snmprec").write_text(switch_lines(f"{OLD}.12.5", strange))
    failed = ENCODINGS["dlink-des"][1] | {f"{OLD}.13.5": ("2", "4")}
    (data / "failed.snmprec").write_text(switch_lines(f"{OLD}.12.5", failed))
    running, process = start(folder)
    yield running
    # snmpsim keeps a SIGTERM for its next request
    process.kill()
    process.wait(60)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def writer() -> AsyncIterator[AccessReader]:
    """A reader that may write; what it holds ends with the test."""
    reader = AccessReader(gentle=Gentle(may_write=True))
    yield reader
    await reader.close()


def node(replay: Replay, community: str, profile: str | None = None) -> NodeTarget:
    return NodeTarget(community, replay.target(community), profile)


async def test_a_foreign_agent_gives_what_our_own_gives(replay: Replay) -> None:
    reader = AccessReader()
    zte = node(replay, "olt-zte-c320")
    facts = await reader.read_ont(zte, await reader.profile_of(zte), OntPlace(1, 1, 1, 2), NOW)
    assert {fact.name: fact.value for fact in facts} == {"olt.reachable": True, "ont.distance_m": 1473.0}
    bdcom = node(replay, "olt-bdcom-gp3600")
    port = await reader.read_port(bdcom, await reader.profile_of(bdcom), OntPlace(0, 0, 2), NOW)
    assert [one.run_state for one in port.onts].count("online") == 43
    assert len(port.onts) == 51 and port.complete


@pytest.mark.parametrize(("case", "place"), [("eltex-ltp", OntPlace(0, 1, 4, 3)), ("bdcom-epon", OntPlace(0, 0, 1, 3))])
async def test_our_own_captures_are_read_by_a_foreign_agent_too(replay: Replay, case: str, place: OntPlace) -> None:
    reader, target = AccessReader(), node(replay, case)
    profile = await reader.profile_of(target)
    assert profile.id == case
    facts = {fact.name: fact.value for fact in await reader.read_ont(target, profile, place, NOW)}
    assert (facts["ont.run_state"], facts["ont.rx_dbm"], facts["ont.olt_rx_dbm"]) == ("online", -19.5, -21.5)


@pytest.mark.parametrize("profile", ENCODINGS)
async def test_one_broken_pair_is_the_same_facts_in_every_encoding(
    replay: Replay, profile: str, writer: AccessReader
) -> None:
    rule = load_switches()[profile]
    assert rule.cable_test is not None
    changes: dict[str, object] = {"wait_s": 0.05}
    if rule.cable_test.poll is not None and rule.cable_test.poll.oid == rule.cable_test.start.oid:
        # the replaying agent keeps what is written; a switch sets it back when the test is over
        changes["poll"] = None
    quick = rule.model_copy(update={"cable_test": rule.cable_test.model_copy(update=changes)})
    found = await cable_test(
        writer, node(replay, profile), quick, PortPlace(5), WriteAccess(profile), NOW, allowed=PRIVATE
    )
    facts = {fact.name: fact.value for fact in found if fact.value is not None}
    assert (facts["tdr.result"], facts["tdr.length_m"]) == ("open", 37.0)
    if not rule.cable_test.whole:
        assert facts["tdr.pair1_result"] == "open" and facts["tdr.pair1_length_m"] == 37.0
        assert facts["tdr.pair2_result"] == "ok"
    else:
        assert "tdr.pair1_result" not in facts


async def test_a_cable_test_needs_leave_and_a_live_link_needs_more(replay: Replay, writer: AccessReader) -> None:
    profile, place = load_switches()["dlink-des"], PortPlace(5)
    linked, write = node(replay, "linked"), WriteAccess("linked")
    with pytest.raises(ProbeRefused, match="intrusive; allow it"):
        await cable_test(writer, linked, profile, place, write, NOW, allowed=Allowed())
    with pytest.raises(ProbeRefused, match="has a link, which the test would drop"):
        await cable_test(writer, linked, profile, place, write, NOW, allowed=PRIVATE)
    both = Allowed(test=True, link_drop=True)
    facts = await cable_test(writer, linked, profile, place, write, NOW, allowed=both)
    assert any(fact.name == "tdr.result" and fact.value == "open" for fact in facts)
    with pytest.raises(ProbeRefused, match="SET is switched off"):
        await cable_test(AccessReader(), linked, profile, place, write, NOW, allowed=both)
    with pytest.raises(ProfileError, match="no standard table has cable diagnostics"):
        await cable_test(writer, linked, load_switches()["generic"], place, write, NOW, allowed=both)


async def test_a_pair_that_no_table_knows_makes_the_whole_unreadable_unless_another_is_broken(
    replay: Replay, writer: AccessReader
) -> None:
    found = await cable_test(
        writer,
        node(replay, "strange"),
        load_switches()["dlink-des"],
        PortPlace(5),
        WriteAccess("strange"),
        NOW,
        allowed=PRIVATE,
    )
    result = next(fact for fact in found if fact.name == "tdr.result")
    assert (result.value, result.quality, result.raw) == (None, Quality.UNREADABLE, "8")


async def test_a_test_that_the_switch_calls_failed_is_an_error(replay: Replay, writer: AccessReader) -> None:
    profile = load_switches()["dlink-des"]
    with pytest.raises(ProbeRefused, match="the cable test failed, state 4"):
        await cable_test(
            writer, node(replay, "failed"), profile, PortPlace(5), WriteAccess("failed"), NOW, allowed=PRIVATE
        )
