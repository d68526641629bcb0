"""Names of MIB objects and their numbers, through pysnmp's compiled MIBs. Loaded only where names are wanted.

The rule: a name that no MIB at hand knows stays a number; nothing is fetched from anywhere.
"""

import functools
from typing import Any

from pysnmp.smi import builder, view  # type: ignore[import-untyped]
from pysnmp.smi.error import SmiError  # type: ignore[import-untyped]

from probes.errors import ProbeRefused
from probes.snmp.target import Oid

#: modules that come with pysnmp, and the standards that access nodes follow where pysnmp has them
_MODULES = ("SNMPv2-MIB", "IF-MIB", "IP-MIB", "BRIDGE-MIB", "ENTITY-MIB", "SNMP-USER-BASED-SM-MIB")
#: names of RFC 2863 that pysnmp does not bring, and that everybody asks for
_IF = "1.3.6.1.2.1.2.2.1"
_IFX = "1.3.6.1.2.1.31.1.1.1"
_MORE = {
    "ifNumber": "1.3.6.1.2.1.2.1",
    "ifIndex": f"{_IF}.1",
    "ifDescr": f"{_IF}.2",
    "ifType": f"{_IF}.3",
    "ifMtu": f"{_IF}.4",
    "ifSpeed": f"{_IF}.5",
    "ifPhysAddress": f"{_IF}.6",
    "ifAdminStatus": f"{_IF}.7",
    "ifOperStatus": f"{_IF}.8",
    "ifLastChange": f"{_IF}.9",
    "ifInOctets": f"{_IF}.10",
    "ifInErrors": f"{_IF}.14",
    "ifOutOctets": f"{_IF}.16",
    "ifOutErrors": f"{_IF}.20",
    "ifName": f"{_IFX}.1",
    "ifHCInOctets": f"{_IFX}.6",
    "ifHCOutOctets": f"{_IFX}.10",
    "ifHighSpeed": f"{_IFX}.15",
    "ifAlias": f"{_IFX}.18",
    "linkDown": "1.3.6.1.6.3.1.1.5.3",
    "linkUp": "1.3.6.1.6.3.1.1.5.4",
}


def oid_of(name: str) -> Oid:
    """The number of an object: `sysDescr.0`, `IF-MIB::ifOperStatus.3`, or the number itself.

    Raises:
        ProbeRefused: no MIB at hand knows the name.
    """
    text = name.strip().lstrip(".")
    if text and all(part.isdigit() for part in text.split(".")):
        return text
    module, _, rest = text.rpartition("::")
    label, _, row = rest.partition(".")
    if row and not all(part.isdigit() for part in row.split(".")):
        raise ProbeRefused(f"{name[:80]!r}: behind the name of an object stand only numbers, as in sysDescr.0")
    if label in _MORE and module in ("", "IF-MIB"):
        return ".".join(filter(None, (_MORE[label], row)))
    try:
        number, _, _ = _views().get_node_name_by_desc(label, module) if module else _views().get_node_name((label,))
    except SmiError as error:
        raise ProbeRefused(f"{name[:80]!r}: no MIB at hand knows this name; write the number") from error
    return ".".join([*map(str, number), *([row] if row else [])])


def name_of(oid: Oid) -> str:
    """An OID with the name of its object: `ifOperStatus.3`; the number itself where no MIB at hand has it."""
    for name, number in _MORE.items():
        if oid == number or oid.startswith(number + "."):
            return name + oid[len(number) :]
    numbers = tuple(int(part) for part in oid.split("."))
    try:
        _, labels, row = _views().get_node_name(numbers)
    except SmiError:
        return oid
    if not labels or str(labels[-1]) in ("enterprises", "mib-2", "snmpModules", "iso", "internet"):
        return oid
    return ".".join([str(labels[-1]), *map(str, row)])


@functools.cache
def _views() -> Any:
    mibs = builder.MibBuilder()
    for module in _MODULES:
        try:
            mibs.load_modules(module)
        except SmiError:
            continue
    return view.MibViewController(mibs)
