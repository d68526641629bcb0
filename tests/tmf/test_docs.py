"""The examples of docs/api/tmf.md answer as they say, in their order."""

import json
import re
from pathlib import Path

import httpx

from acs.app import App
from acs.services.actor import local_actor
from acs.store.records import LineRecord
from tests.api.conftest import client_of, made_once
from tests.tmf_definitions import definition

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api" / "tmf.md"
LISTENED = {"v4": "tmf621-v4", "v5": "tmf621-v5"}


async def test_the_examples_answer_as_they_say(app: App) -> None:
    await app.northbound.lines.put(local_actor(), LineRecord("L-1", "pon"))
    examples = re.findall(r"```http\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    assert len(examples) >= 7
    async with await client_of(app, "admin") as client:
        transport = httpx.ASGITransport(made_once(app.northbound))
        async with httpx.AsyncClient(transport=transport, base_url="http://server", headers=client.headers) as api:
            for example in examples:
                head, *middle, status = [part.strip() for part in example.strip().split("\n\n")]
                method, path = head.split(" ", 1)
                body = json.loads("\n".join(middle)) if middle else None
                if "/listener/" in path:
                    name = path.rsplit("/", 1)[-1]
                    definition(LISTENED[path.split("/")[3]]).check(name[0].upper() + name[1:], body)
                answer = await api.request(method, path, json=body)
                assert str(answer.status_code) == status, f"{head}: {answer.status_code} {answer.text}"
