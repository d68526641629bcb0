"""The client when the other end is not a server of ours, starts late, or goes on without us."""

import http.server
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import click
import pytest

from acs.services.translation import translated
from cli import line, operation, output, texts
from cli.client import Client, ServerEvent, connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import same_server
from cli.ports import free_port
from tests.cli.conftest import run


class Stranger(http.server.BaseHTTPRequestHandler):
    """What another program answers: 405 in plain text, 404 as JSON, or a redirect."""

    def do_GET(self) -> None:
        as_json = "lines" in self.path
        self.send_response(307 if "operations" in self.path else 404 if as_json else 405)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Type", "application/json" if as_json else "text/plain")
        self.end_headers()
        if as_json:
            self.wfile.write(b"{}")

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def serve(port: int) -> http.server.HTTPServer:
    server = http.server.HTTPServer(("127.0.0.1", port), Stranger)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


@pytest.fixture
def stranger() -> Iterator[str]:
    server = serve(0)
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "url", ["http://", "http://256.0.0.1:99999", "ftp://127.0.0.1", "127.0.0.1:8080", "http://:80"]
)
def test_what_is_no_address_is_said(url: str) -> None:
    with pytest.raises(CliError, match="is no address") as caught:
        connect(url, None)
    assert caught.value.exit_code == ExitStatus.USAGE


@pytest.mark.parametrize("words", [("device", "list"), ("line", "list"), ("operation", "show", "x")])
def test_another_program_at_the_address_is_said(stranger: str, words: tuple[str, ...]) -> None:
    result = run(*words, "--url", stranger)
    assert result.exit_code == ExitStatus.UNREACHABLE
    assert "does not answer as secondline does" in result.stderr and not result.stdout


def test_a_server_without_tls_is_said(stranger: str) -> None:
    result = run("line", "list", "--url", stranger.replace("http:", "https:"))
    assert result.exit_code == ExitStatus.UNREACHABLE
    assert "speaks no TLS; write the address with http://" in result.stderr


@pytest.mark.parametrize("end", ["", "/", "/api/v1", "/api/v1/"])
def test_the_address_may_be_that_of_the_api(end: str) -> None:
    with connect(f"https://acs.example/prefix{end}", None) as client:
        assert client.url == "https://acs.example/prefix"


def test_a_server_that_starts_late_is_waited_for_and_not_for_ever() -> None:
    port = free_port()
    with Client(f"http://127.0.0.1:{port}", None) as client:
        with pytest.raises(CliError, match="No server answers"):
            client.await_server(0.1)
        late: list[http.server.HTTPServer] = []
        timer = threading.Timer(0.5, lambda: late.append(serve(port)))
        began = time.monotonic()
        timer.start()
        client.await_server(60.0)
        assert time.monotonic() - began > 0.4
        timer.join()
    late[0].shutdown()
    late[0].server_close()


def test_an_id_is_one_segment_and_not_empty() -> None:
    assert segment("../devices") == "..%2Fdevices"
    for words in (("operation", "show", ""), ("operation", "cancel", ""), ("linetest", "show", "")):
        result = run(*words)
        assert result.exit_code == ExitStatus.NOT_FOUND and "names nothing" in result.stderr


class Interrupted:
    """A client whose stream the person at the keyboard ends."""

    def events(self, _path: str, *, timeout_s: float) -> Iterator[ServerEvent]:
        yield ServerEvent("step", {"at": "2026-11-21T12:00:00Z", "name": "queued"})
        raise KeyboardInterrupt(timeout_s)


def test_ctrl_c_says_that_the_operation_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        operation.follow(client, {"id": "op-1"}, timeout_s=1.0, quiet=True)
    written = capsys.readouterr()
    assert "secondline operation cancel op-1" in written.err and not written.out


def test_ctrl_c_says_that_the_test_of_a_line_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        line.watch(client, "test-1", "L-1", quiet=True)
    assert "secondline linetest show test-1" in capsys.readouterr().err


def test_who_waits_is_told_until_when(capsys: pytest.CaptureFixture[str]) -> None:
    client: Any = Interrupted()
    queued = {"id": "op-1", "deadline_at": "2026-11-21T13:00:00.123Z"}
    with pytest.raises(KeyboardInterrupt):
        operation.follow(client, queued, timeout_s=1.0, quiet=False)
    assert "until 2026-11-21 13:00:00 UTC" in capsys.readouterr().err


def test_an_advised_command_names_the_same_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert same_server() == ""
    client: Any = Interrupted()
    with click.Context(click.Command("check")) as context, pytest.raises(KeyboardInterrupt):
        context.params = {"url": "http://acs:8080", "token_file": Path("my tokens/me")}
        operation.follow(client, {"id": "op-1"}, timeout_s=1.0, quiet=True)
    said = "operation cancel op-1 --url http://acs:8080 --token-file 'my tokens/me'"
    assert said in capsys.readouterr().err


def test_the_question_before_a_reboot_is_not_part_of_the_result() -> None:
    result = run("device", "reboot", "D", "--json")
    assert result.exit_code != 0 and not result.stdout and "cut off" in result.stderr


def test_a_table_says_yes_and_no(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table(["fact", "value"], [["dns.operator_ok", True], ["olt.port_fault", False]])
    written = capsys.readouterr().out
    assert "yes" in written and "no" in written and "True" not in written


class Known(Client):
    """A server that knows one parameter of its device, and whose readings fail."""

    ENDED: ClassVar = {"id": "o-1", "device": "d", "kind": "get", "state": "expired", "detail": "nobody came"}

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", None)

    def get(self, path: str, /, **query: object) -> Any:
        return [{"name": "Device.X", "value": "1"}] if query["path"] == "Device.X" else []

    def post(self, path: str, body: object = None, *, headers: Mapping[str, str] | None = None) -> Any:
        return {"id": "o-1"}

    def events(self, path: str, *, timeout_s: float) -> Iterator[ServerEvent]:
        yield ServerEvent("end", self.ENDED)


def test_a_failed_reading_is_printed_as_its_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.device.connect", lambda *_: Known())
    result = run("device", "get", "d", "Device.X", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (ExitStatus.TIMEOUT, Known.ENDED)
    assert "nobody came" in result.stderr
    result = run("device", "get", "d", "Device.X")
    assert (result.exit_code, result.stdout) == (ExitStatus.TIMEOUT, "")


def test_a_path_below_which_nothing_is_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.device.connect", lambda *_: Known())
    result = run("device", "get", "d", "Device.X", "Device.Y.", "--cached")
    assert (result.exit_code, result.stdout) == (ExitStatus.NOT_FOUND, "Device.X = 1\n")
    assert "Nothing is known below Device.Y. of d" in result.stderr
    assert run("device", "get", "d", "Device.X", "--cached").exit_code == ExitStatus.OK


class Teller(http.server.BaseHTTPRequestHandler):
    """An API that follows one operation, in the language that it is asked in."""

    def do_GET(self) -> None:
        said = translated("the CPE rebooted", self.headers["Accept-Language"])
        events = [("step", {"n": 1, "name": "succeeded", "at": "2026-03-05T12:00:00Z", "detail": said})]
        events.append(("end", {"id": "op-1", "state": "succeeded", "detail": said}))
        body = "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


def test_steps_are_shown_as_they_happen_in_the_language_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    server = http.server.HTTPServer(("127.0.0.1", 0), Teller)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    texts.choose("ru")
    try:
        with connect(f"http://127.0.0.1:{server.server_port}", None) as client:
            ended = operation.follow(client, {"id": "op-1"}, timeout_s=20.0, quiet=False)
    finally:
        server.shutdown()
        server.server_close()
    assert ended["detail"] == "CPE перезагрузился"
    assert capsys.readouterr().err.strip().endswith(": CPE перезагрузился")


class Mute(http.server.BaseHTTPRequestHandler):
    """An API whose operation has one step, and then nothing but heartbeats until whoever listens has gone."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        step = json.dumps({"n": 1, "name": "queued", "at": "2026-03-05T12:00:00Z"})
        with suppress(OSError):
            self.wfile.write(f"event: step\ndata: {step}\n\n".encode())
            while not self.server.gone.wait(0.02):  # type: ignore[attr-defined] # the event of the test
                self.wfile.write(b": still here\n\n")

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("chosen", "word"), [("en", "goes on in the server"), ("ru", "продолжается на сервере")])
def test_who_waits_gives_up_where_only_the_server_is_there(chosen: str, word: str) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mute)
    gone = server.gone = threading.Event()  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    texts.choose(chosen)
    queued = {"id": "op-1", "deadline_at": "2026-11-21T13:00:00.123Z"}
    try:
        with connect(f"http://127.0.0.1:{server.server_port}", None) as client, pytest.raises(CliError) as raised:
            operation.follow(client, queued, timeout_s=0.2, quiet=True)
    finally:
        gone.set()
        server.shutdown()
        server.server_close()
    assert raised.value.status is ExitStatus.TIMEOUT
    said = raised.value.message
    assert word in said and "operation show op-1" in said and "2026-11-21 13:00:00" in said
