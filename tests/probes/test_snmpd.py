"""Our client against net-snmp's own agent, started here on a loopback port with a configuration of its own."""

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.exit_status import ExitStatus
from cli.ports import free_port
from probes.errors import ProbeError, ProbeRefused, ProbeTimeout
from probes.gentle import Gentle
from probes.snmp import client
from probes.snmp.agent import text
from probes.snmp.client import SnmpTarget, V3User, Version, WriteAccess
from tests.absent import absent
from tests.probes.test_cli_probe import run

SYSTEM = "1.3.6.1.2.1.1"
SNMPD = shutil.which("snmpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
CONFIGURATION = """
agentAddress udp:127.0.0.1:{port}
rocommunity community-of-the-test 127.0.0.1
sysLocation a rack on paper
sysName olt-on-paper
createUser reader SHA "auth-password" AES "privacy-password"
createUser reader256 SHA-256 "auth-password" AES "privacy-password"
createUser plain MD5 "auth-password"
rouser reader authpriv
rouser reader256 authpriv
rouser plain authnopriv
rwcommunity community-that-writes
createUser writer SHA-256 "auth-password" AES "privacy-password"
rwuser writer authpriv
"""


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SnmpTarget]:
    if SNMPD is None:
        absent("snmpd is not installed here: apt-get install snmpd")
    folder = tmp_path_factory.mktemp("snmpd")
    port = free_port()
    (folder / "snmpd.conf").write_text(CONFIGURATION.format(port=port))
    command = [SNMPD, "-f", "-Lf", str(folder / "log"), "-C", "-c", str(folder / "snmpd.conf"), "-I", "-smux"]
    environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_bound(process, port, folder)
        yield SnmpTarget("127.0.0.1", port, community="community-of-the-test", timeout_s=1.0, retries=1)
    finally:
        process.terminate()
        process.wait(60)


def _wait_until_bound(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    for _ in range(1200):
        if f":{port:04X} " in Path("/proc/net/udp").read_text():
            return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail("snmpd did not start: " + (folder / "log").read_text(errors="replace")[-500:])


async def test_a_get_and_a_walk_of_a_real_agent(snmpd: SnmpTarget) -> None:
    found = await client.get(snmpd, [f"{SYSTEM}.5.0", f"{SYSTEM}.6.0", f"{SYSTEM}.77.0"])
    assert found == {f"{SYSTEM}.5.0": b"olt-on-paper", f"{SYSTEM}.6.0": b"a rack on paper"}
    walked = await client.walk(snmpd, SYSTEM)
    assert walked.complete
    assert (f"{SYSTEM}.5.0", b"olt-on-paper") in walked.rows
    assert all(oid.startswith(SYSTEM + ".") for oid, _ in walked.rows)


@pytest.mark.parametrize("version", [Version.V1, Version.V2C])
async def test_both_old_versions_walk_the_same(snmpd: SnmpTarget, version: Version) -> None:
    tables = "1.3.6.1.2.1.2.2.1.1"
    reference = await client.walk(snmpd, tables)
    found = await client.walk(replace(snmpd, version=version, max_repetitions=3), tables)
    assert found == reference
    assert len(found.rows) >= 1


async def test_our_walk_is_that_of_snmpbulkwalk(snmpd: SnmpTarget) -> None:
    tool = shutil.which("snmpbulkwalk")
    if tool is None:
        absent("snmpbulkwalk is not installed here: apt-get install snmp")
    arguments = ["-v2c", "-c", snmpd.community, "-On", "-Oq", "-m", "", f"127.0.0.1:{snmpd.port}", "1.3.6.1.2.1.1"]
    process = await asyncio.create_subprocess_exec(tool, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    theirs = [line.split(" ", 1)[0].lstrip(".") for line in output.decode().splitlines() if line.startswith(".")]
    assert [oid for oid, _ in (await client.walk(snmpd, "1.3.6.1.2.1.1")).rows] == theirs


@pytest.mark.parametrize(
    "user",
    [
        V3User("reader", "sha", "auth-password", "aes128", "privacy-password"),
        V3User("reader256", "sha256", "auth-password", "aes128", "privacy-password"),
        V3User("plain", "md5", "auth-password"),
    ],
    ids=["authPriv", "authPriv-sha256", "authNoPriv"],
)
async def test_version_3_reads_with_every_protection(snmpd: SnmpTarget, user: V3User) -> None:
    target = replace(snmpd, version=Version.V3, user=user)
    assert await client.get(target, [f"{SYSTEM}.5.0"]) == {f"{SYSTEM}.5.0": b"olt-on-paper"}
    walked = await client.walk(target, SYSTEM)
    assert walked.complete and len(walked.rows) > 5


@pytest.mark.parametrize(
    "user",
    [
        V3User("nobody", "sha", "auth-password", "aes128", "privacy-password"),
        V3User("reader", "sha", "wrong-password", "aes128", "privacy-password"),
        V3User("reader", "sha", "auth-password", "aes128", "wrong-password"),
    ],
    ids=["name", "auth", "privacy"],
)
async def test_version_3_with_wrong_credentials_gives_no_value(snmpd: SnmpTarget, user: V3User) -> None:
    target = replace(snmpd, version=Version.V3, user=user, timeout_s=0.3, retries=0)
    with pytest.raises(ProbeError) as raised:
        await client.get(target, [f"{SYSTEM}.5.0"])
    assert isinstance(raised.value, (ProbeRefused, ProbeTimeout)), raised.value


async def test_a_wrong_community_is_silence(snmpd: SnmpTarget) -> None:
    with pytest.raises(ProbeTimeout, match="check route, address and credentials"):
        await client.get(replace(snmpd, community="wrong", timeout_s=0.2, retries=0), [f"{SYSTEM}.5.0"])


@pytest.mark.parametrize(
    "access",
    [
        WriteAccess("community-that-writes"),
        WriteAccess("community-that-writes", Version.V1),
        WriteAccess(version=Version.V3, user=V3User("writer", "sha256", "auth-password", "aes128", "privacy-password")),
    ],
    ids=["v2c", "v1", "v3"],
)
async def test_a_set_writes_with_its_own_credentials(snmpd: SnmpTarget, access: WriteAccess) -> None:
    gentle = Gentle(may_write=True)
    name = f"{SYSTEM}.4.0"
    await gentle.set(snmpd, access, {name: text(f"by {access.version}")}, now=datetime.now(UTC))
    assert await client.get(snmpd, [name]) == {name: f"by {access.version}".encode()}
    await gentle.close()


async def test_a_set_that_is_refused_says_by_whom(snmpd: SnmpTarget) -> None:
    gentle = Gentle(may_write=True)
    values, now = {f"{SYSTEM}.4.0": text("x")}, datetime.now(UTC)
    with pytest.raises(ProbeRefused, match=r"refuses to write 1\.3\.6\.1\.2\.1\.1\.4\.0: noAccess"):
        await gentle.set(snmpd, WriteAccess(snmpd.community), values, now=now)
    stranger = V3User("writer", "sha256", "other-password", "aes128", "privacy-password")
    with pytest.raises(ProbeRefused, match="refuses the credentials"):
        await gentle.set(snmpd, WriteAccess(version=Version.V3, user=stranger), values, now=now)
    with pytest.raises(ProbeTimeout, match="whether it was done is not known"):
        silent = replace(snmpd, timeout_s=0.2, retries=0)
        await gentle.set(silent, WriteAccess("nobody-knows-it"), values, now=now)
    await gentle.close()


async def test_a_port_is_read_with_version_3_from_a_laptop(snmpd: SnmpTarget, tmp_path: Path) -> None:
    for name in ("auth", "privacy"):
        (tmp_path / name).write_text(f"{name}-password\n")
    as_whom = ["--snmp-version", "3", "--user", "reader", "--auth-file", str(tmp_path / "auth")]
    private = ["--privacy-file", str(tmp_path / "privacy")]
    where = ["switch", "127.0.0.1", "--port", str(snmpd.port), "--if-index", "1", "--profile", "generic", "--json"]
    code, out, err = await run(*where, *as_whom, *private)
    assert code == 0, err
    assert {fact["name"]: fact["value"] for fact in json.loads(out)["facts"]}["sw.port_oper"] == "up"
    code, _, err = await run(*where, "--snmp-version", "3")
    assert code == ExitStatus.USAGE and "--user" in err
    code, _, err = await run(*where, *as_whom)
    assert code != 0 and err
