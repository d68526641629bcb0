"""A process beside a bench, with a pipe between them: agents that answer, senders of datagrams."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection


@contextmanager
def beside(serve: Callable[..., None], *arguments: object) -> Iterator[Connection]:
    """`serve(its end of a pipe, *arguments)` in a fresh process that ends once it is sent None; gives our end."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, *arguments), daemon=True)
    process.start()
    try:
        yield here
    finally:
        here.send(None)
        process.join(10)
