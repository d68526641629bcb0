"""Pings, traces and MTU searches over links with faults, beside what fping and mtr say of the same links."""

import re
import shutil
from typing import Any

import pytest

from probes import icmp
from probes.errors import ProbeRefused
from tests.absent import absent
from tests.probes.namespace import run_behind_relay

_PINGS = """
from dataclasses import asdict
from probes.ping import ping, ping_many

out = {}

async def fping(*arguments):
    command = ["fping", *arguments, "-t500", FAR]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
    return done.stderr.strip().splitlines()[-1]

async def both(name, count, interval_s, **what):
    faults(**what)
    out[name] = asdict(await ping(FAR, count=count, interval_s=interval_s, timeout_s=0.5))
    faults(**what)
    if WITH_FPING:
        out["fping " + name] = await fping("-q", f"-c{count}", f"-p{round(interval_s * 1000)}")

async def main():
    await both("clean", 10, 0.01)
    await both("lost", 20, 0.01, lose_every=5)
    await both("dice", 60, 0.01, lose_pct=30, seed=7)
    await both("slow", 10, 0.01, delay_ms=40)
    await both("doubles", 9, 0.01, double_every=4)
    await both("disorder", 12, 0.01, late_every=4, late_ms=150)
    faults(lose_every=5, delay_ms=10)
    out["v6"] = asdict(await ping(FAR_6, count=20, interval_s=0.01))
    faults(delay_ms=120)
    out["late"] = asdict(await ping(FAR, count=3, interval_s=0.1, timeout_s=0.1))
    faults(mtu=1400, routers=1)
    out["df"] = asdict(await ping(FAR, count=2, interval_s=0.01, timeout_s=0.2, size=1472, whole=True))
    out["small df"] = asdict(await ping(FAR, count=2, interval_s=0.01, timeout_s=0.2, size=1372, whole=True))
    faults(lose_every=3)
    many = await ping_many([f"10.98.1.{host}" for host in range(1, 13)], count=3, interval_s=0.01, timeout_s=0.3)
    out["many"] = [one.received for one in many.values()]
    print(json.dumps(out))

asyncio.run(main())
"""


@pytest.fixture(scope="module", autouse=True)
def _allowed() -> None:
    """Without the privilege there is nothing to test but the refusal, which test_ping does."""
    try:
        icmp.open_icmp(icmp.FAMILIES[4])[0].close()
    except ProbeRefused as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def pings() -> dict[str, Any]:
    """All pings of this file in one namespace."""
    with_fping = f"WITH_FPING = {shutil.which('fping') is not None}\n"
    found: dict[str, Any] = run_behind_relay(with_fping + _PINGS)
    return found


def test_what_is_lost_is_counted_with_its_bursts(pings: dict[str, Any]) -> None:
    assert (pings["clean"]["sent"], pings["clean"]["received"], pings["clean"]["loss_bursts"]) == (10, 10, [])
    assert (pings["lost"]["sent"], pings["lost"]["received"]) == (20, 16)
    assert pings["lost"]["loss_bursts"] == [1, 1, 1, 1]
    assert [index for index, rtt in enumerate(pings["lost"]["rtts_ms"]) if rtt is None] == [4, 9, 14, 19]
    assert (pings["v6"]["sent"], pings["v6"]["received"]) == (20, 16)
    assert sum(pings["many"]) == 24


def test_delay_is_in_the_times_and_nothing_else_is(pings: dict[str, Any]) -> None:
    slow = pings["slow"]
    assert slow["received"] == 10
    assert 40 <= slow["rtt_min_ms"] <= slow["rtt_p50_ms"] <= slow["rtt_p95_ms"] <= slow["rtt_max_ms"]


def test_an_answer_that_comes_late_is_lost_and_said_to_be_late(pings: dict[str, Any]) -> None:
    late = pings["late"]
    assert (late["received"], late["sent"]) == (0, 3)
    assert late["late"] >= 1


def test_doubles_and_disorder_are_seen(pings: dict[str, Any]) -> None:
    assert (pings["doubles"]["received"], pings["doubles"]["duplicates"]) == (9, 2)
    disorder = pings["disorder"]
    assert (disorder["received"], disorder["duplicates"]) == (12, 0)
    # of the three that are late the last has nobody behind it that could overtake it
    assert disorder["out_of_order"] == 2


def test_a_large_packet_with_df_does_not_come_through(pings: dict[str, Any]) -> None:
    assert (pings["df"]["sent"], pings["df"]["received"]) == (2, 0)
    assert pings["small df"]["received"] == 2


@pytest.mark.parametrize("name", ["clean", "lost", "dice", "slow", "doubles", "disorder"])
def test_fping_says_the_same(pings: dict[str, Any], name: str) -> None:
    if f"fping {name}" not in pings:
        absent("until fping is installed: apt-get install fping")
    theirs, ours = pings[f"fping {name}"], pings[name]
    counts = re.search(r"xmt/rcv/%loss = (\d+)/(\d+)/", theirs)
    assert counts is not None, theirs
    assert (ours["sent"], ours["received"]) == (int(counts[1]), int(counts[2]))
    times = re.search(r"min/avg/max = ([\d.]+)/([\d.]+)/([\d.]+)", theirs)
    assert times is not None, theirs
    # both least times hold the link's own delay; what is above it is this machine's load
    least = {"slow": 40.0}.get(name, 0.0)
    assert min(ours["rtt_min_ms"], float(times[1])) >= least
    assert abs(ours["rtt_min_ms"] - float(times[1])) < 25


_TRACES = """
from dataclasses import asdict
from probes.mtu import search, whole
from probes.trace import trace

out = {}

async def main():
    for protocol in ("icmp", "udp", "tcp"):
        for name, far in (("", FAR), (" 6", FAR_6)):
            faults(routers=3, delay_ms=8, silent_every={"2": 2})
            result = await trace(far, protocol=protocol, rounds=4, interval_s=0.04, timeout_s=0.4)
            out[protocol + name] = asdict(result) | {"hops": [asdict(hop) for hop in result.hops]}
    if WITH_MTR:
        faults(routers=3, delay_ms=8, silent_every={"2": 2})
        command = ["mtr", "-n", "--json", "-c4", "-i0.1", "-G1", FAR]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True)
        out["mtr"] = json.loads(done.stdout)["report"]["hubs"]
    faults(routers=2, lose_every=1)
    nobody = await trace(FAR, rounds=1, interval_s=0.1, timeout_s=0.3)
    out["nobody"] = [nobody.reached, [hop.address for hop in nobody.hops], nobody.problem]
    faults(routers=2, mtu=1400)
    out["mtu"] = asdict(await search(FAR, timeout_s=0.4))
    out["mtu 6"] = asdict(await search(FAR_6, timeout_s=0.4))
    faults(mtu=1432, black_hole=True)
    out["hole"] = asdict(await search(FAR, tries=2, timeout_s=0.1))
    out["whole hole"] = asdict(await whole(FAR, timeout_s=0.15))
    faults(routers=2, mtu=1492)
    out["whole told"] = asdict(await whole(FAR, timeout_s=0.4))
    faults(mtu=9000)
    out["whole"] = asdict(await whole(FAR, timeout_s=0.4))
    out["jumbo"] = asdict(await search(FAR, most=9200, timeout_s=0.4))
    faults(lose_every=1)
    out["silent"] = asdict(await search(FAR, tries=1, timeout_s=0.1))
    out["whole silent"] = asdict(await whole(FAR, tries=1, timeout_s=0.1))
    print(json.dumps(out))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def traces() -> dict[str, Any]:
    """All traces and searches of this file in one namespace."""
    found: dict[str, Any] = run_behind_relay(f"WITH_MTR = {shutil.which('mtr') is not None}\n" + _TRACES)
    return found


@pytest.mark.parametrize("protocol", ["icmp", "udp", "tcp"])
def test_a_trace_names_every_router_and_its_loss(traces: dict[str, Any], protocol: str) -> None:
    found = traces[protocol]
    assert found["reached"] is True
    assert [hop["addresses"] for hop in found["hops"]] == [["10.98.9.1"], ["10.98.9.2"], ["10.98.9.3"], ["10.98.1.1"]]
    assert [(hop["sent"], hop["received"]) for hop in found["hops"]] == [(4, 4), (4, 2), (4, 4), (4, 4)]
    assert found["hops"][3]["best_ms"] >= 8 and found["hops"][2]["best_ms"] >= 6
    six = traces[f"{protocol} 6"]
    assert [hop["addresses"][0] for hop in six["hops"]] == ["fd98:9::1", "fd98:9::2", "fd98:9::3", "fd98:1::1"]
    assert [hop["received"] for hop in six["hops"]] == [4, 2, 4, 4]


def test_mtr_says_the_same(traces: dict[str, Any]) -> None:
    if "mtr" not in traces:
        absent("until mtr is installed: apt-get install mtr-tiny")
    theirs = [(hub["host"], hub["Snt"], hub["Loss%"]) for hub in traces["mtr"]]
    ours = [
        (hop["addresses"][0], hop["sent"], 100.0 * (hop["sent"] - hop["received"]) / hop["sent"])
        for hop in traces["icmp"]["hops"]
    ]
    assert ours == theirs


def test_a_trace_to_nobody_ends_behind_the_last_router(traces: dict[str, Any]) -> None:
    reached, addresses, problem = traces["nobody"]
    assert (reached, addresses) == (False, ["10.98.9.1", "10.98.9.2", ""])
    assert "itself did not answer" in problem


def test_the_path_mtu_is_found_and_who_limits_it(traces: dict[str, Any]) -> None:
    assert (traces["mtu"]["mtu"], traces["mtu"]["told_by"], traces["mtu"]["black_hole"]) == (1400, "10.98.9.2", False)
    assert (traces["mtu 6"]["mtu"], traces["mtu 6"]["told_by"]) == (1400, "fd98:9::2")
    assert traces["mtu"]["sent"] <= 6
    assert traces["jumbo"]["mtu"] == 9000
    assert traces["jumbo"]["own_limit"] == 9000


def test_a_black_hole_is_found_by_search_alone(traces: dict[str, Any]) -> None:
    assert (traces["hole"]["mtu"], traces["hole"]["black_hole"], traces["hole"]["told_by"]) == (1432, True, "")


def test_two_sizes_are_enough_to_tell_silence_from_a_word(traces: dict[str, Any]) -> None:
    whole, told, hole = traces["whole"], traces["whole told"], traces["whole hole"]
    assert (whole["mtu"], whole["black_hole"], whole["sent"]) == (1500, False, 2)
    assert (told["mtu"], told["told_mtu"], told["black_hole"]) == (1428, 1492, False)
    assert (hole["mtu"], hole["told_by"], hole["black_hole"]) == (1428, "", True)
    assert traces["whole silent"]["mtu"] is None


def test_without_any_answer_there_is_no_mtu(traces: dict[str, Any]) -> None:
    assert (traces["silent"]["mtu"], traces["silent"]["black_hole"]) == (None, False)
