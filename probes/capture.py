"""Layer-2 probes (PPPoE and DHCP discovery) in a process of their own: `python -m probes.capture`.

The server calls `run_capture`, which starts that process; only the process needs CAP_NET_RAW and loads scapy.
"""

from datetime import datetime

from probes.facts import Fact


async def run_capture(interface: str, kind: str, *, now: datetime, timeout_s: float = 3.0) -> list[Fact]:
    """Facts of one discovery on an interface: kind `pppoe` gives ppp.pado_seen, kind `dhcp` gives dhcp.offer_seen.

    Raises:
        ProbeRefused: scapy or the privilege is missing; the message says how to get it.
        ProbeTimeout: the process did not end in time.
    """
    raise NotImplementedError
