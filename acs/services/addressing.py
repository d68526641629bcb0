"""Names that only some devices understand: aliases in brackets, and `*` for every instance. Pure.

The one rule: such a name is sent only to a device that said that it understands it: `AliasBasedAddressing` (TR-069
Amendment 6, §3.6.1) and `InstanceWildcardsSupported` are true; any other device would take it for an unknown name.
"""

from collections.abc import Iterator, Mapping

from acs.store.records import Json

ALIASES = "ManagementServer.AliasBasedAddressing"
WILDCARDS = "ManagementServer.InstanceWildcardsSupported"


def special(arguments: Mapping[str, Json]) -> frozenset[str]:
    """Which of ALIASES and WILDCARDS the names of an operation need."""
    needed = set()
    for name in _names(arguments):
        if ".[" in name:
            needed.add(ALIASES)
        if ".*" in name:
            needed.add(WILDCARDS)
    return frozenset(needed)


def why_not(needed: frozenset[str], root: str, known: Mapping[str, tuple[str, str]]) -> str | None:
    """Why the names cannot be sent to a device with these known values; None when they can."""
    for name in sorted(needed):
        value = known.get(root + name, ("", ""))[0].strip().lower()
        if value not in ("1", "true"):
            what = "aliases in brackets" if name == ALIASES else "`*` for instances"
            return f"the device is not known to understand {what}: {root}{name} is {value or 'not known'}"
    return None


def _names(arguments: Mapping[str, Json]) -> Iterator[str]:
    for key in ("names", "values", "attributes"):
        value = arguments.get(key)
        if isinstance(value, list | dict):
            yield from (str(name) for name in value)
    path = arguments.get("path")
    if isinstance(path, str):
        yield path
