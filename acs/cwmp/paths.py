"""Parameter paths: what can be sent, what holds what, and the order in which people read them.

The one rule: a path that ends in "." is partial (an object or a row); one that does not is a parameter. A row has a
number, or an alias in brackets.

Source: TR-106 §2, TR-069 Amendment 6 §3.6 and §A.3.2 (partial paths, aliases, wildcards).
"""

from collections.abc import Iterable, Iterator
from typing import Final

from acs.errors import InvalidInput

#: Longest parameter or object name that an RPC carries (TR-069 Amendment 6 §A.3.2.1, ParameterNames).
MAX_LENGTH: Final = 256


def check(path: object, where: str) -> str:
    """The path itself, when it can be sent. Names outside the standards are sent as the device told them.

    Raises:
        InvalidInput: `where` holds no text, an empty or too long one, or blanks.
    """
    if not isinstance(path, str) or not path or len(path) > MAX_LENGTH or not path.isprintable() or " " in path:
        raise InvalidInput(f"{where}: must be a parameter name of at most {MAX_LENGTH} characters without blanks")
    return path


def is_partial(path: str) -> bool:
    """Whether the path names an object and all below it. The empty path is the whole tree."""
    return path == "" or path.endswith(".")


def is_object(path: str) -> bool:
    """Whether the path names an object below the root, such as Device.NAT.PortMapping."""
    return path.endswith(".") and path.count(".") >= 2 and path.isprintable() and " " not in path


def is_row(path: str) -> bool:
    """Whether the path names a row of a table: Device.NAT.PortMapping.3. or Device.NAT.PortMapping.[a]."""
    return is_object(path) and _is_instance(path[:-1].rpartition(".")[2])


def covers(partial: str, path: str) -> bool:
    """Whether a partial path holds a path (or is it); a full path covers only itself."""
    return path.startswith(partial) if is_partial(partial) else path == partial


def without_covered(paths: Iterable[str]) -> list[str]:
    """The paths without those that another of them covers, sorted."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not (kept and is_partial(kept[-1]) and covers(kept[-1], path)):
            kept.append(path)
    return kept


def rows_above(path: str) -> Iterator[str]:
    """The paths of the rows that a path stands in, outermost first; a row stands in itself."""
    nodes = path.split(".")
    for n, node in enumerate(nodes[:-1]):
        if _is_instance(node):
            yield ".".join(nodes[: n + 1]) + "."


def table_of(row: str) -> str:
    """The path of the table of a row."""
    return row[: row.rstrip(".").rfind(".") + 1]


def generalised(path: str) -> str:
    """The path with "*" for every row: Device.WiFi.SSID.*.SSID."""
    return ".".join("*" if _is_instance(node) else node for node in path.split("."))


def reading_order(path: str) -> tuple[tuple[int, int, str], ...]:
    """Orders paths as people read them: row 2 before row 10."""
    nodes = path.split(".")
    return tuple((0, int(node), "") if node.isascii() and node.isdigit() else (1, 0, node) for node in nodes)


def _is_instance(node: str) -> bool:
    return (node.isascii() and node.isdigit()) or (node.startswith("[") and node.endswith("]"))
