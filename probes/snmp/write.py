"""SET, through pysnmp: with credentials of its own, never those of reading. Loaded only where something is written."""

import asyncio
from collections.abc import Mapping

from pysnmp.hlapi.v3arch import asyncio as hlapi  # type: ignore[import-untyped]

from probes.errors import ProbeRefused, ProbeTimeout, ProbeUnreadable
from probes.snmp import pysnmp_parts as parts
from probes.snmp.ber import Cell
from probes.snmp.library import resolve
from probes.snmp.target import Oid, SnmpTarget, WriteAccess


async def set_values(target: SnmpTarget, access: WriteAccess, values: Mapping[Oid, Cell]) -> None:
    """Write values in one request; the agent takes all of them or none (RFC 3416 §4.2.5).

    Raises:
        ProbeTimeout: no answer; whether they were written is not known.
        ProbeRefused: the agent refuses; the message names the OID and why.
        ProbeUnreadable: the answer is not SNMP.
    """
    variables = [parts.varbind(oid, cell) for oid, cell in values.items()]
    who = parts.credentials(access.version, access.community, access.user)
    where = await parts.transport(target, await resolve(target))
    engine = await asyncio.to_thread(parts.engine)
    failed, status, index, _ = await hlapi.set_cmd(engine, who, where, hlapi.ContextData(), *variables, lookupMib=False)
    if failed is not None:
        raise _failure(target, str(failed))
    if status:
        position = int(index)
        oid = list(values)[position - 1] if 1 <= position <= len(values) else "the request"
        raise ProbeRefused(f"{target} refuses to write {oid}: {status.prettyPrint()}; nothing was written")


def _failure(target: SnmpTarget, said: str) -> ProbeTimeout | ProbeRefused | ProbeUnreadable:
    """pysnmp's own word for what went wrong, as ours."""
    lower = said.lower()
    if "timeout" in lower or "no snmp response" in lower:
        return ProbeTimeout(f"{target} did not answer the SET; whether it was done is not known: read it back")
    if any(word in lower for word in ("user", "digest", "security", "decryption", "auth", "engine")):
        return ProbeRefused(f"{target} refuses the credentials for SET: {said}")
    return ProbeUnreadable(f"{target}: the SET failed: {said}")
