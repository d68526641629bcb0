"""What a node shows held against the inventory: which line an ONT is, what fell, what disagrees. Pure.

The rule of this file: a serial says more than a place, and what was not seen whole disagrees with nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from acs.services.serials import serial_forms
from acs.store.access import Disagreement, Endpoint, NodePoll
from acs.store.records import LineRecord
from probes.profiles.decode import canonical_serial
from probes.survey import MacSeen, Seen, Survey

#: MACs behind one port of a switch that are a subscriber's; more is a trunk [E]
_TRUNK_MACS = 16


def dropped(survey: Survey, last: NodePoll | None, least_share: float) -> str:
    """Why a survey is not believed; empty when it is."""
    if last is None or not last.endpoints or len(survey.onts) >= last.endpoints * least_share:
        return ""
    share = len(survey.onts) / last.endpoints
    return f"the walk has {len(survey.onts)} ONTs, {share:.0%} of the last one: dropped"


def key_of(one: Seen) -> str:
    """What an ONT is known by: its serial, else its place."""
    serial = one.reading.gpon_serial
    return canonical_serial(serial) if serial else one.place


def keys_of(line: LineRecord) -> set[str]:
    """The spellings of a line's ONT serial."""
    return {canonical_serial(form) for form in serial_forms(line.gpon_serial)} if line.gpon_serial else set()


def owners(lines: Sequence[LineRecord], onts: Sequence[Seen]) -> dict[str, LineRecord]:
    """Place of an ONT → its line: by its serial, else by its place where the line names no other serial."""
    by_serial = {key: line for line in lines for key in keys_of(line)}
    by_place = {(line.frame or 0, line.slot, line.port, line.ont): line for line in lines if line.ont is not None}
    found: dict[str, LineRecord] = {}
    for one in onts:
        line = by_serial.get(key_of(one))
        if line is None:
            here = by_place.get((one.frame, one.slot, one.port, one.reading.ont))
            line = here if here is not None and not (here.gpon_serial and one.reading.gpon_serial) else None
        if line is not None:
            found[one.place] = line
    return found


def endpoints(node: str, survey: Survey, lines: Mapping[str, LineRecord]) -> list[Endpoint]:
    """The ONTs of a survey as they are kept."""
    found = []
    for one in survey.onts:
        line = lines.get(one.place)
        reading = one.reading
        found.append(
            Endpoint(
                node,
                "ont",
                key_of(one),
                survey.at,
                one.frame,
                one.slot,
                one.port,
                reading.ont,
                reading.run_state or "",
                None if line is None else line.id,
                reading.last_down_at,
                down_cause=reading.last_down_cause,
            )
        )
    return found


def fell_at(one: Seen, before: Endpoint | None, now: datetime) -> datetime | None:
    """When the ONT fell since the last look; None when it did not, or when there was none."""
    if before is None:
        return None
    down = one.reading.last_down_at
    if down is not None and down <= now:
        return down if before.last_down_at is None or down > before.last_down_at else None
    return now if before.state == "online" and one.reading.run_state == "offline" else None


def disagreements(
    node: str, lines: Sequence[LineRecord], survey: Survey, elsewhere: Mapping[str, LineRecord]
) -> list[Disagreement]:
    """What a whole survey and the inventory say differently; `elsewhere` are lines of other nodes by serial."""
    by_key = {key_of(one): one for one in survey.onts}
    by_place: dict[tuple[int | None, ...], Seen] = {
        (one.frame, one.slot, one.port, one.reading.ont): one for one in survey.onts
    }
    found, known = list[Disagreement](), set[str]()
    for line in lines:
        keys = keys_of(line)
        known |= keys
        seen = next((by_key[key] for key in keys if key in by_key), None)
        here = by_place.get((line.frame or 0, line.slot, line.port, line.ont)) if line.ont is not None else None
        told = _of_line(line, seen, here)
        if told is not None:
            found.append(Disagreement(node, told[0], f"line:{line.id}", survey.at, line.id, told[1]))
    owned = owners(lines, survey.onts)
    for key, one in by_key.items():
        if key in known or one.place in owned:
            continue
        owner = elsewhere.get(key)
        if owner is None:
            told_of = Disagreement(node, "ont_without_line", f"ont:{key}", survey.at, None, f"at {one.place}")
        else:
            detail = f"at {one.place} of this node; its line stands at {owner.topology_path() or 'no place'}"
            told_of = Disagreement(node, "ont_of_another_node", f"ont:{key}", survey.at, owner.id, detail)
        found.append(told_of)
    return found


def unknown_keys(lines: Sequence[LineRecord], onts: Iterable[Seen]) -> list[str]:
    """The serials that no line of the node names."""
    known = {key for line in lines for key in keys_of(line)}
    return [key_of(one) for one in onts if one.reading.gpon_serial and key_of(one) not in known]


def mac_endpoints(
    node: str, macs: Sequence[MacSeen], lines: Sequence[LineRecord], at: datetime
) -> tuple[list[Endpoint], list[Disagreement]]:
    """MACs behind a switch's ports as they are kept, and the lines whose known device is behind another port.

    A port with many MACs leads to other switches: what is behind it is not there.
    """
    behind: dict[int, list[MacSeen]] = {}
    for mac in macs:
        behind.setdefault(mac.if_index, []).append(mac)
    by_port = {line.port: line for line in lines if line.technology != "pon" and line.port is not None}
    found, wrong = [], []
    for port, here in behind.items():
        if len({mac.mac for mac in here}) > _TRUNK_MACS:
            continue
        line = by_port.get(port)
        for mac in here:
            found.append(Endpoint(node, "mac", mac.mac, at, port=port, state="learnt", line=line.id if line else None))
        if line is None and len(by_port) > 0:
            detail = f"{', '.join(sorted({mac.mac for mac in here})[:4])} behind port {port}, where no line is"
            wrong.append(Disagreement(node, "port_without_line", f"port:{port}", at, None, detail))
    return found, wrong


def is_at(line: LineRecord, seen: Seen) -> bool:
    """Whether a line's port is the one where its ONT was seen; what the line does not say is not held against it."""
    return (line.frame or 0) == seen.frame and line.slot in (None, seen.slot) and line.port in (None, seen.port)


def _of_line(line: LineRecord, seen: Seen | None, here: Seen | None) -> tuple[str, str] | None:
    """What is wrong with the place of one line: a kind, and words."""
    if line.technology != "pon" or not (line.gpon_serial or line.ont is not None):
        return None
    stands = f"the line stands at {line.topology_path()}" + ("" if line.ont is None else f" ont {line.ont}")
    if seen is not None and not is_at(line, seen):
        return "ont_elsewhere", f"its ONT {line.gpon_serial} is at {seen.place}; {stands}"
    if seen is not None and line.ont is not None and line.ont != seen.reading.ont:
        return "ont_number", f"its ONT {line.gpon_serial} is at {seen.place}; {stands}"
    if seen is not None:
        return None
    if here is not None and line.gpon_serial and here.reading.gpon_serial:
        return "other_serial", f"{here.reading.gpon_serial} is at {here.place}; the line names {line.gpon_serial}"
    if here is None:
        return "not_there", f"the node has no such ONT; {stands}"
    return None
