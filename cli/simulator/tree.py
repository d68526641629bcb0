"""A CPE's parameter tree: what it answers to the parameter RPCs. The rule: no I/O, and every refusal is a `Refusal`.

Trees are CSV files beside this one: Parameter, Writable, Type, Value. A value may hold {names}: some are filled in when
the tree is made (serial, address), the others whenever they are read (uptime, now). `{i}` in a path marks the row that
AddObject makes.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from acs.cwmp.messages import SoapFault
from acs.cwmp.structs import (
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    SetParameterAttributesStruct,
    SetParameterValuesFault,
)

#: ends of names whose value a CPE never shows (TR-106: hidden values read as an empty string)
HIDDEN = ("Password", "KeyPassphrase", "PreSharedKey", "SAEPassphrase", "Secret")
PLACEHOLDER = re.compile(r"\{(\w+)\}")

INVALID_ARGUMENTS = 9003
INVALID_NAME = 9005
INVALID_TYPE = 9006
INVALID_VALUE = 9007
NOT_WRITABLE = 9008

_INTEGERS = {
    "xsd:int": (-(2**31), 2**31 - 1),
    "xsd:unsignedInt": (0, 2**32 - 1),
    "xsd:long": (-(2**63), 2**63 - 1),
    "xsd:unsignedLong": (0, 2**64 - 1),
}
_BOOLEANS = ("0", "1", "true", "false")


class Refusal(Exception):
    """The CPE answers a request with this SOAP fault."""

    def __init__(self, fault: SoapFault) -> None:
        super().__init__(fault.fault_string)
        self.fault = fault


@dataclass(slots=True)
class Parameter:
    """One leaf. A `live` value holds placeholders that are filled in when it is read."""

    value: str
    type: str
    writable: bool
    notification: int = 0
    live: bool = False


class Tree:
    """The parameters of one CPE. `live` gives the values of placeholders at the moment of reading."""

    def __init__(
        self,
        parameters: dict[str, Parameter],
        prototypes: Mapping[str, Mapping[str, Parameter]],
        live: Callable[[], Mapping[str, str]],
    ) -> None:
        self._parameters = parameters
        self._prototypes = prototypes
        self._live = live
        self._changed: set[str] = set()
        self._hidden: re.Pattern[str] | None = None
        #: switches that cleared something, in the order in which they were thrown
        self.cleared: list[str] = []
        #: the status of ports that are switched off, as it was before
        self.links: dict[str, str] = {}
        self.root = next(iter(parameters)).split(".")[0] + "."

    def __len__(self) -> int:
        return len(self._parameters)

    def __contains__(self, name: str) -> bool:
        return name in self._parameters

    def value(self, name: str) -> str:
        """Return the present value of a leaf, hidden ones too; the ACS never sees it this way."""
        parameter = self._parameters[name]
        return _fill(parameter.value, self._live()) if parameter.live else parameter.value

    def put(self, name: str, value: str) -> None:
        """Change a leaf from inside the device, as the firmware does; unknown names are a KeyError."""
        parameter = self._parameters[name]
        if parameter.value != value:
            parameter.value, parameter.live = value, False
            self._changed.add(name)

    def grow(self, name: str, value: str, type_: str = "xsd:string") -> None:
        """Put a leaf, and make it where there is none: rows that the device itself adds."""
        if name not in self._parameters:
            self._parameters[name] = Parameter("", type_, False)
        self.put(name, value)

    def find(self, pattern: str) -> list[str]:
        """Return the names of leaves that match a path with `*` for instance numbers."""
        expression = re.compile(re.escape(pattern).replace(r"\*", r"\d+") + r"\Z")
        return [name for name in self._parameters if expression.match(name)]

    def remove_rows(self, pattern: str) -> None:
        """Drop every row of the tables that match a partial path with `*`, as when all stations leave."""
        expression = re.compile(re.escape(pattern).replace(r"\*", r"\d+"))
        for name in [name for name in self._parameters if expression.match(name)]:
            del self._parameters[name]

    def hide(self, patterns: Sequence[str]) -> None:
        """Show the ACS none of the leaves that match full paths with `*`: the device goes on having them inside."""
        ends = "|".join(re.escape(pattern).replace(r"\*", r"\d+") for pattern in patterns)
        self._hidden = re.compile(f"(?:{ends})\\Z") if patterns else None

    def keep(self, wanted: Callable[[str], bool]) -> None:
        """Forget every leaf that is not wanted, as a smaller firmware has a smaller tree."""
        for name in [name for name in self._parameters if not wanted(name)]:
            del self._parameters[name]

    def take_changes(self) -> list[str]:
        """Return and forget the leaves with notification whose value the device itself has changed."""
        changed = [name for name in self._changed if self._parameters[name].notification]
        self._changed.clear()
        return sorted(changed)

    def get(self, names: Sequence[str]) -> tuple[ParameterValueStruct, ...]:
        """Answer GetParameterValues: full names and partial paths.

        Raises:
            Refusal: 9005, a name that does not exist.
        """
        live = self._live()
        found: list[ParameterValueStruct] = []
        for name in names:
            found.extend(self._struct(leaf, live) for leaf in self._below(name))
        return tuple(found)

    def names(self, path: str, next_level: bool) -> tuple[ParameterInfoStruct, ...]:
        """Answer GetParameterNames.

        Raises:
            Refusal: 9005, an unknown path; 9003, next level of a leaf (TR-069 A.3.2.3).
        """
        leaves = list(self._below(path))
        if path and not path.endswith("."):
            if next_level:
                raise Refusal(SoapFault(INVALID_ARGUMENTS, "Invalid arguments: NextLevel of a parameter"))
            return tuple(ParameterInfoStruct(leaf, self._parameters[leaf].writable) for leaf in leaves)
        infos: dict[str, bool] = {} if next_level or not path else {path: self._is_row_writable(path)}
        for leaf in leaves:
            for name in _levels(path, leaf, next_level):
                is_leaf = not name.endswith(".")
                infos[name] = self._parameters[leaf].writable if is_leaf else self._is_row_writable(name)
        return tuple(ParameterInfoStruct(name, writable) for name, writable in infos.items())

    def set(self, values: Sequence[ParameterValueStruct], parameter_key: str) -> None:
        """Apply SetParameterValues, all or none.

        Raises:
            Refusal: 9003 with the fault of each parameter.
        """
        faults = [fault for fault in map(self._set_fault, values) if fault is not None]
        if len({value.name for value in values}) != len(values):
            faults.append(SetParameterValuesFault(values[-1].name, INVALID_ARGUMENTS, "named twice"))
        if faults:
            raise Refusal(SoapFault(INVALID_ARGUMENTS, "Invalid arguments", "Client", tuple(faults)))
        for value in values:
            parameter = self._parameters[value.name]
            parameter.value, parameter.live = value.value, False
        self._set_key(parameter_key)

    def add_object(self, table: str, parameter_key: str) -> int:
        """Make a row of a table and return its instance number.

        Raises:
            Refusal: 9005, no such table, or one that takes no rows.
        """
        prototype = self._prototypes.get(table)
        if prototype is None:
            raise Refusal(SoapFault(INVALID_NAME, f"Invalid parameter name: {table}"))
        number = max((int(name[len(table) :].split(".")[0]) for name in self._under(table)), default=0) + 1
        for leaf, parameter in prototype.items():
            row = Parameter(parameter.value, parameter.type, parameter.writable)
            self._parameters[f"{table}{number}.{leaf}"] = row
        self._count_rows(table)
        self._set_key(parameter_key)
        return number

    def delete_object(self, row: str, parameter_key: str) -> None:
        """Remove a row that AddObject could have made.

        Raises:
            Refusal: 9005, no such row.
        """
        names = list(self._under(row))
        table = row[: row.rstrip(".").rfind(".") + 1]
        if not names or table not in self._prototypes:
            raise Refusal(SoapFault(INVALID_NAME, f"Invalid parameter name: {row}"))
        for name in names:
            del self._parameters[name]
        self._count_rows(table)
        self._set_key(parameter_key)

    def attributes(self, names: Sequence[str]) -> tuple[ParameterAttributeStruct, ...]:
        """Answer GetParameterAttributes.

        Raises:
            Refusal: 9005, a name that does not exist.
        """
        return tuple(
            ParameterAttributeStruct(leaf, self._parameters[leaf].notification, ("Subscriber",))
            for name in names
            for leaf in self._below(name)
        )

    def set_attributes(self, wanted: Sequence[SetParameterAttributesStruct]) -> None:
        """Apply SetParameterAttributes.

        Raises:
            Refusal: 9005, a name that does not exist; 9003, a notification that TR-069 does not know.
        """
        for attribute in wanted:
            if not 0 <= attribute.notification <= 6:
                raise Refusal(SoapFault(INVALID_ARGUMENTS, "Invalid arguments: Notification"))
            for leaf in self._below(attribute.name):
                if attribute.notification_change:
                    self._parameters[leaf].notification = attribute.notification

    def _below(self, name: str) -> list[str]:
        if name in self._parameters and not self._is_hidden(name):
            return [name]
        below = self._under(name) if name == "" or name.endswith(".") else ()
        leaves = [leaf for leaf in below if not self._is_hidden(leaf)]
        if not leaves and name not in self._prototypes:
            raise Refusal(SoapFault(INVALID_NAME, f"Invalid parameter name: {name}"))
        return leaves

    def _is_hidden(self, name: str) -> bool:
        return self._hidden is not None and self._hidden.match(name) is not None

    def _under(self, path: str) -> Iterator[str]:
        return (name for name in self._parameters if name.startswith(path))

    def _struct(self, name: str, live: Mapping[str, str]) -> ParameterValueStruct:
        parameter = self._parameters[name]
        if name.endswith(HIDDEN):
            return ParameterValueStruct(name, "", parameter.type)
        return ParameterValueStruct(
            name, _fill(parameter.value, live) if parameter.live else parameter.value, parameter.type
        )

    def _set_fault(self, wanted: ParameterValueStruct) -> SetParameterValuesFault | None:
        parameter = self._parameters.get(wanted.name)
        if parameter is None or self._is_hidden(wanted.name):
            return SetParameterValuesFault(wanted.name, INVALID_NAME, "Invalid parameter name")
        if not parameter.writable:
            return SetParameterValuesFault(wanted.name, NOT_WRITABLE, "Attempt to set a non-writable parameter")
        if parameter.type in _INTEGERS:
            low, high = _INTEGERS[parameter.type]
            if not re.fullmatch(r"[+-]?\d{1,20}", wanted.value.strip()) or not low <= int(wanted.value) <= high:
                return SetParameterValuesFault(wanted.name, INVALID_VALUE, f"Invalid value: {parameter.type} is wanted")
        if parameter.type == "xsd:boolean" and wanted.value.strip().lower() not in _BOOLEANS:
            return SetParameterValuesFault(wanted.name, INVALID_TYPE, "Invalid type: xsd:boolean is wanted")
        return None

    def _is_row_writable(self, path: str) -> bool:
        return path in self._prototypes or path[: path.rstrip(".").rfind(".") + 1] in self._prototypes

    def _count_rows(self, table: str) -> None:
        counter = f"{table[:-1]}NumberOfEntries"
        if counter in self._parameters:
            rows = {name[len(table) :].split(".")[0] for name in self._under(table)}
            self._parameters[counter].value = str(len(rows))

    def _set_key(self, parameter_key: str) -> None:
        key = f"{self.root}ManagementServer.ParameterKey"
        if parameter_key and key in self._parameters:
            self._parameters[key].value = parameter_key


def load(name: str, fixed: Mapping[str, str], live: Callable[[], Mapping[str, str]]) -> Tree:
    """Return the tree of `trees/<name>.csv` with the placeholders in `fixed` filled in."""
    text = (resources.files("cli.simulator") / "trees" / f"{name}.csv").read_text(encoding="utf-8")
    parameters: dict[str, Parameter] = {}
    prototypes: dict[str, dict[str, Parameter]] = {}
    for path, writable, kind, value in list(csv.reader(text.splitlines()))[1:]:
        filled = _fill(value, fixed)
        parameter = Parameter(filled, kind, writable == "1", live="{" in filled)
        table, mark, leaf = path.partition("{i}.")
        if mark:
            prototypes.setdefault(table, {})[leaf] = parameter
        else:
            parameters[path] = parameter
    return Tree(parameters, prototypes, live)


def _fill(value: str, known: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: known.get(match[1], match[0]), value)


def _levels(path: str, leaf: str, next_level: bool) -> Iterator[str]:
    """Yield the names between `path` (excluded) and a leaf below it (included): only the first if `next_level`."""
    rest = leaf[len(path) :].split(".")
    name = path
    for position, part in enumerate(rest):
        name += part + ("." if position < len(rest) - 1 else "")
        yield name
        if next_level:
            return
