"""The API for programs. As a library:

    from cli.client import Secondline
    with Secondline("https://acs.example.net", token) as acs:
        test = acs.wait_for_verdict(acs.test_line("L-1", ticket="TT-1").id)

`Secondline` has typed calls and results; `Client` underneath takes any address of the API, as the commands use it.
"""

import importlib
from typing import TYPE_CHECKING, Any

from cli.client.http import (
    Client,
    ServerEvent,
    client_folder,
    connect,
    read_token,
    segment,
    session_file,
    session_path,
)

if TYPE_CHECKING:
    from cli.client.typed import Secondline

__all__ = [
    "Client",
    "Secondline",
    "ServerEvent",
    "client_folder",
    "connect",
    "read_token",
    "segment",
    "session_file",
    "session_path",
]


def __getattr__(name: str) -> Any:
    """The typed client, once somebody asks for it: the commands do not, and its results take longest to load."""
    if name == "Secondline":
        return importlib.import_module("cli.client.typed").Secondline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
