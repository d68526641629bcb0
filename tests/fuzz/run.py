"""Coverage-guided fuzzing of everything that reads bytes of strangers: `python -m tests.fuzz.run --seconds 600`.

The first byte of an input chooses the target, so that one run covers all of them. Ends with status 0 and one line of
figures; a crash, a wrong answer, an input that takes longer than a second, or memory that grows ends it otherwise, and
the input is written to the folder that is named.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["acs.cwmp", "acs.server"]):
    import acs.cwmp.auth
    import acs.cwmp.lightweight
    import acs.cwmp.stun_server
    import acs.cwmp.udp_request  # noqa: F401 - imported here so that they are instrumented
    from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
CASES = Path(__file__).parents[2] / "fixtures" / "cpe"
#: Seconds that no input may take.
SLOW_S = 1.0
#: Bytes by which the process may grow after its first inputs.
GROWTH = 64 * 1024 * 1024
#: Inputs after which everything that is built once is built.
WARM = 5_000
NAMES = tuple(TARGETS)


class Watch:
    """Runs inputs, and knows the slowest one and how much memory there was."""

    def __init__(self) -> None:
        self.runs = 0
        self.slowest_s = 0.0
        self.warm_bytes = 0

    def one(self, data: bytes) -> None:
        """Run one input."""
        if not data:
            return
        began = time.thread_time()
        TARGETS[NAMES[data[0] % len(NAMES)]](data[1:])
        took = time.thread_time() - began
        self.slowest_s = max(self.slowest_s, took)
        if took > SLOW_S:
            raise RuntimeError(f"an input of {len(data)} bytes took {took:.2f} s")
        self.runs += 1
        if self.runs == WARM:
            self.warm_bytes = _resident()

    def figures(self) -> str:
        """One line: how much ran, the slowest input, the growth of memory."""
        grown = (_resident() - self.warm_bytes) / 1e6 if self.warm_bytes else 0.0
        return f"runs={self.runs} slowest_ms={self.slowest_s * 1000:.1f} grown_mb={grown:.1f}"

    def grew(self) -> bool:
        """Whether memory grew beyond what is borne."""
        return bool(self.warm_bytes) and _resident() - self.warm_bytes > GROWTH


def _resident() -> int:
    """Bytes of memory that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def seeds() -> list[bytes]:
    """The corpus: own seeds, and the messages of odd devices."""
    found = []
    for number, name in enumerate(NAMES):
        found += [bytes([number]) + path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]
    for path in sorted(CASES.rglob("*.http")):
        head, _, body = path.read_bytes().partition(b"\n\n")
        head = head.replace(b"auto", str(len(body)).encode()).replace(b"\n", b"\r\n")
        found.append(bytes([NAMES.index("codec")]) + body)
        found.append(bytes([NAMES.index("http"), 8]) + head + b"\r\n\r\n" + body)
    return found


def main() -> None:
    """Fuzz for the seconds given."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("--findings", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--replay", type=Path, help="run this one input and end")
    chosen = parser.parse_args()
    watch = Watch()
    if chosen.replay:
        watch.one(chosen.replay.read_bytes())
        return
    with tempfile.TemporaryDirectory() as folder:
        for number, seed in enumerate(seeds()):
            (Path(folder) / f"seed-{number}").write_bytes(seed)
        until = time.monotonic() + chosen.seconds

        def one(data: bytes) -> None:
            watch.one(data)
            if time.monotonic() > until:
                _end(watch)

        options = ["-max_len=20000", f"-max_total_time={chosen.seconds + 60}", "-timeout=10", "-rss_limit_mb=2048"]
        options += [f"-artifact_prefix={chosen.findings}/fuzz-", "-print_final_stats=0", "-verbosity=0"]
        atheris.Setup([sys.argv[0], *options, *([f"-seed={chosen.seed}"] if chosen.seed else []), folder], one)
        atheris.Fuzz()


def _end(watch: Watch) -> None:
    """Print the figures and end; libFuzzer would end otherwise than by status."""
    print(watch.figures(), flush=True)
    import os  # noqa: PLC0415 - only to leave libFuzzer's loop

    os._exit(3 if watch.grew() else 0)


if __name__ == "__main__":
    main()
