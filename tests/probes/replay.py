"""snmpsim as a replaying agent: recordings and fixtures served by somebody else's code, SET included (writecache)."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from cli.ports import free_port
from probes.snmp.client import SnmpTarget
from tests.absent import absent

_START = "import sys; from snmpsim.commands.responder import main; sys.exit(main())"


@dataclass(frozen=True)
class Replay:
    """A running snmpsim: the name of a file in `folder`, without `.snmprec`, is the community that reads it."""

    folder: Path
    port: int

    def target(self, community: str) -> SnmpTarget:
        return SnmpTarget("127.0.0.1", self.port, community=community, timeout_s=3.0, retries=2)


def start(folder: Path) -> tuple[Replay, "subprocess.Popen[bytes]"]:
    """A responder of the files in `folder`/data. As root it becomes nobody, so Debian's own Python runs it."""
    if find_spec("snmpsim") is None:
        absent("snmpsim is not installed here: pip install -e '.[dev]'")
    port = free_port()
    for path in (folder, folder / "data", folder / "cache"):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    python, command = sys.executable, ["--data-dir", str(folder / "data"), "--cache-dir", str(folder / "cache")]
    if os.geteuid() == 0:
        python = shutil.which("python3", path="/usr/bin") or pytest.skip("no Python that nobody can read")
        command += ["--process-user", "nobody", "--process-group", "nogroup"]
    packages = Path(str(find_spec("snmpsim").origin)).parents[1]  # type: ignore[union-attr]  # looked for above
    log = (folder / "log").open("wb")
    process = subprocess.Popen(
        [python, "-c", _START, *command, "--agent-udpv4-endpoint", f"127.0.0.1:{port}", "--log-level", "error"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(packages), "HOME": str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=log,
    )
    log.close()
    for _ in range(1200):
        if f":{port:04X} " in Path("/proc/net/udp").read_text():
            return Replay(folder / "data", port), process
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    pytest.fail("snmpsim did not start: " + (folder / "log").read_text(errors="replace")[-800:])
