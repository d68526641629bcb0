"""A real Redmine for tests: Debian's package as a process of its own, on a free port, over SQLite in a folder.

The package's own database (made when it was installed) is copied, so nothing has to be migrated; where it cannot be
read, an empty one is migrated, which takes half a minute longer.
"""

import asyncio
import json
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cli.ports import free_port
from tests.absent import absent

PACKAGE = Path("/usr/share/redmine")
_INSTALLED = Path("/var/lib/dbconfig-common/sqlite3/redmine/instances/default/redmine_default")
#: seconds until it serves; about 10 on a quiet machine
_START_S = 120.0


@dataclass(frozen=True)
class Redmine:
    """One that serves. `made`: keys and ids of people, ids of custom fields and statuses."""

    port: int
    made: dict[str, Any]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def person(self, login: str) -> httpx.AsyncClient:
        """Its API as somebody uses it."""
        headers = {"X-Redmine-API-Key": self.made["keys"][login]}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)

    async def issue(self, client: httpx.AsyncClient, line: str, subject: str) -> int:
        """A new issue about a line."""
        fields = [{"id": self.made["fields"]["Line"], "value": line}]
        body = {"project_id": self.made["project"], "tracker_id": 1, "subject": subject, "custom_fields": fields}
        answer = await client.post("/issues.json", json={"issue": body})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["issue"]["id"])

    async def shown(self, client: httpx.AsyncClient, issue: int) -> dict[str, Any]:
        """An issue with its journal."""
        answer = await client.get(f"/issues/{issue}.json", params={"include": "journals"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["issue"])

    async def set_status(self, client: httpx.AsyncClient, issue: int, status: str, notes: str = "") -> None:
        body = {"issue": {"status_id": self.made["statuses"][status], "notes": notes}}
        answer = await client.put(f"/issues/{issue}.json", json=body)
        assert answer.status_code == 204, answer.text


@asynccontextmanager
async def running_redmine(folder: Path) -> AsyncIterator[Redmine]:
    """Redmine for the length of a block; skips where there is none."""
    ruby = shutil.which("ruby")
    if ruby is None or not PACKAGE.joinpath("config", "environment.rb").exists():
        absent("redmine is not installed: python -m tests.debian")
    _prepare(folder)
    port = free_port()
    with (folder / "server.log").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            ruby, str(Path(__file__).with_name("server.rb")), str(folder), str(port),
            cwd=PACKAGE, stdout=said, stderr=said,
        )  # fmt: skip
    try:
        await _serving(port, process, folder)
        yield Redmine(port, json.loads((folder / "made.json").read_text("utf-8")))
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def _prepare(folder: Path) -> None:
    for name in ("config", "log", "tmp", "files"):
        (folder / name).mkdir()
    database = folder / "redmine.db"
    if _INSTALLED.exists():
        shutil.copyfile(_INSTALLED, database)
    (folder / "config" / "database.yml").write_text(
        f"production:\n  adapter: sqlite3\n  database: {database}\n  timeout: 20000\n"
    )
    (folder / "config" / "secret_key.txt").write_text(secrets.token_hex(64))


async def _serving(port: int, process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(_START_S), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            said = (folder / "server.log").read_text("utf-8", "replace")
            assert process.returncode is None, f"redmine ended: {said[-3000:]}"
            try:
                if (await client.get("/issues.json", timeout=30)).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.2)
