"""How long from the API call to the RPC at the CPE: idle, and while background sessions come.

    python -m bench.reboot --generator cwmp_load.py [--rate 500] [--count 60] [--store sqlite] [--json FILE]

The independent generator plays both parts: CPEs with a digest door that are rebooted through the API one after the
other, and at the same time sessions of other known devices at a steady rate. The path is API → operation on disk →
connection request (two GETs) → Inform → empty POST → Reboot; p50 and p90 are the generator's own.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench import processes
from cli.ports import free_port

#: devices of the background; each informs several times a second
BACKGROUND = 300
#: devices that are rebooted in turn
REBOOTED = 20
_API = """
[connection_requests]
allowed_networks = ["127.0.0.0/8"]
per_device_per_minute = 1000
"""

Report = dict[str, Any]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    options = _parse(arguments)
    report = run(options)
    print(json.dumps(report, indent=1))
    processes.keep(report, options.json)
    return 0


def run(options: argparse.Namespace) -> Report:
    """Start a server, let every device come once, and measure twice."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-reboot-")))
        url, _ = processes.store(stack, folder, options.store)
        port = free_port()
        config = processes.write_config(folder, url, digest=False, port=port)
        config.write_text(config.read_text() + _API)
        api, token = processes.api_of(config)
        with processes.server(config, port, None) as server:
            watch = ["--watch", f"acs={server.process.pid}"]
            base = [sys.executable, options.generator, "--url", f"http://127.0.0.1:{port}/"]
            background = [*base, "--product-class", "BACK", "--devices", str(BACKGROUND)]
            _generate(folder, [*background, "--sessions", str(3 * BACKGROUND), "--concurrency", "4"])
            trigger = [
                *base, "--product-class", "REBOOT", "--devices", str(REBOOTED), "--cr-port", str(free_port()),
                "--cr-auth", "digest", "--trigger-count", str(options.count), *watch,
                "--trigger-url", f"http://127.0.0.1:{api}/api/v1/devices/{{id}}/operations",
                "--trigger-body", '{"kind": "reboot"}', "--trigger-header", f"Authorization: Bearer {token}",
                "--device-id", "{oui}-{pc}-{serial}",
            ]  # fmt: skip
            _generate(folder, trigger)  # first contacts and first readings are over after this
            report: Report = {"store": options.store, "idle": _latencies(_generate(folder, trigger))}
            load = [*background, "--rate", str(options.rate), "--concurrency", "400", "--duration", "3600", *watch]
            running = subprocess.Popen([*load, "--json", str(folder / "load.json")], stdout=subprocess.DEVNULL)
            try:
                report[f"under_{options.rate}_sessions_per_s"] = _latencies(_generate(folder, trigger))
            finally:
                running.terminate()
                running.wait()
        return report


def _generate(folder: Path, command: list[str]) -> Report:
    file = folder / "result.json"
    done = subprocess.run([*command, "--json", str(file)], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the generator failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    found: Report = json.loads(file.read_text())
    return found


def _latencies(found: Report) -> Report:
    times = ("to_connection_request", "to_reboot_rpc", "to_api_reply")
    trigger: Report = found["trigger"]
    return {"codes": trigger["codes"], **{name: trigger[name] for name in times}, "machine": found.get("machine")}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", required=True, help="cwmp_load.py, or another with its options")
    parser.add_argument("--rate", type=int, default=500, help="background sessions per second")
    parser.add_argument("--count", type=int, default=60, help="reboots per measurement")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--json", default="", help="write the report here too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
