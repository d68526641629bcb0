"""What every test shares: one uvloop loop for a whole run, with Twisted's reactor on it."""

import asyncio
import inspect
import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType

import pytest
import structlog
import uvloop
from twisted.internet import asyncioreactor

from tests.memory_folder import forget_at_exit, into_memory


def plain_logs() -> None:
    """Logs as plain lines: by default an error that is logged is drawn with all its locals, which takes seconds."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.processors.add_log_level, plain])


plain_logs()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long values do not name their test: they may hold the present instant, which differs in each worker."""
    return argname if isinstance(val, str | bytes) and len(val) > 40 else None


def interrupted(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C. It is not Python's own handler, which asyncio would replace for each async test and fixture.

    To put it back, asyncio looks it up in an enumeration; the error of that draws the task with its result. Of a
    server that is 100,000 characters: a tenth of a second, six times a test.
    """
    raise KeyboardInterrupt


if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, interrupted)

#: the loop of every test of this process, as the server has it. Twisted's reactor is bound to one loop for good, and
#: whoever imports it first chooses which: so it is put on this one before any test can.
_LOOP = uvloop.new_event_loop()
asyncioreactor.install(_LOOP)  # type: ignore[no-untyped-call] # Twisted has no type here


def the_loop() -> asyncio.AbstractEventLoop:
    """The one loop."""
    return _LOOP


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Every async test of the run is on the one loop: a factory that is another object for each would begin anew."""
    return {"uvloop": the_loop}


class FailuresAtOnce:
    """Says each failure when it happens: a run that is cut off would otherwise take its failures with it."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Print the name and the end of what went wrong."""
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if report.failed and terminal is not None:
            terminal.write_line(f"\n{report.outcome} in {report.when}: {report.nodeid}")
            terminal.write_line("\n".join(report.longreprtext.splitlines()[-_LAST_LINES:]))


_LAST_LINES = 30


def pytest_configure(config: pytest.Config) -> None:
    """The controller alone speaks, and has the folder of the run; its workers only report to it."""
    if hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(FailuresAtOnce(config))
    if (folder := into_memory()) is not None:
        forget_at_exit(folder)


#: what takes minutes for a few tests begins first, so that no worker is left with it at the end
_LONG = ("tests/redmine/", "tests/scenarios/", "tests/tmf/", "tests/docs/", "tests/fuzz/", "tests/server/test_crash")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, and no sync test with an async fixture."""
    items.sort(key=lambda item: not item.nodeid.startswith(_LONG))
    _refuse_loops_of_their_own(items)


def _refuse_loops_of_their_own(items: list[pytest.Item]) -> None:
    """Refuse a sync test that wants an async fixture: it would be given a loop of its own, and the tests' loop closed.

    The loop's factory is a parameter of async tests alone, and a session's fixture whose parameter changes is made
    anew: the one loop would be closed on the way.
    """
    for item in items:
        function = getattr(item, "function", None)
        if inspect.iscoroutinefunction(function) or not isinstance(item, pytest.Function):
            continue
        for name, found in item._fixtureinfo.name2fixturedefs.items():
            if any(inspect.iscoroutinefunction(one.func) or inspect.isasyncgenfunction(one.func) for one in found):
                raise pytest.UsageError(f"{item.nodeid} is sync and wants the async fixture {name!r}: make it async")
