"""A real XMPP server for tests: Debian's Prosody on a port of 127.0.0.1, with a certificate of its own."""

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cli.ports import free_port
from tests.absent import absent

DOMAIN = "localhost"
ADMIN, PASSWORD = "acs", "acs password"
_PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin"))
_CONFIG = """
{root}
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
certificates = "{folder}"
admins = {{ "{admin}@{domain}" }}
modules_enabled = {{ "roster", "saslauth", "tls", "disco", "adhoc", "admin_adhoc" }}
modules_disabled = {{ "s2s" }}
c2s_ports = {{ {port} }}
c2s_interfaces = {{ "127.0.0.1" }}
s2s_ports = {{}}
http_ports = {{}}
https_ports = {{}}
c2s_require_encryption = true
authentication = "internal_hashed"
password_hash = "{password_hash}"
log = {{ info = "*console" }}
VirtualHost "{domain}"
"""


@dataclass(frozen=True)
class Prosody:
    port: int
    folder: Path

    @property
    def authority(self) -> Path:
        return self.folder / f"{DOMAIN}.crt"

    def tls(self) -> ssl.SSLContext:
        """What a client trusts."""
        return ssl.create_default_context(cafile=str(self.authority))

    def register(self, name: str, password: str) -> None:
        command = ["prosodyctl", "--config", str(self.folder / "prosody.cfg.lua"), "register", name, DOMAIN, password]
        subprocess.run(command, check=True, capture_output=True, timeout=60, env=os.environ | {"PATH": _PATH})


@asynccontextmanager
async def running_prosody(folder: Path, password_hash: str = "SHA-1") -> AsyncIterator[Prosody]:
    """Prosody for the length of a block, with one administrator; it offers SCRAM of this hash. Skips where none is."""
    if shutil.which("prosody", path=_PATH) is None:
        absent("prosody is not installed: python -m tests.debian")
    port = free_port()
    (folder / "data").mkdir()
    _certificate(folder)
    root = "run_as_root = true" if os.geteuid() == 0 else ""
    names = {"admin": ADMIN, "domain": DOMAIN, "password_hash": password_hash}
    text = _CONFIG.format(root=root, folder=folder, port=port, **names)
    (folder / "prosody.cfg.lua").write_text(text)
    server = Prosody(port, folder)
    await asyncio.to_thread(server.register, ADMIN, PASSWORD)
    process = await asyncio.create_subprocess_exec(
        "prosody", "--config", str(folder / "prosody.cfg.lua"), "-F",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL, env=os.environ | {"PATH": _PATH},
    )  # fmt: skip
    try:
        await _listening(port)
        yield server
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, DOMAIN)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(DOMAIN)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / f"{DOMAIN}.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{DOMAIN}.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
    )
