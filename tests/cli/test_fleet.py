"""The commands of provisioning, files, campaigns and tags against a running server."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from structlog.testing import capture_logs

from acs.app import build
from acs.services.actor import local_actor
from cli.exit_status import ExitStatus
from tests.api.conftest import NobodyAnswers
from tests.cli.conftest import run
from tests.fakes.acs_server import config_for
from tests.store.make import opening

KEY = "00AA11-ONT-0001"
RULES = '[[rule]]\nid = "base"\n[rule.match]\ntags = ["vip"]\n[rule.values]\n".X.Name" = "n"\n'

Command = Callable[..., Awaitable[Result]]


@pytest.fixture
async def command(tmp_path: Path) -> AsyncIterator[Command]:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "a.toml").write_text(RULES)
    tables: dict[str, Any] = {
        "files": {"directory": str(tmp_path / "files"), "host": "127.0.0.1", "port": 0},
        "provisioning": {"directory": str(tmp_path / "rules"), "tick_s": 60.0},
        "campaigns": {"tick_s": 60.0},
    }
    app = await build(config_for(tmp_path, **tables), caller=NobodyAnswers())
    await app.start()
    await app.store.sessions.open(opening(app.clock()))
    token = tmp_path / "token"
    token.write_text((await app.northbound.access.create(local_actor(), "test", ["admin"])).secret)

    async def call(*arguments: str) -> Result:
        where = ("--url", f"http://127.0.0.1:{app.api_port}", "--token-file", str(token))
        return await asyncio.to_thread(run, *arguments, *where)

    with capture_logs():  # the runner takes standard output, which the server's own lines would get into
        yield call
    await app.stop()


async def ok(command: Command, *arguments: str) -> Any:
    result = await command(*arguments, "--json")
    assert result.exit_code == 0, result.output + result.stderr
    return json.loads(result.stdout)


async def test_tags_rules_and_plans(command: Command) -> None:
    assert (await ok(command, "device", "tag", KEY)) == {"tags": []}
    assert (await ok(command, "provision", "plan", KEY))["rules"] == []
    assert (await command("device", "tag", KEY, "--add", "vip")).stdout == "vip\n"
    plan = await ok(command, "provision", "plan", KEY, "--event", "0 BOOTSTRAP")
    assert [each["name"] for each in plan["settings"]] == ["Device.X.Name"]
    shown = await command("provision", "plan", KEY)
    assert "Device.X.Name" in shown.stdout and "base" in shown.stdout
    assert "tags=vip" in (await command("provision", "rules")).stdout
    assert (await ok(command, "provision", "stopped")) == []
    assert (await command("provision", "resume", KEY)).exit_code == ExitStatus.NOT_FOUND
    assert (await ok(command, "provision", "apply", KEY))["kind"] == "provision"


def test_lint(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(RULES)
    bad.write_text(RULES.replace("values", "valeus"))
    assert "1 rules can be used" in run("provision", "lint", str(good)).stdout
    refused = run("provision", "lint", str(good), str(bad))
    assert refused.exit_code == ExitStatus.USAGE
    assert "rule base: valeus: unknown key" in refused.stderr


async def test_files(command: Command, tmp_path: Path) -> None:
    content = b"VERSION V2\n" + bytes(600_000)
    image = tmp_path / "v2.bin"
    image.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    added = await ok(command, "file", "add", str(image), "--version", "V2", "--model", "ONT", "--sha256", digest)
    assert (added["size_bytes"], added["name"], added["sha256"]) == (len(content), "v2.bin", digest)
    assert added["id"] in (await command("file", "list", "--own")).stdout
    assert (await ok(command, "file", "list", "--uploads")) == []
    assert "v2.bin" in (await command("file", "show", added["id"])).stdout
    copy = tmp_path / "copy.bin"
    assert (await ok(command, "file", "fetch", added["id"], str(copy)))["size_bytes"] == len(content)
    assert copy.read_bytes() == content and copy.stat().st_mode & 0o077 == 0
    assert (await command("file", "fetch", added["id"], str(copy))).exit_code == ExitStatus.USAGE
    damaged = await command("file", "add", str(image), "--sha256", "0" * 64)
    assert damaged.exit_code == ExitStatus.USAGE and "damaged" in damaged.stderr
    assert (await command("file", "add", str(tmp_path / "absent"))).exit_code == ExitStatus.USAGE
    assert (await command("file", "remove", added["id"])).exit_code == 0
    assert (await command("file", "remove", added["id"])).exit_code == ExitStatus.NOT_FOUND
    missing = tmp_path / "missing.bin"
    assert (await command("file", "fetch", added["id"], str(missing))).exit_code == ExitStatus.NOT_FOUND
    assert not missing.exists()


async def test_campaigns(command: Command, tmp_path: Path) -> None:
    image = tmp_path / "v2.bin"
    image.write_bytes(b"VERSION V2\n")
    file = await ok(command, "file", "add", str(image), "--version", "V2")
    create = ("campaign", "create", "to-v2", "--file", file["id"], "--model", "ONT", "--from", "V1", "--canary", "1")
    preview = await command(*create, "--preview")
    assert preview.stdout == f"{KEY}\n" and "1 devices, 1 of them first" in preview.stderr
    made = await ok(command, *create, "--window", "00:00-23:59", "--soak", "60")
    assert (made["state"], made["version"], made["settings"]["targets"]["versions"]) == ("running", "V2", ["V1"])
    assert (await command(*create)).exit_code == ExitStatus.CONFLICT
    assert "paused" in (await command("campaign", "pause", "to-v2")).stdout
    assert (await ok(command, "campaign", "resume", "to-v2"))["state"] == "running"
    shown = await command("campaign", "show", "to-v2", "--state", "waiting")
    assert KEY in shown.stdout and "1 waiting" in shown.stdout
    assert "1 cancelled" in (await command("campaign", "cancel", "to-v2")).stdout
    assert "to-v2" in (await command("campaign", "list")).stdout
    assert (await command("campaign", "show", "nothing")).exit_code == ExitStatus.NOT_FOUND
    nobody = await command("campaign", "create", "x", "--file", file["id"], "--model", "STB")
    assert nobody.exit_code == ExitStatus.USAGE and "no device matches" in nobody.stderr


async def test_a_device_and_a_line_that_are_no_more_are_forgotten_once_it_was_meant(
    command: Command, tmp_path: Path
) -> None:
    lines = tmp_path / "lines.csv"
    lines.write_text("id,technology,device_serials\nL-1,pon,0001\n")
    assert (await ok(command, "line", "import", str(lines)))["bound"] == 1
    for words in (("device", "forget", KEY), ("line", "forget", "L-1")):
        unasked = await command(*words)  # nobody answers
        assert unasked.exit_code == ExitStatus.FAILURE and "--yes" in unasked.stderr
        assert (await command(*words, "--yes")).stdout == f"Forgotten: {words[2]}\n"
        assert (await command(words[0], "show", words[2])).exit_code == ExitStatus.NOT_FOUND
        assert (await command(*words, "--yes")).exit_code == ExitStatus.NOT_FOUND
