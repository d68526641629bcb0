"""An identity provider of its kind, in a process of its own on a port of 127.0.0.1: oidc-provider-mock."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from cli.ports import free_port

#: seconds until it must answer, on a busy machine
_START_S = 60.0


@contextmanager
def running_provider() -> Iterator[str]:
    """The provider's address, for the length of a block; its start takes seconds."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address, until = f"http://127.0.0.1:{port}", time.monotonic() + _START_S
    try:
        while not _answers(address):
            assert time.monotonic() < until and process.poll() is None, "the provider does not start"
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/.well-known/openid-configuration", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
