"""The commands' own HTTP: connections used again, streams, time limits, and servers that break off."""

import errno
import http.server
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from cli.client import Client
from cli.client.wire import Wire, WireFailed, WireTimeout
from cli.errors import CliError
from cli.ports import free_port


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections: set[tuple[str, int]]

    def do_GET(self) -> None:
        self.connections.add(self.client_address)
        if self.path.startswith("/api/slow"):
            self.server.slow.wait(30)  # type: ignore[attr-defined]
        if self.path.endswith("/events"):
            self._tell_events()
            return
        body = f"{self.path}\n{self.headers.get('authorization')}\n".encode()
        self.send_response(302 if self.path == "/api/away" else 200)
        self.send_header("Location", "http://127.0.0.1:1/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/api/last":
            self.close_connection = True  # without a word before, as when a server's patience ends

    def _tell_events(self) -> None:
        """One event, and the end only after somebody was told to go on."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in (b"event: end\ndata: {}\n\n", b""):
            with suppress(OSError):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
                self.wfile.flush()
            self.server.slow.wait(30)  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        body = self.rfile.read(size)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_values: object) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[tuple[Wire, set[tuple[str, int]], threading.Event]]:
    seen: set[tuple[str, int]] = set()
    handler = type("Answers", (_Answers,), {"connections": seen})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.slow = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    wire = Wire(f"http://127.0.0.1:{server.server_port}/api", {"authorization": "Bearer t"}, 30.0)
    try:
        yield wire, seen, server.slow  # type: ignore[attr-defined]
    finally:
        wire.close()
        server.slow.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join(30)


def test_one_connection_serves_many_calls_and_names_are_quoted_once() -> None:
    with serving() as (wire, seen, _):
        for _n in range(3):
            answer = wire.request("GET", "/a%2Fb/ж", query=[("q", "x y&z")])
            assert answer.text == "/api/a%2Fb/%D0%B6?q=x+y%26z\nBearer t\n"
        assert wire.request("GET", "/p?event=0 BOOT", query=[("q", "1")]).text.startswith("/api/p?event=0%20BOOT&q=1\n")
        assert len(seen) == 1
        with wire.stream("GET", "/first") as one, wire.stream("GET", "/second") as other:
            assert next(one.lines()).endswith("first") and b"".join(other.blocks()).startswith(b"/api/second")
        assert len(seen) == 2


def test_a_body_in_parts_is_sent_whole() -> None:
    with serving() as (wire, _seen, _):
        answer = wire.request("POST", "/file", body=iter([b"ab", b"cd"]), headers={"content-length": "4"})
        assert answer.content == b"abcd"


def test_a_connection_that_the_server_closed_meanwhile_is_made_anew() -> None:
    with serving() as (wire, seen, _):
        for number in range(1, 4):
            assert wire.request("GET", "/last").status == 200
            assert len(seen) == number
            time.sleep(0.1)


def test_a_redirect_is_not_followed() -> None:
    with serving() as (wire, _seen, _):
        assert wire.request("GET", "/away").redirects


def test_a_server_that_says_nothing_is_given_up() -> None:
    with serving() as (wire, _seen, slow):
        with pytest.raises(WireTimeout):
            wire.request("GET", "/slow", timeout_s=0.2)
        slow.set()
        assert wire.request("GET", "/after").status == 200


def test_nobody_there_and_a_server_that_breaks_off() -> None:
    with pytest.raises(WireFailed, match=r"refused|connect"):
        Wire(f"http://127.0.0.1:{free_port()}", {}, 5.0).request("GET", "/")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        wire = Wire(f"http://127.0.0.1:{listener.getsockname()[1]}", {}, 30.0)

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with pytest.raises(WireFailed):
            wire.request("GET", "/")
        thread.join(30)


def test_a_name_that_is_none_is_no_crash() -> None:
    with pytest.raises(WireFailed):
        Wire("http://" + "x" * 70 + ".invalid", {}, 5.0).request("GET", "/")


class _Full(io.BytesIO):
    def write(self, _block: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


class _Broken(io.BytesIO):
    def read(self, _size: int | None = -1) -> bytes:
        raise OSError(errno.EIO, "Input/output error")


def test_a_stream_that_was_left_does_not_answer_the_next_call() -> None:
    """A stream's end still comes when its reader has gone: it would be read as the beginning of the next answer."""
    with serving() as (wire, _seen, slow):
        with wire.stream("GET", "/events") as answer:
            assert next(answer.lines()) == "event: end"
        threading.Timer(0.2, slow.set).start()
        assert wire.request("GET", "/after").text.startswith("/api/after")


def test_a_full_disk_is_not_told_as_a_server_that_is_away() -> None:
    with serving() as (wire, _seen, _slow):
        client = Client(wire.origin, "t")
        with pytest.raises(CliError, match="cannot be written: No space left"):
            client.fetch_file("/file", _Full())
        with pytest.raises(CliError, match="cannot be read: Input/output"):
            client.send_file("/file", _Broken(), 4, [])
        client.close()
