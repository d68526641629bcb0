"""The API against its own description: schemathesis calls every operation of a real server with all sorts of input.

    python -m tests.api.contract --seconds 600        the long run; ends with 1 where an answer was not as described

The rule of this file: no answer is a 5xx, and none is one that the OpenAPI document does not describe.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from cli.own_server import OwnServer

METHODS = frozenset({"get", "put", "post", "patch", "delete"})
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
#: these go on for as long as the caller listens
ENDLESS = r"/(stream|events)$"
_RATES = "rate_per_s = 50000.0\nrate_burst = 100000\n"
_LINE = {"technology": "pon", "address": "Lenina 5", "node": "olt-1", "slot": 1, "port": 1, "ont": 1}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found; `told` is schemathesis' own report."""

    status: int
    told: str


def prepared(folder: Path) -> OwnServer:
    """A server with a line, a node and a group, whose rate limits let a fuzzer work."""
    server = OwnServer(folder)
    server.prepare()
    text = server.config_file.read_text(encoding="utf-8")
    assert "[api]\n" in text
    server.config_file.write_text(text.replace("[api]\n", f"[api]\n{_RATES}"), encoding="utf-8")
    server.start()
    with _client(server) as client:
        for path, body in {
            "/lines/0": _LINE,
            "/access-nodes/olt-1": {"address": "127.0.0.1"},
            "/groups/weak": {"query": "rx<-25"},
        }.items():
            client.put(path, json=body).raise_for_status()
    return server


def fuzz(server: OwnServer, folder: Path, *, seconds: float | None, examples: int, seed: int | None) -> Outcome:
    """Let schemathesis call every operation; with `seconds`, it goes on until they are over."""
    token = server.token_file.read_text(encoding="utf-8").strip()
    document = folder / "openapi.json"
    with _client(server) as client:
        document.write_bytes(client.get("/openapi.json").content)
    command = [str(Path(sys.executable).parent / "st"), "run", str(document), "--url", server.url]
    command += ["--header", f"Authorization: Bearer {token}", "--checks", ",".join(CHECKS)]
    command += ["--exclude-path-regex", ENDLESS, "--continue-on-failure", "--no-color", "--warnings", "off"]
    command += ["--request-timeout", "40", "--suppress-health-check", "all", "--no-shrink", "--report", "ndjson"]
    command += ["--report-ndjson-path", str(folder / "calls.ndjson")]
    command += ["--max-examples", str(examples), "--generation-database", "none"]
    command += ["--phases", "coverage,fuzzing,stateful" if seconds else "fuzzing"]
    command += ["--max-time", str(round(seconds))] if seconds else []
    command += ["--seed", str(seed)] if seed is not None else []
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
    return Outcome(done.returncode, done.stdout + done.stderr)


def calls_in(folder: Path) -> int:
    """How many calls a run made."""
    with (folder / "calls.ndjson").open(encoding="utf-8") as report:
        return sum(line.count('"status_code"') for line in report)


def documented_in(folder: Path) -> int:
    """How many operations the description has that a run calls."""
    paths = json.loads((folder / "openapi.json").read_bytes())["paths"]
    return sum(len(METHODS & operations.keys()) for path, operations in paths.items() if not re.search(ENDLESS, path))


def _client(server: OwnServer) -> httpx.Client:
    token = server.token_file.read_text(encoding="utf-8").strip()
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=f"{server.url}/api/v1", headers=headers, trust_env=False, timeout=30)


def _environment() -> Mapping[str, str]:
    return {**os.environ, "NO_PROXY": "*", "no_proxy": "*", "PYTHONWARNINGS": "ignore"}


def main() -> int:
    """Run for some time and tell what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = prepared(folder)
        try:
            found = fuzz(server, folder, seconds=asked.seconds, examples=10_000, seed=asked.seed)
            print(found.told)
            crashes = [
                line for line in server.log_file.read_text(encoding="utf-8").splitlines() if "api.crashed" in line
            ]
            print(f"calls: {calls_in(folder)}; crashes in the log: {len(crashes)}")
            print("\n".join(crashes[:20]))
        finally:
            server.stop()
    return found.status


if __name__ == "__main__":
    sys.exit(main())
