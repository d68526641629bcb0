"""Profiles of nodes whose lines are interfaces: switches and DSLAMs; and what every profile has.

The rule: a port is found by its ifIndex, or by the name that the node gives it; all other tables are told from there.
"""

import re
from collections.abc import Collection, Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from probes.facts import FACTS
from probes.profiles.columns import Column, OidText, Strict
from probes.profiles.indexes import NameExample

#: varbinds in one GET of a port: what switches answer in one frame with room to spare
MAX_PORT_VARBINDS = 24
#: the results that a pair may have
PAIR_RESULTS = FACTS["tdr.result"].values


class Match(Strict):
    """How a node is recognised: one of the sysObjectID prefixes, and the text in its sysDescr."""

    sys_object_ids: Annotated[tuple[str, ...], Field(min_length=1)]
    #: this text must be in sysDescr
    sys_descr: str = ""
    #: sysDescr must fit this pattern somewhere
    sys_descr_pattern: str = ""
    #: another profile of the same nodes is the usual one; this one must be named
    by_name_only: bool = False
    source: str

    def fits(self, sys_object_id: str, sys_descr: str) -> int:
        """How well a node that says this of itself fits: 0 not at all, more for a longer prefix and for text."""
        known = [
            len(prefix)
            for prefix in self.sys_object_ids
            if sys_object_id == prefix or sys_object_id.startswith(prefix + ".")
        ]
        told = self.sys_descr in sys_descr and re.search(self.sys_descr_pattern, sys_descr) is not None
        return 2 * max(known) + bool(self.sys_descr or self.sys_descr_pattern) if known and told else 0


class NodeProfile(Strict):
    """What the profiles of all kinds of nodes have."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]+$")]
    kind: str
    title: Mapping[Literal["ru", "en"], str]
    match: Match
    #: facts that the family surely has and that no source gives an OID or a unit for: name → what is lacking
    left_out: Mapping[str, str] = Field(default_factory=dict)


class PortIndex(Strict):
    """How the number of a subscriber's port becomes an ifIndex.

    `if-index`: it is the ifIndex. `if-name`: it is the `port` of the name's pattern, beside `frame` and `slot`.
    """

    scheme: Literal["if-index", "if-name"]
    names: OidText = "1.3.6.1.2.1.31.1.1.1.1"
    pattern: str = ""
    examples: tuple[NameExample, ...] = ()
    source: str

    def place_of(self, name: str) -> tuple[int, int, int] | None:
        """Frame, slot and port of a name; None when it names no port."""
        found = re.fullmatch(self.pattern, name.strip("\0 "), re.IGNORECASE)
        if found is None:
            return None
        told = {key: int(text) for key, text in found.groupdict().items() if text is not None}
        return told.get("frame", 0), told.get("slot", 0), told["port"]

    @property
    def places(self) -> frozenset[str]:
        """The places that a name tells."""
        return frozenset(re.compile(self.pattern).groupindex)

    @model_validator(mode="after")
    def _examples_hold(self) -> Self:
        if self.scheme == "if-name" and (not self.examples or "port" not in self.places):
            raise ValueError("scheme if-name needs a pattern with a group `port`, and examples")
        for one in self.examples:
            if self.place_of(one.name) != (one.frame, one.slot, one.port):
                raise ValueError(f"the example {one.name!r} is read as {self.place_of(one.name)}")
        return self


class PortReads(Strict):
    """Which columns of a port are read together, by name."""

    #: the one GET of a port
    port: tuple[str, ...]
    #: read a second time for rates: counters
    counters: tuple[str, ...] = ()
    #: a second GET, when more is wanted
    port_detail: tuple[str, ...] = ()


class PortProfile(NodeProfile):
    """What switches and DSLAMs have in common."""

    port: PortIndex
    columns: Mapping[str, Column]
    reads: PortReads
    #: rows of tables that are no plain ifIndex: name → `1.{port}`, or `{rmon}` for the port's row in RMON
    rows: Mapping[str, str] = Field(default_factory=dict)
    #: the column of RMON that says whose statistics a row has
    rmon_sources: OidText | None = None

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for group, names in self.reads.model_dump().items():
            known_columns(group, names, self.columns)
            if len(names) > MAX_PORT_VARBINDS:
                raise ValueError(f"reads.{group} asks {len(names)} varbinds in one GET; at most {MAX_PORT_VARBINDS}")
        for name, column in self.columns.items():
            if column.by and column.by not in self.rows:
                raise ValueError(f"columns.{name}.by is {column.by!r}, which [rows] does not have")
            if column.fallback and column.fallback not in self.columns:
                raise ValueError(f"columns.{name}.fallback is {column.fallback!r}, which [columns] does not have")
        return self

    def oid(self, name: str, if_index: int, rmon: int | None = None) -> str:
        """The OID of a column for one port; `rmon` is the port's row in the RMON statistics."""
        column = self.columns[name]
        if column.index == "scalar":
            return f"{column.oid}.{column.tail or '0'}"
        row = self.rows[column.by].format(port=if_index, rmon=rmon or if_index) if column.by else str(if_index)
        return f"{column.oid}.{row}{'.' + column.tail if column.tail else ''}"


class Fdb(Strict):
    """Where the MAC addresses of a switch are: per VLAN, or in one table; and the bridge's numbers of its ports."""

    per_vlan: OidText
    plain: OidText
    #: bridge port → ifIndex; a port that it does not have is its own ifIndex
    base_ports: OidText
    #: VLAN → number of its table; empty when the tables' numbers are the VLANs
    vlan_tables: OidText | None = None
    source: str


class Binding(Strict):
    """A table of DHCP snooping or of IP-MAC bindings. `key` says what its index is; the rest are columns."""

    key: Literal["ip", "vlan-mac"]
    mac: OidText | None = None
    ip: OidText | None = None
    port: OidText
    #: `number-or-name`: the port's ifIndex or its name; `port-list`: a bitmap, the first port is the highest bit
    port_form: Literal["number-or-name", "port-list"]
    vlan: OidText | None = None
    lease: OidText | None = None
    source: str


class Start(Strict):
    """What is SET to start a cable test; `port-value`: the ifIndex is the value, and the OID has none."""

    oid: OidText
    row: Literal["port", "port-value"] = "port"
    tail: str = ""
    value: int = 0


class Poll(Strict):
    """What is read until the test is over. A value in none of the lists ends it as failed."""

    oid: OidText
    tail: str = ""
    running: tuple[int, ...] = ()
    done: tuple[int, ...]
    failed: tuple[int, ...] = ()


class Pair(Strict):
    """Where one pair's result is: a status and a length, or a flag for each kind of fault."""

    status: OidText | None = None
    length: OidText | None = None
    #: where a fault's distance has a column of its own
    fault: OidText | None = None
    tail: str = ""
    length_tail: str = ""
    fault_tail: str = ""
    #: result → number behind the port: 1 there means that the pair has it
    flags: Mapping[str, str] = Field(default_factory=dict)


class CableTest(Strict):
    """A cable test (TDR): start, wait, read. It may drop the link of the port: nobody starts it unasked."""

    start: Start
    poll: Poll | None = None
    #: seconds before the first look, and between two
    wait_s: Annotated[float, Field(gt=0, le=10)] = 1.0
    tries: Annotated[int, Field(ge=1, le=30)] = 10
    #: what the test tells of is the whole cable, not a pair
    whole: bool = False
    #: a column of the port's type, and how many pairs each type has
    ports_oid: OidText | None = None
    ports_pairs: Mapping[str, int] = Field(default_factory=dict)
    #: whether a link goes down during the test
    drops_link: bool = True
    pairs: tuple[Pair, ...] = ()
    #: code → result; a code that is not here is unreadable
    results: Mapping[str, str] = Field(default_factory=dict)
    #: codes of "not tested": missing
    untested: tuple[int, ...] = ()
    #: metres in one unit of length
    metres: float = 1.0
    #: lengths that are none
    no_length: tuple[int, ...] = ()
    #: a text with a line per pair instead of columns: its OID, and its pattern with pair, status and length
    text: OidText | None = None
    text_pattern: str = ""
    source: str

    @model_validator(mode="after")
    def _results_are_known(self) -> Self:
        told = {*self.results.values(), *(name for pair in self.pairs for name in pair.flags)}
        wrong = sorted(told - set(PAIR_RESULTS))
        if wrong:
            raise ValueError(f"a result is one of {', '.join(PAIR_RESULTS)}; not {', '.join(wrong)}")
        if bool(self.text) == bool(self.pairs):
            raise ValueError("a cable test has pairs, or a text with them")
        return self


class SwitchProfile(PortProfile):
    """How one family of access switches is read."""

    kind: Literal["switch"]
    fdb: Fdb | None = None
    binding: Binding | None = None
    cable_test: CableTest | None = None


class DslamProfile(PortProfile):
    """How one family of DSLAMs is read."""

    kind: Literal["dslam"]


def known_columns(group: str, names: Collection[str], columns: Collection[str]) -> None:
    """Refuse a group of reads that names columns which are not there.

    Raises:
        ValueError: it does.
    """
    unknown = [name for name in names if name not in columns]
    if unknown:
        raise ValueError(f"reads.{group} names {', '.join(unknown)}, which [columns] does not have")
