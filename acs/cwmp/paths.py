"""Parameter paths: taking apart, matching, ordering.

The one rule: a path that ends in "." is partial (an object); one that does not is a parameter. An instance is a number,
or an alias in brackets.

Source: TR-106 §2, TR-069 Amendment 6 §3.6 and §A.3.2 (partial paths, aliases, wildcards).
"""

import re
from collections.abc import Iterable
from typing import Final

from acs.errors import InvalidInput

#: Data-model roots: TR-181 and TR-098.
DEVICE: Final = "Device."
INTERNET_GATEWAY_DEVICE: Final = "InternetGatewayDevice."
#: Longest parameter or object name that an RPC carries.
MAX_LENGTH: Final = 256

_NODE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z_][A-Za-z0-9_-]*)*|[1-9][0-9]{0,9}|\*|\[[^\[\]]{1,64}\]")
_PART = re.compile(r"\[[^\[\]]*\]|[^.\[\]]+")


def check(path: str) -> str:
    """The path itself, when it can be sent.

    Raises:
        InvalidInput: empty, too long, or with a node that is neither name, instance number, alias nor "*".
    """
    if not path or len(path) > MAX_LENGTH:
        raise InvalidInput(f"a parameter path has 1 to {MAX_LENGTH} characters; {path[:40]!r} has {len(path)}")
    nodes = path.removesuffix(".").split(".") if "[" not in path else split(path)
    rebuilt = ".".join(nodes) + ("." if path.endswith(".") else "")
    if rebuilt != path or not all(_NODE.fullmatch(node) for node in nodes):
        raise InvalidInput(f"{path!r} is not a parameter path such as Device.WiFi.SSID.1.SSID, or Device.WiFi. for all")
    return path


def split(path: str) -> list[str]:
    """The nodes of a path; an alias keeps its brackets."""
    return _PART.findall(path)


def is_partial(path: str) -> bool:
    """Whether the path names an object and all below it. The empty path is the whole tree."""
    return path == "" or path.endswith(".")


def root(names: Iterable[str]) -> str | None:
    """The data-model root that the names share ("Device." or "InternetGatewayDevice."): that of the first with one."""
    for name in names:
        for candidate in (DEVICE, INTERNET_GATEWAY_DEVICE):
            if name.startswith(candidate):
                return candidate
    return None


def parent(path: str) -> str:
    """The partial path that holds a parameter or object; "" above the root."""
    return path.removesuffix(".").rpartition(".")[0] + "." if "." in path.removesuffix(".") else ""


def covers(partial: str, path: str) -> bool:
    """Whether a partial path holds a path (or is it); a full path covers only itself."""
    return path.startswith(partial) if is_partial(partial) else path == partial


def instances(path: str) -> tuple[int, ...]:
    """The instance numbers in a path, from left to right."""
    return tuple([int(node) for node in split(path) if node.isascii() and node.isdigit()])


def generalised(path: str) -> str:
    """The path with every instance as "{i}": "Device.WiFi.SSID.{i}.SSID"."""
    dot = "." if path.endswith(".") else ""
    return ".".join(["{i}" if _is_instance(node) else node for node in split(path)]) + dot


def matches(pattern: str, path: str) -> bool:
    """Whether a path fits a pattern: "*" and "{i}" stand for any one instance, a final "." for all that is below."""
    wanted, given = split(pattern), split(path)
    if is_partial(pattern):
        given = given[: len(wanted)]
    elif is_partial(path):
        return False
    if len(wanted) != len(given):
        return False
    return all(
        want == have or (want in ("*", "{i}") and _is_instance(have)) for want, have in zip(wanted, given, strict=True)
    )


def sort_key(path: str) -> tuple[tuple[int, int, str], ...]:
    """Orders paths as people read them: instance 2 before instance 10."""
    return tuple([(0, int(node), "") if node.isascii() and node.isdigit() else (1, 0, node) for node in split(path)])


def without_covered(paths: Iterable[str]) -> list[str]:
    """The paths without those that another of them covers, ordered."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not (kept and is_partial(kept[-1]) and covers(kept[-1], path)):
            kept.append(path)
    return kept


def _is_instance(node: str) -> bool:
    return (node.isascii() and node.isdigit()) or node == "*" or node[:1] == "["
