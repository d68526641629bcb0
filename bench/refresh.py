"""What a whole-tree refresh costs, and a first contact: POSTs of the CPE and CPU of the server.

    python -m bench.refresh [--count 20] [--store sqlite] [--json FILE]

Each size is refreshed `count` times on known devices, one after the other, by operations asked for through the API;
CPU is user + system of the server's process for the whole session, and the same of a periodic session beside it.
`bears` limits how many values a device gives in one answer: the first of its model is found out, the next is asked
what the first bore.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from acs.cwmp import messages as m
from acs.cwmp import soap
from acs.cwmp.envelope import NS_1_0, Envelope
from acs.cwmp.structs import DeviceId, EventStruct, ParameterInfoStruct, ParameterValueStruct
from bench import processes
from cli.ports import free_port
from cli.simulator.http import AcsConnection, HttpFailed

#: sessions that a server may put off
TRIES = 20
ROOT = "InternetGatewayDevice."
#: (parameters known, values that the device bears in one answer; 0 = all)
CASES = ((1_000, 0), (3_000, 0), (3_000, 500))

Row = dict[str, Any]


class Device:
    """A CPE that answers reads and settings from a tree of `size` parameters."""

    def __init__(self, url: str, serial: str, product_class: str, size: int, bears: int) -> None:
        self.url = url
        self.key = f"00259E-{product_class}-{serial}"
        self._id = DeviceId("Bench", "00259E", product_class, serial)
        self._bears = bears
        forced = {f"{ROOT}DeviceInfo.SoftwareVersion": "V1", f"{ROOT}ManagementServer.ConnectionRequestURL": ""}
        rows = {
            f"{ROOT}LANDevice.{n % 10 + 1}.Hosts.Host.{n // 100 + 1}.Leaf{n % 100}": f"value {n}" for n in range(size)
        }
        self.tree = forced | dict(list(rows.items())[: size - len(forced)])

    async def session(self, *events: str) -> tuple[int, list[str]]:
        """One session: (POSTs, names of the RPCs that were asked); a server that is just starting is tried again."""
        for _ in range(TRIES):
            try:
                return await self._session(events)
            except HttpFailed:
                await asyncio.sleep(0.5)
        raise SystemExit("the server takes no session; see its log")

    async def _session(self, events: Sequence[str]) -> tuple[int, list[str]]:
        connection = AcsConnection(self.url, "", "")
        asked: list[str] = []
        try:
            await connection.post(soap.encode(Envelope(self._inform(events), "1", NS_1_0)))
            answer, posts = await connection.post(b""), 2
            while (envelope := soap.decode(answer.body)) is not None:
                asked.append(type(envelope.message).__name__)
                reply = Envelope(self._answer(envelope.message), envelope.id, NS_1_0)
                answer, posts = await connection.post(soap.encode(reply)), posts + 1
        finally:
            await connection.close()
        return posts, asked

    def _inform(self, events: Sequence[str]) -> m.Inform:
        forced = tuple(ParameterValueStruct(name, value) for name, value in list(self.tree.items())[:2])
        return m.Inform(self._id, tuple(EventStruct(code) for code in events), parameter_list=forced)

    def _answer(self, message: m.Message) -> m.Message:
        match message:
            case m.GetParameterValues(parameter_names=names):
                exact, paths = set(names), tuple(name for name in names if name.endswith("."))
                found = [n for n in self.tree if n in exact or (paths and n.startswith(paths))]
                if self._bears and len(found) > self._bears:
                    return m.SoapFault(9004, "Resources exceeded")
                return m.GetParameterValuesResponse(tuple(ParameterValueStruct(n, self.tree[n]) for n in found))
            case m.GetParameterNames(parameter_path=path):
                below = (name for name in self.tree if name.startswith(path))
                return m.GetParameterNamesResponse(tuple(ParameterInfoStruct(name) for name in below))
            case m.SetParameterValues():
                return m.SetParameterValuesResponse(0)
        return m.SoapFault(9000, "Method not supported")


async def measured(server: processes.Running, url: str, api: httpx.AsyncClient, n: int, bears: int, count: int) -> Row:
    """One size: first contact, then refreshes and periodic sessions in turn."""
    devices = [Device(url, f"{n}x{bears}x{each}", f"P{n}x{bears}", n, bears) for each in range(2)]
    first_posts, first_asked = await devices[0].session("0 BOOTSTRAP", "1 BOOT")
    await asyncio.sleep(0.5)
    after_posts, after_asked = await devices[0].session("2 PERIODIC")
    await devices[1].session("0 BOOTSTRAP", "1 BOOT")
    await asyncio.sleep(0.5)
    second_posts, _ = await devices[1].session("2 PERIODIC")
    refresh_s = periodic_s = 0.0
    posts: list[int] = []
    for _ in range(count):
        answer = await api.post(f"/devices/{devices[0].key}/operations", json={"kind": "refresh"})
        answer.raise_for_status()
        await processes.settle(0.3)
        before = server.cpu_s()
        posts.append((await devices[0].session("6 CONNECTION REQUEST"))[0])
        await processes.settle()
        between = server.cpu_s()
        await devices[0].session("2 PERIODIC")
        await processes.settle()
        refresh_s, periodic_s = refresh_s + between - before, periodic_s + server.cpu_s() - between
    return {
        "parameters": n,
        "bears": bears or "all",
        "first_contact_posts": first_posts,
        "first_contact_rpcs": first_asked,
        "first_read_posts": after_posts,
        "first_read_rpcs": after_asked[:30],
        "next_of_model_read_posts": second_posts,
        "refresh_posts": max(posts),
        "refresh_cpu_ms": round(refresh_s / count * 1e3, 1),
        "periodic_cpu_ms": round(periodic_s / count * 1e3, 1),
    }


async def _all(server: processes.Running, url: str, api_port: int, token: str, count: int) -> list[Row]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{api_port}/api/v1", headers=headers, timeout=30) as api:
        return [await measured(server, url, api, n, bears, count) for n, bears in CASES]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="refreshes per size")
    parser.add_argument("--store", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--json", default="", help="write the report here too")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-refresh-")))
        url, _ = processes.store(stack, folder, options.store)
        port = free_port()
        config = processes.write_config(folder, url, digest=False, port=port)
        api_port, token = processes.api_of(config)
        with processes.server(config, port, None) as server:
            report = asyncio.run(_all(server, f"http://127.0.0.1:{port}/", api_port, token, options.count))
    print(json.dumps(report, indent=1))
    processes.keep(report, options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
