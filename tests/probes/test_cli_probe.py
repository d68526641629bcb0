"""`secondline probe`, as a process of its own against an agent in this one."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from cli.exit_status import ExitStatus
from cli.ports import free_port
from cli.sparks import sparkline
from probes import icmp
from probes.errors import ProbeRefused
from probes.snmp.agent import Agent, AgentTable
from tests.probes.conftest import StartAgent
from tests.probes.snmprec import table_of

CASE = Path(__file__).parents[2] / "fixtures" / "olt" / "huawei-smartax" / "power-off"

COMMUNITY = Path(__file__).parent / "community.txt"


async def run(*arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "cli.main", "probe", *arguments]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, cwd=Path(__file__).parents[2])
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
async def agent(start_agent: StartAgent) -> Agent:
    return await start_agent(table_of(CASE / "capture.snmprec"))


def at(agent: Agent, *more: str, slot: int = 1) -> list[str]:
    place = ["--port", str(agent.port), "--slot", str(slot), "--port-number", "1"]
    return ["olt", "127.0.0.1", *place, "--community-file", str(COMMUNITY), *more]


async def test_an_ont_is_shown_with_unit_source_and_age(agent: Agent) -> None:
    code, out, _ = await run(*at(agent, "--ont", "3", "--time-zone", "Europe/Moscow", "--lang", "en"))
    assert code == ExitStatus.OK
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "offline" in lines["ont.run_state"]
    assert "2026-11-20T18:14:09+00:00" in lines["ont.last_down_at"]
    assert " m " in lines["ont.distance_m"] and "127.0.0.1, snmp" in lines["ont.distance_m"]
    assert "missing (2147483647)" in lines["ont.rx_dbm"]
    assert lines["ont.rx_dbm"].rstrip().endswith("s")


async def test_json_of_an_ont_found_by_its_serial(agent: Agent) -> None:
    code, out, err = await run(*at(agent, "--serial", "HWTC7A00C3D1", "--json"))
    document = json.loads(out)
    assert (code, err, document["profile"]) == (ExitStatus.OK, "", "huawei-smartax")
    facts = {fact["name"]: fact for fact in document["facts"]}
    assert facts["ont.last_down_cause"]["value"] == "dgi"
    assert facts["ont.distance_m"] | {"at": ""} == {
        "name": "ont.distance_m",
        "value": 1834.0,
        "unit": "m",
        "at": "",
        "source": "127.0.0.1",
        "method": "snmp",
        "quality": "ok",
        "raw": "1834",
    }


async def test_a_whole_port_is_a_table_of_its_onts(agent: Agent, tmp_path: Path) -> None:
    community = tmp_path / "community"
    community.write_text("public\n")
    code, out, _ = await run(*at(agent, "--community-file", str(community), "--lang", "ru"))
    assert code == ExitStatus.OK
    assert "HWTC0A000001" in out and "HWTC7A00C3D1" in out and "-18.9" in out
    code, out, _ = await run(*at(agent, "--json"))
    document = json.loads(out)
    assert [one["ont"] for one in document["onts"]] == [0, 1, 3]
    assert document["complete"] is True


async def test_an_ont_that_is_not_there_is_not_found(agent: Agent) -> None:
    code, _, err = await run(*at(agent, "--ont", "77"))
    assert code == ExitStatus.NOT_FOUND
    assert "ONT 77 is not on port 0/1/1" in err


async def test_a_port_that_is_not_there_is_not_found(agent: Agent) -> None:
    code, out, err = await run(*at(agent, "--lang", "en", slot=9))
    assert (code, "no ONT and no light on port 0/9/1" in err) == (ExitStatus.NOT_FOUND, True), out + err
    code, _, err = await run(*at(agent, "--json", "--lang", "en", slot=9))
    assert (code, "port 0/9/1" in err) == (ExitStatus.NOT_FOUND, True)


async def test_there_is_no_default_community(agent: Agent) -> None:
    arguments = at(agent, "--lang", "en")
    where = arguments.index("--community-file")
    code, _, err = await run(*arguments[:where], *arguments[where + 2 :])
    assert (code, "--community-file" in err) == (ExitStatus.USAGE, True)


async def test_a_silent_node_is_unreachable(agent: Agent) -> None:
    agent.answering = False
    code, _, err = await run(*at(agent, "--timeout", "0.1", "--profile", "huawei-smartax"))
    assert code == ExitStatus.UNREACHABLE
    assert "does not answer SNMP" in err
    code, _, err = await run(*at(agent, "--timeout", "0.1"))
    assert code == ExitStatus.UNREACHABLE
    assert "did not answer SNMP in 3 tries" in err


async def test_a_wrong_command_line_names_what_is_wrong(agent: Agent, start_agent: StartAgent, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    for arguments, message in (
        (["--community-file", str(tmp_path / "none")], "does not exist"),
        (["--community-file", str(tmp_path / "empty")], "write the community into it"),
        (["--profile", "nonesuch"], "there is no access profile 'nonesuch'"),
        (["--time-zone", "Mars/Olympus"], "Mars/Olympus"),
        (["--frame", "64"], "frame 64 does not exist here"),
    ):
        code, _, err = await run(*at(agent, *arguments, "--lang", "en"))
        assert (code, message in err) == (ExitStatus.USAGE, True), err
    unknown = await start_agent(AgentTable())
    code, _, err = await run(*at(unknown))
    assert code == ExitStatus.USAGE
    assert "no profile knows sysObjectID" in err


async def test_ping_shows_loss_and_times() -> None:
    try:
        icmp.open_icmp(icmp.FAMILIES[4])[0].close()
    except ProbeRefused as error:
        pytest.skip(f"until this process may ping: {error}")
    code, out, _ = await run("ping", "127.0.0.1", "127.0.0.2", "--count", "2", "--interval", "0.01", "--json")
    assert code == ExitStatus.OK
    assert [(one["address"], one["received"], one["loss_pct"]) for one in json.loads(out)] == [
        ("127.0.0.1", 2, 0.0),
        ("127.0.0.2", 2, 0.0),
    ]
    code, out, _ = await run("ping", "127.0.0.1", "--count", "1", "--lang", "en")
    assert code == ExitStatus.OK and "127.0.0.1" in out and "Loss" in out


async def test_a_name_without_an_address_is_unreachable(agent: Agent) -> None:
    code, _, err = await run("ping", "cpe.invalid")
    assert code == ExitStatus.UNREACHABLE
    assert "cpe.invalid has no address" in err
    code, _, err = await run("olt", "olt.invalid", *at(agent)[2:])
    assert code == ExitStatus.UNREACHABLE
    assert "olt.invalid" in err


def test_a_sparkline_shows_what_is_slow_and_what_is_lost() -> None:
    assert sparkline([1.0, 2.0, None, 8.0]) == "▁▂×█"
    assert sparkline([3.0, 3.0]) == "▁▁"
    assert sparkline([None, None]) == "××"
    assert sparkline([]) == ""
    assert len(sparkline([float(value) for value in range(100)], width=20)) == 20


async def test_any_agent_is_asked_by_name(agent: Agent) -> None:
    where = ["127.0.0.1", "--port", str(agent.port), "--community-file", str(COMMUNITY)]
    code, out, err = await run("snmp", "get", *where, "sysObjectID.0", "1.3.6.1.2.1.1.99.0", "--lang", "en")
    assert (code, "sysObjectID" in out, "1.3.6.1.2.1.1.99.0" in err) == (ExitStatus.NOT_FOUND, True, True)
    code, out, _ = await run("snmp", "walk", *where, "1.3.6.1.2.1.1", "--json")
    rows = json.loads(out)
    assert code == ExitStatus.OK and rows[0]["oid"].startswith("1.3.6.1.2.1.1.")
    code, _, err = await run("snmp", "walk", "127.0.0.1", "--lang", "en")
    assert (code, "--community-file" in err) == (ExitStatus.USAGE, True)


async def test_tcp_and_http_say_what_a_service_is(tmp_path: Path) -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"HTTP/1.1 200 OK\r\nServer: test\r\nContent-Length: 5\r\n\r\nhello")
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    port = str(server.sockets[0].getsockname()[1])
    code, out, _ = await run("tcp", "127.0.0.1", port, "--count", "2", "--interval", "0.01", "--json")
    assert (code, json.loads(out)["state"]) == (ExitStatus.OK, "open")
    code, out, _ = await run("http", f"http://127.0.0.1:{port}/", "--lang", "en")
    assert code == ExitStatus.OK and "200" in out and "First byte, ms" in out
    server.close()
    code, _, err = await run("tcp", "127.0.0.1", str(free_port()), "--count", "1", "--lang", "en")
    assert (code, "port is closed" in err) == (ExitStatus.REFUSED, True)


async def test_a_trace_needs_no_privilege_and_ends_with_its_table() -> None:
    code, out, _ = await run("trace", "127.0.0.1", "--udp", "--rounds", "2", "--interval", "0.05", "--lang", "en")
    assert (code, "Router" in out, "127.0.0.1" in out) == (ExitStatus.OK, True, True)
    code, out, _ = await run("trace", "127.0.0.1", "--tcp", "--rounds", "1", "--interval", "0.05", "--json")
    found = json.loads(out)
    assert (code, found["reached"], found["hops"][0]["addresses"]) == (ExitStatus.OK, True, ["127.0.0.1"])


async def test_wrong_probes_say_what_is_wrong() -> None:
    for arguments, status, message in (
        (["ping"], ExitStatus.USAGE, "Name an address"),
        (["dns", "example.net", "--server", "dns.invalid"], ExitStatus.UNREACHABLE, "dns.invalid has no address"),
        (["arp", "10.0.0.1", "--interface", "nonesuch0"], ExitStatus.REFUSED, "nonesuch0"),
        (["igmp", "10.0.0.1", "--interface", "lo"], ExitStatus.REFUSED, "no multicast group"),
        (["tr143-server", "--allow", "all"], ExitStatus.REFUSED, "write a network as"),
    ):
        code, _, err = await run(*arguments, "--lang", "en")
        assert (code, message in err) == (status, True), err


async def test_the_far_end_of_speed_tests_serves_until_it_is_ended() -> None:
    command = [sys.executable, "-m", "cli.main", "probe", "tr143-server", "--port", "0", "--echo-port", "0", "--json"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        said = (await process.stdout.readuntil(b"}")).decode()
    url = json.loads(said)["download"].replace("100000000", "70000")
    code, out, _ = await run("http", url, "--json")
    assert (code, json.loads(out)["size_bytes"]) == (ExitStatus.OK, 70_000)
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        await process.communicate()
    assert process.returncode == 0
