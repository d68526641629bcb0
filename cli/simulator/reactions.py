"""What a CPE does by itself when a parameter was set. The rule: a table of patterns; nothing else follows a setting.

Enable of a port ──▶ its Status      a switch that clears something ──▶ back to false, and counted
"""

import re
from collections.abc import Callable

from cli.simulator.tree import Tree

_PORT = re.compile(r"(.+\.(?:LANEthernetInterfaceConfig|Ethernet\.Interface)\.\d+\.)Enable")
_NETWORK = re.compile(r"(.+\.(?:WLANConfiguration|WiFi\.SSID)\.\d+\.)Enable")
_SWITCH = re.compile(r".+\.(?:ServiceListDatabase\.Reset|X_02005E_ClearCache)")
_TRUE = ("1", "true")


def react(tree: Tree, name: str, value: str) -> None:
    """Let the device follow a setting that it has taken."""
    for pattern, follow in _TABLE:
        found = pattern.fullmatch(name)
        if found is not None:
            follow(tree, found, value.strip().lower() in _TRUE)


def _port(tree: Tree, found: re.Match[str], on: bool) -> None:
    """The cable stays where it is: what the link was comes back with the port."""
    status = f"{found[1]}Status"
    if not on and status in tree and tree.value(status) != "Disabled":
        tree.links[status] = tree.value(status)
    _put(tree, status, tree.links.pop(status, "Up") if on else "Disabled")


def _network(tree: Tree, found: re.Match[str], on: bool) -> None:
    _put(tree, f"{found[1]}Status", "Up" if on else "Down" if ".WiFi." in found[1] else "Disabled")


def _switch(tree: Tree, found: re.Match[str], on: bool) -> None:
    if on:
        tree.cleared.append(found[0])
        tree.put(found[0], "false")


def _put(tree: Tree, name: str, value: str) -> None:
    if name in tree:
        tree.put(name, value)


_TABLE: tuple[tuple[re.Pattern[str], Callable[[Tree, re.Match[str], bool], None]], ...] = (
    (_PORT, _port),
    (_NETWORK, _network),
    (_SWITCH, _switch),
)
