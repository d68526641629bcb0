"""A running server hears traps: from the socket of net-snmp's tools to the API and the command."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from acs.app import build
from acs.config import Config
from acs.errors import ConfigError
from acs.server.traps import TrapListener, engine_of
from acs.services.actor import local_actor
from acs.store import Vault
from cli.ports import free_port
from tests.probes.notifications import IF_INDEX, LINK_DOWN, net_snmp, protections

CONFIG = """
[server]
role = "worker"
[traps]
enabled = true
host = "127.0.0.1"
port = {port}
"""


async def test_a_server_acknowledges_informs_of_every_version_and_keeps_them(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "secondline.toml"
    file.write_text(CONFIG.format(port=port))
    Vault.create(tmp_path / "secondline.key")
    config = Config.load(file)
    app = await build(config)
    secrets = {
        "community": "read",
        "trap_community": "traps",
        "user": "sha",
        "auth": "sha",
        "auth_password": "auth-password",
        "privacy": "aes128",
        "privacy_password": "privacy-password",
    }
    await app.northbound.nodes.put(local_actor(), "sw-1", "127.0.0.1", credentials=secrets)
    await app.stop()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "serve", "--config", str(file), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"server.started" not in (line := await process.stderr.readline()):
                assert line, "it ended before it served"
            where = ["-t", "3", "-r", "1", f"127.0.0.1:{port}", "5", LINK_DOWN, f"{IF_INDEX}.4", "i"]
            assert await net_snmp("snmpinform", "-v2c", "-c", "traps", *where, "4", folder=tmp_path) == 0
            user = protections("sha", "SHA", "AES")
            assert await net_snmp("snmpinform", *user, *where, "5", folder=tmp_path) == 0
            process.send_signal(signal.SIGTERM)
            _, errors = await process.communicate()
        assert process.returncode == 0 and b'"level":"error"' not in errors
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    app = await build(config)
    stored = await app.northbound.access_network.alarms.latest(local_actor(), after=0)
    await app.stop()
    assert [(one.node, one.kind, one.place) for one in stored] == [
        ("sw-1", "link_down", "if 4"),
        ("sw-1", "link_down", "if 5"),
    ]


async def test_a_port_that_is_taken_stops_the_start_with_a_remedy(tmp_path: Path) -> None:
    Vault.create(tmp_path / "secondline.key")
    table = {"traps": {"host": "127.0.0.1", "port": 0}}
    app = await build(Config.from_table(table, tmp_path / "secondline.toml"))
    alarms = app.northbound.access_network.alarms
    first = TrapListener(app.config.traps, alarms, engine_of(b"x"), app.metrics)
    await first.start()
    taken = app.config.traps.model_copy(update={"port": first.port})
    with pytest.raises(ConfigError, match="take another port"):
        await TrapListener(taken, alarms, engine_of(b"x"), app.metrics).start()
    assert first.look().received == 0
    await first.stop()
    await app.stop()
