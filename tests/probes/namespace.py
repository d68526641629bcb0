"""Python code in a network namespace of its own, for tests that need links and routes nobody else has."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

_PRELUDE = """
import asyncio, json, subprocess

def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)

ip("link", "set", "lo", "up")
ip("link", "add", "here", "type", "veth", "peer", "name", "there")
ip("addr", "add", "10.99.0.1/24", "dev", "here")
ip("link", "set", "here", "up")
ip("link", "set", "there", "up")
"""

_BEHIND_RELAY = """
import atexit, sys

FAR, FAR_6 = "10.98.1.1", "fd98:1::1"
relay = subprocess.Popen(
    [sys.executable, "-m", "tests.probes.relay"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
)
atexit.register(relay.kill)

def faults(**what):
    print(json.dumps(what), file=relay.stdin, flush=True)
    assert relay.stdout.readline().strip() == "ready", "no relay"
"""


def run_behind_relay(code: str) -> Any:
    """As `run_in_namespace`, with a link to FAR and FAR_6 that has the faults of the last `faults(…)`, see relay.py."""
    if not Path("/dev/net/tun").exists():
        pytest.skip("until the kernel has TUN")
    return run_in_namespace(_BEHIND_RELAY + code)


def run_in_namespace(code: str) -> Any:
    """Run code that prints one JSON document; it finds a veth pair `here` (10.99.0.1/24) and `there`."""
    if os.geteuid() != 0 or shutil.which("ip") is None or shutil.which("unshare") is None:
        pytest.skip("until it runs as root with ip and unshare: network namespaces need them")
    if subprocess.run(["unshare", "--net", "true"], capture_output=True).returncode != 0:
        pytest.skip("until the kernel allows network namespaces")
    command = ["unshare", "--net", sys.executable, "-c", _PRELUDE + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[2])
    if "RTNETLINK" in done.stderr or "Error: Unknown device type" in done.stderr:
        pytest.skip(f"until the kernel has veth: {done.stderr.strip()[:200]}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
