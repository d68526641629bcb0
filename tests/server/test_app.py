"""The whole process: it serves, stops gracefully, and says in one message why it cannot start."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from acs.app import build
from cli.ports import free_port
from tests.fakes.acs_server import config_for
from tests.fakes.cpe import Cpe

CONFIG = """
[cwmp]
host = "127.0.0.1"
port = {cwmp}
auth = "open"
[api]
port = {api}
"""


def written(folder: Path, cwmp: int, api: int) -> Path:
    file = folder / "secondline.toml"
    file.write_text(CONFIG.format(cwmp=cwmp, api=api))
    return file


async def served(config: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "serve", "--config", str(config),
        stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def test_it_serves_and_sigterm_ends_it_well(tmp_path: Path) -> None:
    cwmp, api = free_port(), free_port()
    process = await served(written(tmp_path, cwmp, api))
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"server.started" not in (line := await process.stderr.readline()):
                assert line, "it ended before it served"
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api}") as client:
            assert (await client.get("/api/v1/health")).status_code == 200
        await Cpe(cwmp).session(("0 BOOTSTRAP", ""), ("1 BOOT", ""))
        process.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0
        assert b"server.stopped" in errors
        assert b'"level":"error"' not in errors
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("which", ["cwmp", "api"])
async def test_a_port_in_use_is_told(tmp_path: Path, which: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ports = {"cwmp": free_port(), "api": free_port(), which: taken.getsockname()[1]}
        process = await served(written(tmp_path, ports["cwmp"], ports["api"]))
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode not in (0, None)
    told = [line for line in errors.decode().splitlines() if f"{which}.port" in line]
    assert len(told) == 1
    assert "choose another port" in told[0]
    assert "Traceback" not in errors.decode()


async def test_a_store_without_its_vault_key_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secondline.db").write_bytes(b"")
    process = await served(written(tmp_path, free_port(), free_port()))
    _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode not in (0, None)
    assert "store.vault_key_file" in errors.decode()
    assert "Traceback" not in errors.decode()
    assert not (tmp_path / "secondline.key").exists()


async def test_a_part_that_fails_to_end_keeps_no_other_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await build(config_for(tmp_path))
    await app.start()

    async def broken() -> None:
        raise RuntimeError("a part is broken")

    close, closed = app.store.close, asyncio.Event()

    async def closing() -> None:
        await close()
        closed.set()

    monkeypatch.setattr(app.connection_requests, "close", broken)
    monkeypatch.setattr(app.store, "close", closing)
    with capture_logs() as said, pytest.raises(ExceptionGroup) as failed:
        await app.stop()
    assert [str(error) for error in failed.value.exceptions] == ["a part is broken"]
    assert [one["event"] for one in said if one["log_level"] == "error"] == ["server.part_failed"]
    assert closed.is_set()
