"""A server of our own for the demo: config and store in a folder, a process on free loopback ports. Ended by its pid.

The rule: nothing of the caller's surroundings reaches it but PATH, HOME, the locale and the place of temporary files.
"""

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

from cli.errors import CliError
from cli.local import with_store
from cli.ports import free_ports
from cli.serve import write_secret
from cli.texts import _

#: seconds until the server answers; a cold start takes two or three
START_S = 40.0
#: seconds between SIGTERM and SIGKILL
STOP_S = 15.0
#: last lines of the log that are shown on a failure
LOG_LINES = 30

KEPT_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "PYTHONPATH", "VIRTUAL_ENV", "SYSTEMROOT")

CONFIG = """\
[server]
grace_s = 3.0

[cwmp]
host = "127.0.0.1"
port = {cwmp_port}
enrol_username = "{enrol_username}"
enrol_password_file = "enrol.password"

[cwmp.limits]
connections_per_address = 2000          # every simulated CPE has the same address

[cwmp.guard]
late_s = 10.0                           # the simulator shares the machine: late is not overloaded

[files]
directory = "files"
host = "127.0.0.1"
port = 0

[connection_requests]
allowed_networks = ["127.0.0.0/8"]
timeout_s = 1.5                         # on loopback a CPE answers at once or never
retry_s = 3.0

[api]
host = "127.0.0.1"
port = {api_port}

[store]
url = "{store_url}"
vault_key_file = "vault.key"

[line_tests]
fresh_contact_s = 1.0                   # the demo breaks things seconds after the CPEs have called
"""


class OwnServer:
    """The server's process with everything a client needs to know about it."""

    def __init__(self, folder: Path, store_url: str = "sqlite:///secondline.db") -> None:
        self.folder = folder
        self._store_url = store_url
        self.config_file = folder / "secondline.toml"
        self.token_file = folder / "token"
        self.log_file = folder / "server.log"
        self.enrol_username = "enrol"
        self.enrol_password = secrets.token_urlsafe(18)
        self.cwmp_port, self.api_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = threading.Event()

    @property
    def url(self) -> str:
        """Address of the API."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def cwmp_url(self) -> str:
        """Where CPEs call."""
        return f"http://127.0.0.1:{self.cwmp_port}/"

    @property
    def pid(self) -> int | None:
        """The process, while it runs."""
        return None if self._process is None else self._process.pid

    def prepare(self) -> None:
        """Write the configuration and make a token."""
        from acs.services.access import Access
        from acs.services.actor import local_actor

        text = CONFIG.format(
            cwmp_port=self.cwmp_port,
            api_port=self.api_port,
            enrol_username=self.enrol_username,
            store_url=self._store_url,
        )
        self.config_file.write_text(text, encoding="utf-8")
        write_secret(self.folder / "enrol.password", self.enrol_password)
        made = with_store(
            self.config_file,
            lambda store: Access(store).create(local_actor("demo"), "demo", ["admin"], None),
            quiet=True,
        )
        write_secret(self.token_file, made.secret)

    def start(self) -> None:
        """Start the process and return when its API answers; `stop` from another thread ends the wait.

        Raises:
            CliError: it ended or does not answer in time; the message holds the end of its log.
        """
        command = [sys.executable, "-P", "-m", "cli.main", "serve", "--config", str(self.config_file)]
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=clean_environment(os.environ),
                start_new_session=True,
            )
        self._process = process
        deadline = time.monotonic() + START_S
        while not self._answers():
            if self._stopped.is_set():
                _end(process)
            if process.poll() is not None:
                raise CliError(_("The server ended at once. The end of its log:\n{log}").format(log=self.log_tail()))
            if time.monotonic() > deadline:
                text = _("The server does not answer after {seconds} s. The end of its log:\n{log}")
                raise CliError(text.format(seconds=round(START_S), log=self.log_tail()))
            time.sleep(0.1)

    def stop(self) -> None:
        """End the process: SIGTERM, and SIGKILL if it does not go."""
        self._stopped.set()
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        try:
            lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return "\n".join(line[:400] for line in lines[-LOG_LINES:])

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/api/v1/health", timeout=2.0, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the server needs of the caller's environment: no proxies, no settings of other programs."""
    kept = {name: environ[name] for name in KEPT_VARIABLES if name in environ}
    return kept | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
