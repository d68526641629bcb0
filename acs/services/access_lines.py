"""Lines of copper: what a switch says of a subscriber's port, and a DSLAM of a subscriber's line. Knows no vendor.

The rule of this file: a place that the inventory lacks is skipped with a reason; a node that is silent is a fact.
"""

from collections.abc import Sequence
from datetime import datetime

from acs.services.gathering import Partly, Skipped, SourceState
from acs.store.records import LineRecord
from probes.access import AccessReader, NodeTarget, PortPlace
from probes.errors import ProbeTimeout
from probes.facts import Fact, Quality

#: facts that say whether the port is there
_STATES = ("sw.port_oper", "dsl.link")


async def port_facts(
    line: LineRecord, target: NodeTarget, reader: AccessReader, now: datetime
) -> Sequence[Fact] | Partly:
    """Live facts of a line on a switch or on a DSLAM; a part of them when the node has no such port or is silent."""
    if line.port is None:
        raise Skipped("the line has no port")
    place = PortPlace(line.port, line.slot or 0, line.frame or 0)
    reachable = "dslam.reachable" if line.technology == "dsl" else "sw.reachable"
    try:
        if line.technology == "dsl":
            dslam = await reader.dslam_profile_of(target)
            facts = await reader.read_dsl_line(target, dslam, place, now)
        else:
            switch = await reader.switch_profile_of(target)
            facts = await reader.read_switch_port(target, switch, place, now)
    except ProbeTimeout:
        # it was silent already when it was asked what it is
        facts = [await reader.silent(target, now, reachable)]
    lost = [fact.raw for fact in facts if fact.name in _STATES and fact.quality is Quality.MISSING and fact.raw]
    if lost:
        return Partly(facts, "; ".join(lost), SourceState.ANSWERED)
    silent = [fact for fact in facts if fact.name.endswith(".reachable")]
    if len(facts) == len(silent):
        return Partly(facts, f"{target.name} did not answer SNMP", SourceState.FAILED)
    return facts
