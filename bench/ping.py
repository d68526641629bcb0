"""What an echo costs: CPU per echo of our sweep, against fping -i0 in the same run when it is installed.

    python -m bench.ping [--addresses 1000] [--count 3] [--rounds 5]

Only the loopback is asked. The kernel answers the echoes within the sender's system time, for both alike.
"""

import argparse
import resource
import shutil
import statistics
import subprocess
from collections.abc import Callable

import uvloop

from probes.ping import ping_many


def cpu_of(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def cost(work: Callable[[], object], who: int) -> float:
    """CPU seconds of one piece of work."""
    before = cpu_of(who)
    work()
    return cpu_of(who) - before


def ours(addresses: list[str], count: int) -> None:
    results = uvloop.run(ping_many(addresses, count=count, interval_s=0.01))
    assert all(result.received == count for result in results.values())


def theirs(addresses: list[str], count: int) -> None:
    command = ["fping", "-q", "-i0", "-p10", f"-c{count}", *addresses]
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="What an echo costs.")
    parser.add_argument("--addresses", type=int, default=1000)
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    addresses = [f"127.0.{host // 250}.{host % 250 + 1}" for host in range(arguments.addresses)]
    echoes = arguments.addresses * arguments.count
    peer = shutil.which("fping") is not None
    mine, others = [], []
    for _ in range(arguments.rounds):
        mine.append(cost(lambda: ours(addresses, arguments.count), resource.RUSAGE_SELF) / echoes * 1e6)
        if peer:
            others.append(cost(lambda: theirs(addresses, arguments.count), resource.RUSAGE_CHILDREN) / echoes * 1e6)
    print(f"ours     {statistics.median(mine):6.1f} µs CPU per echo")
    if not peer:
        print("fping is not installed (apt-get install fping): no comparison")
        return
    print(f"fping    {statistics.median(others):6.1f} µs CPU per echo")
    ratio = statistics.median(one / other for one, other in zip(mine, others, strict=True))
    print(f"ours / fping {ratio:.2f}   (target: at most 2.5)")


if __name__ == "__main__":
    main()
