"""Processes: a clean stop wherever it is asked for, and a server that does not start."""

import asyncio
import os
import signal
import sys
import tomllib
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from cli.client import connect
from cli.errors import CliError
from cli.own_server import OwnServer
from tests.simulator.fake_acs import FakeAcs


async def spawn(*arguments: str, folder: Path) -> asyncio.subprocess.Process:
    environ = os.environ | {"TMPDIR": str(folder)}
    command = [sys.executable, "-P", "-m", "cli.main", *arguments]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environ, start_new_session=True)


async def test_simulate_runs_cpes_until_ctrl_c(tmp_path: Path) -> None:
    acs = FakeAcs()
    await acs.start()
    password = tmp_path / "password"
    password.write_text("secret\n")
    sizes = ("--ports", "1", "--onts", "4", "--cpes", "2", "--stbs", "0")
    where = ("--no-feed", "--password-file", str(password), "--cwmp-url", acs.url)
    process = await spawn("simulate", *where, *sizes, "--fault", "power-off:L0001", folder=tmp_path)
    try:
        await acs.until(lambda: acs.sessions_ended >= 2, 30)
    finally:
        process.send_signal(signal.SIGINT)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    await acs.stop()
    assert process.returncode == 0, err
    assert b"2 CPEs run on 4 lines" in out
    assert b"Stopped." in err
    assert {inform.device_id.serial_number for inform in acs.informs} == {"48575443A0000001", "48575443A0000002"}


@pytest.mark.parametrize(
    ("stage", "number"), [("folder", signal.SIGINT), ("folder", signal.SIGTERM), ("devices", signal.SIGINT)]
)
async def test_a_demo_that_is_stopped_leaves_nothing_behind(tmp_path: Path, stage: str, number: int) -> None:
    reached = {"folder": _folders, "devices": _devices}[stage]
    process = await spawn("demo", folder=tmp_path)
    async with asyncio.timeout(120):
        while not await asyncio.to_thread(reached, tmp_path):
            assert process.returncode is None, "it ended before"
            await asyncio.sleep(0.05)
    servers = _servers(tmp_path)
    assert servers or stage == "folder"
    process.send_signal(number)
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err
    assert b"Traceback" not in err
    assert not _folders(tmp_path)
    assert not set(servers) & set(_servers(tmp_path))


def _folders(folder: Path) -> list[Path]:
    return list(folder.glob("secondline-demo-*"))


def _devices(folder: Path) -> list[Any]:
    """The devices of the demo's server, once it answers."""
    for home in _folders(folder):
        if (home / "server.log").exists():
            port = tomllib.loads((home / "secondline.toml").read_text("utf-8"))["api"]["port"]
            with suppress(CliError), closing(connect(f"http://127.0.0.1:{port}", home / "token")) as client:
                return list(client.get("/devices"))
    return []


def _servers(folder: Path) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in words and b"serve" in words:
            found.append(int(entry.name))
    return found


def refusal(tmp_path: Path, config: str) -> str:
    """What is said of a server that ends at once with this configuration."""
    server = OwnServer(tmp_path)
    server.prepare()
    server.config_file.write_text(config)
    with pytest.raises(CliError) as error:
        server.start()
    server.stop()
    return error.value.message


def test_a_server_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    assert "api.prot" in refusal(tmp_path, "[api]\nprot = 1\n")


def test_an_api_that_others_reach_without_tls_is_not_served(tmp_path: Path) -> None:
    said = refusal(tmp_path, '[api]\nhost = "0.0.0.0"\nport = 0\n')
    assert "the API speaks no TLS" in said and "api.proxies" in said
