"""What an echo costs: CPU per echo of our sweep, with times and loss, against fping -i0 in the same run.

    python -m bench.ping [--addresses 10000] [--count 3] [--rounds 3]

Only the loopback is asked. The kernel answers the echoes within the sender's system time, for both alike.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import uvloop

from probes.ping import ping_many


@dataclass(frozen=True)
class Measured:
    """One sweep: µs of CPU per echo, ms of each round trip, and loss in %."""

    cost_us: float
    user_us: float
    rtts_ms: list[float]
    loss_pct: float


def ours(addresses: list[str], count: int) -> list[float | None]:
    results = uvloop.run(ping_many(addresses, count=count, interval_s=0.01))
    return [rtt for result in results.values() for rtt in result.rtts_ms]


def theirs(addresses: list[str], count: int) -> list[float | None]:
    command = ["fping", "-q", "-i0", "-p10", "-t1000", f"-C{count}"]
    done = subprocess.run(command, input="\n".join(addresses), capture_output=True, text=True, check=False)
    lines = [line.partition(" : ")[2].split() for line in done.stderr.splitlines() if " : " in line]
    return [None if word == "-" else float(word) for words in lines for word in words]


def measured(
    work: Callable[[list[str], int], list[float | None]], addresses: list[str], count: int, who: int
) -> Measured:
    before = resource.getrusage(who)
    rtts = work(addresses, count)
    after = resource.getrusage(who)
    echoes = len(addresses) * count
    user = after.ru_utime - before.ru_utime
    got = [rtt for rtt in rtts if rtt is not None]
    return Measured(
        (user + after.ru_stime - before.ru_stime) / echoes * 1e6,
        user / echoes * 1e6,
        got,
        100 * (1 - len(got) / echoes),
    )


def shown(name: str, runs: list[Measured]) -> str:
    rtts = sorted(rtt for run in runs for rtt in run.rtts_ms)
    cost, user = (
        statistics.median(values) for values in zip(*((run.cost_us, run.user_us) for run in runs), strict=True)
    )
    loss = statistics.median(run.loss_pct for run in runs)
    return (
        f"{name:8} {cost:6.1f} µs CPU per echo (user {user:.1f}), p50 {statistics.median(rtts):.3f} ms, "
        f"p99 {rtts[len(rtts) * 99 // 100]:.3f} ms, loss {loss:.2f} %"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="What an echo costs.")
    parser.add_argument("--addresses", type=int, default=10_000)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    addresses = [f"127.0.{host // 250}.{host % 250 + 1}" for host in range(arguments.addresses)]
    mine, others = [], []
    for _ in range(arguments.rounds):
        mine.append(measured(ours, addresses, arguments.count, resource.RUSAGE_SELF))
        if shutil.which("fping") is not None:
            others.append(measured(theirs, addresses, arguments.count, resource.RUSAGE_CHILDREN))
    print(shown("ours", mine))
    if not others:
        print("fping is not installed (apt-get install fping): no comparison")
        return
    print(shown("fping", others))
    ratio = statistics.median(one.cost_us / other.cost_us for one, other in zip(mine, others, strict=True))
    print(f"ours / fping {ratio:.2f}   (target: at most 2.5)")


if __name__ == "__main__":
    main()
