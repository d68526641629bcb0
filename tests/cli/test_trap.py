"""`secondline trap tail` on a laptop: it hears, shows, acknowledges, ends."""

import asyncio
import json
import sys
from pathlib import Path

from cli.ports import free_port
from probes.snmp.agent import integer
from probes.snmp.names import name_of, oid_of
from tests.probes.notifications import IF_INDEX, LINK_DOWN, net_snmp, notification


async def test_a_laptop_hears_traps_and_acknowledges_informs(tmp_path: Path) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.main", "trap", "tail", "--listen", f"127.0.0.1:{port}", "--count", "2", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"Listening on" not in (line := await process.stderr.readline()):
                assert line, "it ended before it listened"
            sent = ["-v2c", "-c", "any", "-t", "3", "-r", "1", f"127.0.0.1:{port}", "5", LINK_DOWN]
            assert await net_snmp("snmpinform", *sent, f"{IF_INDEX}.4", "i", "4", folder=tmp_path) == 0
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port)
            )
            transport.sendto(notification(LINK_DOWN, {f"{IF_INDEX}.5": integer(5)}))
            said, _ = await process.communicate()
            transport.close()
        assert process.returncode == 0
        shown = [json.loads(part) for part in said.decode().replace("}\n{", "}\0{").split("\0")]
        assert [(one["kind"], one["place"]) for one in shown] == [("link_down", "if 4"), ("link_down", "if 5")]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def test_names_and_numbers_of_objects() -> None:
    assert oid_of("sysDescr.0") == "1.3.6.1.2.1.1.1.0"
    assert oid_of("IF-MIB::ifOperStatus.3") == "1.3.6.1.2.1.2.2.1.8.3"
    assert oid_of(".1.3.6.1") == "1.3.6.1"
    assert name_of(LINK_DOWN) == "linkDown"
    assert name_of("1.3.6.1.2.1.1.5.0") == "sysName.0"
    assert name_of("1.3.6.1.4.1.2011.5.1") == "1.3.6.1.4.1.2011.5.1"
