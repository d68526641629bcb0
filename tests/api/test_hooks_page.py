"""The examples of docs/api/hooks.md answer as they say, in their order; its configuration is one that can be used."""

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from acs.app import App
from acs.config import Config
from tests.api.conftest import client_of
from tests.api.test_hooks import line_with_cpe
from tests.api.test_tickets import event, verdict_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api" / "hooks.md"
EXAMPLE = re.compile(
    r"(?P<method>[A-Z]+) (?P<path>\S+)\n(?P<headers>(?:[\w-]+: [^\n]*\n)*)\n"
    r"(?:(?P<body>\{.*\})\n\n)?(?P<status>\d{3})(?P<told>.*)\n",
    re.DOTALL,
)
#: an instant that ages, and facts may be so old and no older
INSTANT = "2026-01-10T12:00:00Z"


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)


async def test_every_example_of_the_page_answers_as_it_says(app: App) -> None:
    await line_with_cpe(app)
    found = [EXAMPLE.fullmatch(text) for text in blocks("http")]
    assert len(found) >= 11
    async with await client_of(app, "operate", "tickets", "read", "write", "freeze", "self_check") as client:
        await client.post("/tickets/events", json=event())
        await verdict_of(client, "TT-1")
        for example in found:
            assert example is not None
            headers = dict(line.split(": ", 1) for line in example["headers"].splitlines())
            body = example["body"]
            if body is not None:
                body = body.replace(INSTANT, datetime.now(UTC).isoformat())
                headers["Content-Type"] = "application/json"
            answer = await client.request(example["method"], example["path"], content=body, headers=headers)
            where = f"{example['method']} {example['path']} {body}: {answer.text}"
            assert answer.status_code == int(example["status"]), where
            for word in example["told"].split():
                name, _, value = word.partition("=")
                assert str(answer.json()[name]).lower() == value.lower(), where


@pytest.mark.parametrize("n", [0, 1, 2])
def test_the_configuration_of_the_page_can_be_used(n: int, tmp_path: Path) -> None:
    tables: list[dict[str, Any]] = [tomllib.loads(text) for text in blocks("toml")]
    assert len(tables) == 3
    config = Config.from_table(tables[n], tmp_path / "secondline.toml")
    said = (config.tickets.checks, config.pulls and config.radius.clients, config.self_service.origins)
    assert said[n]
