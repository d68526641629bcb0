"""Recorded agents (`OID|tag|value` lines, as snmpsim writes them) as tables of our own agent."""

from pathlib import Path

from probes.snmp.agent import AgentTable, Cell, Kind

_KINDS = {
    "2": Kind.INTEGER,
    "4": Kind.OCTETS,
    "5": Kind.NULL,
    "6": Kind.OID,
    "64": Kind.IP_ADDRESS,
    "65": Kind.COUNTER32,
    "66": Kind.GAUGE32,
    "67": Kind.TIMETICKS,
    "68": Kind.OPAQUE,
    "70": Kind.COUNTER64,
}


def table_of(path: Path) -> AgentTable:
    """The table in a recording. Lines with `#` in front and empty lines are comments."""
    cells: dict[str, Cell] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="surrogateescape").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("|", 2)
        if len(parts) != 3:
            raise ValueError(f"{path}:{number}: not OID|tag|value: {line}")
        cells[parts[0]] = cell_of(parts[1], parts[2])
    return AgentTable(cells)


def cell_of(tag: str, text: str) -> Cell:
    kind = _KINDS[tag.rstrip("xe")]
    if tag.endswith("x"):
        return Cell(kind, bytes.fromhex(text))
    if kind in (Kind.OID, Kind.IP_ADDRESS):
        return Cell(kind, text)
    if kind in (Kind.OCTETS, Kind.OPAQUE):
        return Cell(kind, text.encode("utf-8", "surrogateescape"))
    return Cell(kind, None if kind is Kind.NULL else int(text))
