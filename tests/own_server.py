"""The server in a process of its own, for the length of a block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.own_server import OwnServer


@contextmanager
def own_server(folder: Path, config: str = "", **options: str) -> Iterator[OwnServer]:
    """One that is prepared in this folder and runs, with these lines at the end of its configuration.

    `options` are those of `OwnServer`.
    """
    server = OwnServer(folder, **options)
    server.prepare()
    with server.config_file.open("a", encoding="utf-8") as file:
        file.write(config)
    server.start()
    try:
        yield server
    finally:
        server.stop()
