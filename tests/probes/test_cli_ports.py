"""`secondline probe switch` and `probe dslam`, as processes of their own against an agent in this one."""

import json
from pathlib import Path

from cli.exit_status import ExitStatus
from tests.probes.conftest import StartAgent
from tests.probes.snmprec import table_of
from tests.probes.test_cli_probe import COMMUNITY, run

FIXTURES = Path(__file__).parents[2] / "fixtures"


def at(port: int, *more: str) -> list[str]:
    return ["127.0.0.1", "--port", str(port), "--community-file", str(COMMUNITY), *more]


async def test_a_switch_port_is_shown_and_is_json(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(FIXTURES / "switch" / "snr" / "binding" / "capture.snmprec"))
    code, out, _ = await run("switch", *at(agent.port, "--name", "1/5", "--lang", "en"))
    assert code == ExitStatus.OK
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "100" in lines["sw.port_speed_mbit"] and "Mbit/s" in lines["sw.port_speed_mbit"]
    assert "sw.sfp_rx_dbm" not in lines
    code, out, _ = await run("switch", *at(agent.port, "--port-number", "5", "--json"))
    document = json.loads(out)
    assert (code, document["profile"]) == (ExitStatus.OK, "snr")
    assert {fact["name"]: fact["value"] for fact in document["facts"]}["dhcp.mac_matches_binding"] is True


async def test_a_dsl_line_and_what_is_wrong_on_the_command_line(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(FIXTURES / "dslam" / "zyxel-ies" / "online" / "capture.snmprec"))
    code, out, _ = await run("dslam", *at(agent.port, "--slot", "1", "--port-number", "7", "--json"))
    assert code == ExitStatus.OK
    assert {fact["name"]: fact["value"] for fact in json.loads(out)["facts"]}["dsl.snr_margin_db"] == 9.2
    code, _, err = await run("dslam", *at(agent.port, "--slot", "1", "--port-number", "99", "--lang", "en"))
    assert code == ExitStatus.NOT_FOUND and "has no port 0/1/99" in err
    code, _, err = await run("dslam", *at(agent.port, "--lang", "en"))
    assert code == ExitStatus.USAGE and "--port-number, --name or --if-index" in err
    code, _, err = await run("switch", *at(agent.port, "--port-number", "5", "--cable-test", "--lang", "en"))
    assert code == ExitStatus.USAGE and "--write-community-file" in err
