"""What every test shares: one session-scoped uvloop loop, on which the reactor is installed once."""

import asyncio
import inspect
import sys
from collections.abc import Callable, Mapping

import pytest
import structlog
import uvloop


def plain_logs() -> None:
    """Logs as plain lines: by default an error that is logged is drawn with all its locals, which takes seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


plain_logs()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values do not name their test: they may hold the present instant, which differs in each worker."""
    return argname if isinstance(val, str | bytes) and len(val) > 40 else None


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the server runs on."""
    return {"uvloop": uvloop.new_event_loop}


#: what takes minutes for a few tests begins first, so that no worker is left with it at the end
_LONG = ("tests/redmine/", "tests/scenarios/", "tests/tmf/", "tests/docs/", "tests/fuzz/", "tests/server/test_crash")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, and no sync test with an async fixture."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))
    _refuse_loops_of_their_own(items)


def _refuse_loops_of_their_own(items: list[pytest.Item]) -> None:
    """Refuse a sync test that wants an async fixture: it would be given a loop of its own, and the tests' loop closed.

    The loop's factory is a parameter of async tests alone, and a session's fixture whose parameter changes is made
    anew; the reactor stays on the loop that was.
    """
    for item in items:
        function = getattr(item, "function", None)
        if inspect.iscoroutinefunction(function) or not isinstance(item, pytest.Function):
            continue
        for name, found in item._fixtureinfo.name2fixturedefs.items():
            if any(inspect.iscoroutinefunction(one.func) or inspect.isasyncgenfunction(one.func) for one in found):
                raise pytest.UsageError(f"{item.nodeid} is sync and wants the async fixture {name!r}: make it async")


@pytest.fixture(autouse=True)
def reactor_first(request: pytest.FixtureRequest) -> None:
    """Give every async test the reactor; a sync test has no loop to put it on, and would get one that is closed."""
    if inspect.iscoroutinefunction(getattr(request.node, "function", None)):
        request.getfixturevalue("reactor")


@pytest.fixture(scope="session")
async def reactor() -> object:
    """Twisted's reactor, installed on the tests' own loop before anything imports it."""
    if "twisted.internet.reactor" not in sys.modules:
        from twisted.internet import asyncioreactor  # noqa: PLC0415 - importing it earlier would choose another reactor

        asyncioreactor.install(asyncio.get_running_loop())
    from twisted.internet import reactor  # noqa: PLC0415 - only now it is the right one

    return reactor
