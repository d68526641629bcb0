"""The rows of a port's ONTs out of a node's tables: walked below the port, or read one by one where they lie elsewhere.

The rule: what did not come is said; rows are by the ONT's number on its port.
"""

import asyncio
from collections.abc import Mapping

from probes.access.node import Nodes, NodeTarget
from probes.errors import ProbeError, ProbeTimeout
from probes.profiles.decode import Raw
from probes.profiles.reading import Where, ont_oids, port_row
from probes.profiles.schema import AccessProfile
from probes.snmp.client import MAX_VARBINDS, Table, Walk


async def walk_columns(nodes: Nodes, target: NodeTarget, profile: AccessProfile, where: Where) -> Table:
    """The state columns of a port, each column a bounded walk, side by side within the node's limit.

    Raises:
        ProbeTimeout: the node did not answer at all.
    """
    roots = {}
    for name in profile.reads.port_walk:
        row = port_row(profile, profile.columns[name].by, where)
        if row is not None:
            roots[name] = f"{profile.columns[name].oid}.{row}"
    # The serials go first: a node that is silent is asked once, not once per column
    first = profile.serial_column
    walks = {first: await nodes.walk(target, roots[first])}
    others = {name: root for name, root in roots.items() if name != first}
    rest = await asyncio.gather(*(nodes.walk_or_problem(target, root) for root in others.values()))
    walks |= dict(zip(others, rest, strict=True))
    return _joined(profile, roots, walks)


def _joined(profile: AccessProfile, roots: Mapping[str, str], walks: Mapping[str, Walk]) -> Table:
    """Rows by the ONT's number; of a row with a tail only the rows with that tail count."""
    rows: dict[str, dict[str, Raw]] = {}
    for name, walk in walks.items():
        tail = f".{profile.columns[name].tail}" if profile.columns[name].tail else ""
        skip = len(roots[name]) + 1
        for oid, value in walk.rows:
            row = oid[skip:]
            if row.endswith(tail):
                rows.setdefault(row.removesuffix(tail), {})[name] = value
    problems = [f"{name}: {walk.problem}" for name, walk in walks.items() if not walk.complete]
    return Table(rows=rows, complete=not problems, problem="; ".join(problems))


async def get_rows(nodes: Nodes, target: NodeTarget, profile: AccessProfile, wheres: Mapping[int, Where]) -> Table:
    """The state columns of ONTs whose rows are known, in GETs of many cells.

    Raises:
        ProbeTimeout: the node did not answer at all.
    """
    cells: dict[str, tuple[int, str]] = {}
    for ont, where in wheres.items():
        plan = ont_oids(profile, profile.reads.port_walk, where)
        cells |= {oid: (ont, name) for name, group in plan.items() for oid in group}
    oids = list(cells)
    rows: dict[str, dict[str, Raw]] = {str(ont): {} for ont in wheres}
    problem = ""
    for start in range(0, len(oids), MAX_VARBINDS):
        try:
            values = await nodes.get(target, oids[start : start + MAX_VARBINDS])
        except ProbeTimeout as error:
            if not start:
                raise
            problem = f"read {start} of {len(oids)} cells: {error}"
            break
        except ProbeError as error:
            problem = f"read {start} of {len(oids)} cells: {error}"
            break
        for oid, value in values.items():
            ont, name = cells[oid]
            rows[str(ont)][name] = value
    return Table(rows=rows, complete=not problem, problem=problem)
