"""Sessions through the nginx and haproxy of Debian, with the configurations of docs/proxies.md."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acs.store import devices
from cli.ports import free_port
from tests.absent import absent
from tests.certificates import Authority
from tests.fakes.acs_server import Running, config_for, running
from tests.fakes.cpe import Cpe
from tests.server.test_tls import Client, posted

DOCS = Path(__file__).parents[2] / "docs" / "proxies.md"
STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
HAS_STREAM = STREAM_MODULE.exists()
PERIODIC = ("2 PERIODIC", "")
NGINX = """daemon off; pid {folder}/nginx.pid; error_log stderr; user root; worker_processes 1;
{modules}events {{ worker_connections 64; }}
{body}
"""
PATHS = "".join(
    f"{name}_temp_path {{folder}}/{name}; " for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
)
HAPROXY = "defaults\n    timeout connect 5s\n    timeout client 2m\n    timeout server 2m\n"


def documented(kind: str, number: int, server_port: int, port: int, folder: Path) -> str:
    """The n-th block of a kind in the documentation, with the ports and files of this test."""
    block = DOCS.read_text().split(f"```{kind}\n")[1:][number].partition("```")[0]
    block = block.replace("127.0.0.1:7547", f"127.0.0.1:{server_port}").replace("bind :7548", f"bind 127.0.0.1:{port}")
    block = block.replace("listen 7548", f"listen 127.0.0.1:{port}")
    return block.replace("/etc/haproxy/", f"{folder}/").replace("/etc/nginx/", f"{folder}/")


def program(name: str) -> str:
    found = shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if found is None:
        absent(f"{name} is missing; install it with: apt-get install {name}")
    return found


@contextlib.asynccontextmanager
async def serving(port: int, *command: str) -> AsyncIterator[None]:
    """A proxy in the foreground, until it serves and then for the length of a block."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    assert process.stdout is not None
    try:
        for _ in range(1200):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                break
            if process.returncode is not None:
                raise AssertionError((await process.stdout.read()).decode())
            await asyncio.sleep(0.05)
        else:
            raise AssertionError(f"{command[0]} does not listen on port {port} after a minute")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.communicate(), 60)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The proxies' files: their certificate, alone and with its key, and the authority of devices."""
    authority = Authority(tmp_path)
    files = authority.issue("proxy", file="acs")
    shutil.copy(authority.file, tmp_path / "devices-ca.pem")
    (tmp_path / "acs.pem").write_bytes(files.certificate.read_bytes() + files.key.read_bytes())
    return authority


def config(folder: Path, mode: str, auth: str) -> Any:
    (folder / "enrol").write_text("enrol secret\n")
    (folder / "enrol").chmod(0o600)
    cwmp = {"auth": auth, "proxy": {"trusted": ["127.0.0.1/32"], "mode": mode}}
    enrol = {"enrol_username": "enrol", "enrol_password_file": "enrol"}
    return config_for(folder, cwmp={**cwmp, **enrol})


async def play(server: Running, port: int, authority: Authority, *, certificates: bool, tls: bool) -> None:
    """What every proxy must let through: a challenge, and a device that its certificate names, if it may have one."""
    head, _ = await posted(Client(port, authority))
    assert " 401 " in head
    assert ("Basic" in head) is tls
    if certificates:
        cpe = Cpe(0)
        named = Client(port, authority, authority.issue(cpe.key, file="device"))
        assert " 200 " in (await posted(named, cpe))[0]
        assert " 401 " in (await posted(named, Cpe(0, serial="OTHER")))[0]
        async with server.store.reading() as tx:
            found = await devices.get(tx, cpe.key)
        assert found is not None
        assert found.address == "127.0.0.1"


@pytest.mark.parametrize(("number", "mode"), [(0, "protocol"), (1, "headers")])
async def test_haproxy(tmp_path: Path, authority: Authority, number: int, mode: str) -> None:
    haproxy, port = program("haproxy"), free_port()
    async with running(config(tmp_path, mode, "basic")) as server:
        text = documented("haproxy", number, server.port, port, tmp_path)
        (tmp_path / "haproxy.cfg").write_text(HAPROXY + text)
        async with serving(port, haproxy, "-db", "-f", str(tmp_path / "haproxy.cfg")):
            await play(server, port, authority, certificates=True, tls=True)


@pytest.mark.parametrize(("number", "mode"), [(0, "protocol"), (1, "headers")])
async def test_nginx(tmp_path: Path, authority: Authority, number: int, mode: str) -> None:
    nginx, port = program("nginx"), free_port()
    if mode == "protocol" and not HAS_STREAM:
        absent("nginx's stream module is missing; install it with: apt-get install libnginx-mod-stream")
    async with running(config(tmp_path, mode, "basic")) as server:
        text = documented("nginx", number, server.port, port, tmp_path)
        modules = f"load_module {STREAM_MODULE};\n" if mode == "protocol" else ""
        body = text if mode == "protocol" else f"http {{ access_log off; {PATHS.format(folder=tmp_path)}{text} }}"
        (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, modules=modules, body=body))
        async with serving(port, nginx, "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", "stderr"):
            await play(server, port, authority, certificates=mode == "headers", tls=mode == "headers")
