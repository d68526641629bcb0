"""CPU per session over TLS and behind proxies, beside nginx's own TLS with the same key in the same run.

    python -m bench.tls [--rounds 6] [--sessions 300] [--key ecdsa|rsa] [--json FILE]

Each case plays POST Inform → InformResponse → empty POST → 204 on a new connection. The generator's handshakes are its
own; `full` offers no ticket, `resumed` offers the one of the first connection. CPU is user + system of the server's
process, and for a proxy that of both. Compare ratios, never absolute figures.

    plain, digest                      the server without TLS, and with digest (a fresh nonce each)
    tls 1.2 / 1.3, full / resumed      the server's own TLS
    nginx return …                     nginx with the same key, which answers 204 to every POST: the yardstick
    nginx proxy, haproxy proxy         TLS in the proxy, the PROXY protocol to the server
"""

import argparse
import os
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from bench import processes
from bench.load import Device, Tally, Target, closed_loop
from bench.session import _cores, preload
from cli.ports import free_port
from tests.certificates import Authority, Files

#: Sessions in flight.
AT_ONCE = 16
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")


@dataclass(slots=True)
class Case:
    """One row of the report."""

    name: str
    play: Callable[[int, int], float]
    cpu_s: Callable[[], float]
    slices: list[float] = field(default_factory=list)
    failed: int = 0
    reused: float = 0.0


class Client:
    """A generator of TLS sessions with blocking sockets: the standard library's asyncio offers no tickets."""

    def __init__(self, port: int, version: str, *, resume: bool, devices: Sequence[Device]) -> None:
        self.port, self.resume, self.devices = port, resume, devices
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE
        self.context.minimum_version = self.context.maximum_version = (
            ssl.TLSVersion.TLSv1_2 if version == "1.2" else ssl.TLSVersion.TLSv1_3
        )
        self.session: ssl.SSLSession | None = None
        self.threads = ThreadPoolExecutor(AT_ONCE)
        self.failed = 0
        self.reused = 0
        self.error: Exception | None = None

    def play(self, sessions: int, first_number: int) -> None:
        """Play sessions, `AT_ONCE` at a time."""
        numbers = range(first_number, first_number + sessions)
        for _ in self.threads.map(self._try, numbers):
            pass

    def _try(self, number: int) -> None:
        try:
            self._one(self.devices[number % len(self.devices)], number)
        except (OSError, ValueError) as error:
            self.failed += 1
            self.error = error

    def _one(self, device: Device, number: int) -> None:
        plain = _connected(self.port)
        with self.context.wrap_socket(plain, session=self.session if self.resume else None) as sock:
            sock.sendall(device.inform(number))
            answer = _answer(sock)
            cookie = answer.partition(b"Set-Cookie: ")[2].partition(b";")[0]
            sock.sendall(device.empty(b"Cookie: " + cookie + b"\r\n" if cookie else b""))
            if b" 204 " not in _answer(sock)[:20]:
                raise ValueError("the empty POST was not answered with 204")
            self.reused += bool(sock.session_reused)
            if self.session is None or sock.version() == "TLSv1.3":
                self.session = sock.session


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit code 1 when a session failed."""
    options = _parse(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-tls-")))
        options.server_core, own_core = _cores()
        cases = list(_cases(stack, folder, options))
        processes.pin(os.getpid(), own_core)
        _play(cases, options)
    rows = [_row(case, cases) for case in cases]
    print(f"{'case':<28}{'µs median':>11}{'best':>8}{'× plain':>9}{'× nginx':>9}{'reused':>8}{'failed':>8}")
    for row in rows:
        print(
            "{name:<28}{median_us:>11.0f}{best_us:>8.0f}{plain:>9.2f}{nginx:>9}{reused:>8.0%}{failed:>8}".format_map(
                row
            )
        )
    processes.keep(rows, options.json)
    return 1 if any(row["failed"] for row in rows) else 0


def _cases(stack: ExitStack, folder: Path, options: argparse.Namespace) -> Iterator[Case]:
    files = Authority(folder).issue("bench", rsa_key=options.key == "rsa", file="bench")
    (folder / "both.pem").write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    plain = _server(stack, folder / "plain", options, files)
    digest = _server(stack, folder / "digest", options, files, digest=True)
    devices = [Device(Target(plain.port), f"T{n:05d}") for n in range(options.sessions)]
    yield Case("plain", _plain(Target(plain.port), options), plain.running.cpu_s)
    target = Target(digest.port, username=processes.USERNAME, password=processes.PASSWORD)
    yield Case("digest", _plain(target, options), digest.running.cpu_s)
    yield from _tls_cases("tls", plain.tls_port, plain.running.cpu_s, devices)
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if nginx is not None:
        port = free_port()
        body = (
            f"http {{ access_log off; {_paths(folder)} server {{ listen 127.0.0.1:{port} ssl; {_tls(folder)} "
            "location / { return 204; } } }"
        )
        cpu = stack.enter_context(_nginx(folder / "return", nginx, port, body, options.server_core))
        yield from _tls_cases("nginx return", port, cpu, devices)
    behind = _server(stack, folder / "behind", options, files, proxied=True)
    if nginx is not None and STREAM_MODULE.exists():
        port = free_port()
        body = (
            f"stream {{ server {{ listen 127.0.0.1:{port} ssl; {_tls(folder)} "
            f"proxy_pass 127.0.0.1:{behind.port}; proxy_protocol on; }} }}"
        )
        cpu = stack.enter_context(_nginx(folder / "stream", nginx, port, body, options.server_core))
        yield from _tls_cases("nginx proxy", port, _both(cpu, behind.running.cpu_s), devices, versions=("1.3",))
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    if haproxy is not None:
        port = free_port()
        cpu = stack.enter_context(_haproxy(folder, haproxy, port, behind.port, options.server_core))
        yield from _tls_cases("haproxy proxy", port, _both(cpu, behind.running.cpu_s), devices, versions=("1.3",))


def _tls_cases(
    name: str,
    port: int,
    cpu_s: Callable[[], float],
    devices: Sequence[Device],
    versions: Sequence[str] = ("1.2", "1.3"),
) -> Iterator[Case]:
    for version in versions:
        for resume in (False, True):
            client = Client(port, version, resume=resume, devices=devices)
            case = Case(f"{name} {version} {'resumed' if resume else 'full'}", lambda _n, _f: 0.0, cpu_s)
            case.play = _blocking(client, case)
            yield case


def _blocking(client: Client, case: Case) -> Callable[[int, int], float]:
    def play(sessions: int, first_number: int) -> float:
        client.reused = 0
        failed = client.failed
        client.play(sessions, first_number)
        case.failed += client.failed - failed
        case.reused = client.reused / sessions
        if client.error is not None:
            print(f"{case.name}: {client.error}", file=sys.stderr)
            client.error = None
        return float(sessions - client.failed + failed)

    return play


def _plain(target: Target, options: argparse.Namespace) -> Callable[[int, int], float]:
    devices = [Device(target, f"P{n:05d}") for n in range(options.sessions)]

    def play(sessions: int, first_number: int) -> float:
        async def work() -> Tally:
            return await closed_loop(target, devices, sessions, concurrency=AT_ONCE, first_number=first_number)

        return float(uvloop.run(work()).done)

    return play


def _play(cases: Sequence[Case], options: argparse.Namespace) -> None:
    number = 0
    for round_ in range(options.rounds + 1):
        for case in cases:
            before = case.cpu_s()
            done = case.play(options.sessions, number)
            time.sleep(0.1)
            case.slices.append((case.cpu_s() - before) / max(done, 1) * 1e6)
            number += options.sessions
            if round_ == 0:
                case.slices.clear()


def _row(case: Case, cases: Sequence[Case]) -> dict[str, str | float | int]:
    plain = cases[0]
    yardstick = next((c for c in cases if c.name == "nginx return" + case.name.removeprefix("tls")), None)
    if not case.name.startswith("tls"):
        yardstick = None
    median = statistics.median(case.slices)
    return {
        "name": case.name,
        "median_us": round(median, 1),
        "best_us": round(min(case.slices), 1),
        "plain": round(median / statistics.median(plain.slices), 3),
        "nginx": "–" if yardstick is None else f"{median / statistics.median(yardstick.slices):.2f}",
        "reused": case.reused,
        "failed": case.failed,
    }


@dataclass(frozen=True, slots=True)
class _Server:
    running: processes.Running
    port: int
    tls_port: int


def _server(
    stack: ExitStack, folder: Path, options: argparse.Namespace, files: Files, *, digest: bool = False,
    proxied: bool = False,
) -> _Server:  # fmt: skip
    folder.mkdir()
    port, tls_port = free_port(), free_port()
    config = processes.write_config(folder, f"sqlite:///{folder}/store.db", digest=digest, port=port)
    more = f'[cwmp.tls]\ncertificate_file = "{files.certificate}"\nkey_file = "{files.key}"\n'
    more += f'host = "127.0.0.1"\nport = {tls_port}\n[cwmp.first_contact]\nenabled = false\n'
    if proxied:
        more += '[cwmp.proxy]\ntrusted = ["127.0.0.1/32"]\n'
    config.write_text(config.read_text() + more)
    known = [Device(Target(port), f"{prefix}{n:05d}") for prefix in "TP" for n in range(options.sessions)]
    uvloop.run(preload(f"sqlite:///{folder}/store.db", folder / "vault.key", {8: known}))
    running = stack.enter_context(processes.server(config, port, options.server_core))
    return _Server(running, port, tls_port)


def _both(one: Callable[[], float], other: Callable[[], float]) -> Callable[[], float]:
    return lambda: one() + other()


def _tls(folder: Path) -> str:
    return (
        f"ssl_certificate {folder}/both.pem; ssl_certificate_key {folder}/both.pem; ssl_protocols TLSv1.2 TLSv1.3; "
        "ssl_session_tickets on;"
    )


def _paths(folder: Path) -> str:
    names = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return " ".join(f"{name}_temp_path {folder}/{name};" for name in names)


@contextmanager
def _nginx(folder: Path, nginx: str, port: int, body: str, core: int | None) -> Iterator[Callable[[], float]]:
    folder.mkdir()
    modules = f"load_module {STREAM_MODULE};\n" if body.startswith("stream") else ""
    (folder / "nginx.conf").write_text(
        f"{modules}daemon off; pid {folder}/pid; error_log {folder}/error.log; user root; worker_processes 1;\n"
        f"events {{ worker_connections 4096; }}\n{body}\n"
    )
    with _proxy(port, core, nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")) as cpu:
        yield cpu


@contextmanager
def _haproxy(folder: Path, haproxy: str, port: int, to: int, core: int | None) -> Iterator[Callable[[], float]]:
    (folder / "haproxy.cfg").write_text(
        "global\n    nbthread 1\ndefaults\n    mode tcp\n    timeout connect 5s\n    timeout client 1m\n"
        f"    timeout server 1m\nfrontend cpe\n    bind 127.0.0.1:{port} ssl crt {folder}/both.pem\n"
        f"    default_backend acs\nbackend acs\n    server one 127.0.0.1:{to} send-proxy-v2\n"
    )
    with _proxy(port, core, haproxy, "-db", "-f", str(folder / "haproxy.cfg")) as cpu:
        yield cpu


@contextmanager
def _proxy(port: int, core: int | None, *command: str) -> Iterator[Callable[[], float]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _connected(port, patience_s=10.0).close()
        processes.pin(process.pid, core)
        yield lambda: sum(processes.cpu_s(each) for each in processes.family(process.pid))
    finally:
        process.terminate()
        process.wait(10)


def _connected(port: int, patience_s: float = 0.0) -> "ssl.SSLSocket":
    import socket  # noqa: PLC0415 - only here

    end = time.monotonic() + patience_s
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)  # type: ignore[return-value] # a plain one
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _answer(sock: ssl.SSLSocket) -> bytes:
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += _some(sock)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += _some(sock)
    return head + b"\r\n\r\n" + body


def _some(sock: ssl.SSLSocket) -> bytes:
    got = sock.recv(65536)
    if not got:
        raise ValueError("closed instead of an answer")
    return got


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.tls", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6, help="slices of each case (6)")
    parser.add_argument("--sessions", type=int, default=300, help="sessions in a slice, one after the other (300)")
    parser.add_argument("--key", choices=("ecdsa", "rsa"), default="ecdsa", help="kind of the server's key (ecdsa)")
    parser.add_argument("--quick", action="store_true", help="one small round: does it work at all?")
    parser.add_argument("--json", default="", help="write the rows here too")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.sessions = 1, 20
    return options


if __name__ == "__main__":
    sys.exit(main())
