"""Notifications as nodes send them: of v2c with our own codec, and of every version with net-snmp."""

import asyncio
import shutil
from pathlib import Path

from probes.snmp.ber import Cell, Kind, encode_varbind, integer, parse_oid, tlv
from probes.snmp.notification import SYS_UPTIME, TRAP_OID
from tests.absent import absent

LINK_DOWN = "1.3.6.1.6.3.1.1.5.3"
LINK_UP = "1.3.6.1.6.3.1.1.5.4"
IF_INDEX = "1.3.6.1.2.1.2.2.1.1"
TRAP, INFORM = 0xA7, 0xA6


def notification(
    trap: str, varbinds: dict[str, Cell] | None = None, *, community: str = "public", tag: int = TRAP, number: int = 1
) -> bytes:
    """One trap or inform of v2c."""
    rows = {SYS_UPTIME: Cell(Kind.TIMETICKS, 100), TRAP_OID: Cell(Kind.OID, trap), **(varbinds or {})}
    body = b"".join(encode_varbind(parse_oid(oid), cell) for oid, cell in rows.items())
    pdu = integer(number) + integer(0) + integer(0) + tlv(0x30, body)
    return tlv(0x30, integer(1) + tlv(Kind.OCTETS, community.encode()) + tlv(tag, pdu))


async def net_snmp(tool: str, *arguments: str, folder: Path) -> int:
    """Exit status of snmptrap or snmpinform."""
    found = shutil.which(tool)
    if found is None:
        absent(f"{tool} is not installed here: apt-get install snmp")
    process = await asyncio.create_subprocess_exec(
        found,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"MIBS": "", "SNMP_PERSISTENT_DIR": str(folder), "PATH": "/usr/bin"},
    )
    await process.communicate()
    return process.returncode or 0


def protections(user: str, auth: str = "", privacy: str = "") -> list[str]:
    """What net-snmp is told of a user whose passwords are those of the tests."""
    level = "authPriv" if privacy else "authNoPriv" if auth else "noAuthNoPriv"
    given = ["-v3", "-u", user, "-l", level]
    given += ["-a", auth, "-A", "auth-password"] if auth else []
    return given + (["-x", privacy, "-X", "privacy-password"] if privacy else [])
