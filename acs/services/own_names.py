"""What a device's tree says of the device itself, and not of other boxes: MACs, addresses, the name of its model. Pure.

The rule of this file: a parameter below hosts, stations, neighbours or leases is another box's, whatever its name.
"""

import re
from collections.abc import Iterator, Mapping

#: parts of a path below which addresses are those of other boxes
_OTHERS = (".Hosts.", ".Host.", "AssociatedDevice", "Neighbor", "NeighboringWiFi", ".ARP", "DHCPv4.Server", "LLDP")
_MAC = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}")
#: what stands where there is no address
_NO_ADDRESS = frozenset({"", "0.0.0.0"})
_NO_MAC = re.compile(r"[0:-]*")


def own_macs(values: Mapping[str, str]) -> dict[str, str]:
    """MAC → the first name that has it, in the order of the tree; as it was sent, each once in whatever spelling."""
    found: dict[str, tuple[str, str]] = {}
    for name, value in _own(values, "MACAddress"):
        if _MAC.fullmatch(value) and not _NO_MAC.fullmatch(value):
            found.setdefault(re.sub(r"[:-]", "", value).upper(), (value, name))
    return dict(found.values())


def own_addresses(values: Mapping[str, str]) -> list[str]:
    """The device's own IP addresses, each once."""
    return list(dict.fromkeys(value for _, value in _own(values, "IPAddress") if value not in _NO_ADDRESS))


def model_names(values: Mapping[str, str]) -> list[tuple[str, str]]:
    """(name, value) of what the device calls its model beside the product class of its Informs."""
    return [(name, value) for name, value in values.items() if name.endswith(".DeviceInfo.ModelName") and value]


def names_of_model(product_class: str, values: Mapping[str, str]) -> tuple[str, ...]:
    """What a device calls its model: the product class of its Informs, and the name in its tree where it was read."""
    return (product_class, *(name for _, name in model_names(values)[:1]))


def _own(values: Mapping[str, str], ending: str) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if name.endswith(ending) and not any(other in name for other in _OTHERS):
            yield name, value
