"""Every RPC from the command line, on the demo's devices."""

from typing import Any

import pytest

from tests.cli.conftest import Running, run

ROOT = "InternetGatewayDevice."
MAPPINGS = f"{ROOT}WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.PortMapping."


@pytest.fixture
def device(demo: Running) -> str:
    return demo.device(demo.line("healthy line"))


def test_names_attributes_and_methods_are_read(demo: Running, device: str) -> None:
    names = demo.run("device", "names", device, f"{ROOT}DeviceInfo.", "--next-level")
    assert names.exit_code == 0, names.output
    assert f"r-  {ROOT}DeviceInfo.SoftwareVersion" in names.stdout
    name = f"{ROOT}ManagementServer.PeriodicInformInterval"
    assert demo.run("device", "attributes", device, name, "--notification", "1").exit_code == 0
    read = demo.run("device", "attributes", device, name)
    assert name in read.stdout
    methods: dict[str, Any] = demo.json("device", "methods", device)
    assert "FactoryReset" in methods["result"]["methods"]


def test_a_row_is_added_and_deleted(demo: Running, device: str) -> None:
    added = demo.run("device", "add", device, MAPPINGS, "ExternalPort=8080")
    assert added.exit_code == 0, added.output
    row = added.stdout.strip().splitlines()[-1]
    assert row.startswith(MAPPINGS)
    assert demo.run("device", "delete", device, row).exit_code != 0
    assert demo.run("device", "delete", device, row, "--yes").exit_code == 0


def test_any_kind_can_be_asked_for_by_its_name(demo: Running, device: str) -> None:
    done = demo.run("device", "do", device, "schedule-inform", "delay_s=1")
    assert done.exit_code == 0, done.output
    listed = demo.json("device", "do", device, "queued_transfers")
    assert listed["result"] == {"transfers": []}
    wrong = demo.run("device", "do", device, "schedule_inform", "delay_s=0")
    assert "arguments.delay_s" in wrong.stderr
    history = demo.run("device", "history", device)
    assert "M ScheduleInform" in history.stdout


def test_a_download_asks_first_and_tells_why_it_failed(demo: Running, device: str) -> None:
    words = ["device", "download", device, "web", "http://127.0.0.1:9/x", "--deadline", "30"]
    assert demo.run(*words).exit_code != 0
    failed = demo.run(*words, "--yes")
    assert "9015" in failed.stderr
    assert "TransferComplete" in demo.run("device", "history", device).stdout


def test_what_disturbs_asks_first() -> None:
    for words in (["factory-reset", "D"], ["do", "D", "factory_reset"], ["do", "D", "reboot"]):
        assert run("device", *words).exit_code != 0


def test_what_a_model_can_is_listed_and_done_with_before_and_after(demo: Running, device: str) -> None:
    offers = {offer["action"]: offer for offer in demo.json("device", "do", device, "--list")}
    assert offers["wifi-name"]["available"] and not offers["channel-refresh"]["available"]
    table = demo.run("device", "do", "--list", device)
    assert "channel-refresh" in table.stdout and "shows no parameter" in table.stdout
    words = ["device", "do", device, "wifi-name", "name=second-line"]
    assert demo.run(*words).exit_code != 0
    done = demo.run(*words, "--yes", "--reason", "a test")
    assert done.exit_code == 0, done.output
    assert "second-line" in done.stdout and "before" in done.stdout
    wrong = demo.run("device", "do", device, "wifi-channel", "channel=200", "--yes")
    assert wrong.exit_code == 6 and "the device takes" in wrong.stderr
    russian = demo.run("--lang", "ru", "device", "do", device, "channel-refresh", "--yes")
    assert "модель" in russian.stderr


def test_configurations_are_taken_compared_and_put_back(demo: Running, device: str) -> None:
    taken = demo.json("device", "backup", "take", device)
    kept = taken["result"]["backup"]
    demo.run("device", "do", device, "wifi-name", "name=changed-since", "--yes")
    listed = demo.json("device", "backup", "list", device)
    assert kept in [each["id"] for each in listed]
    compared = demo.run("device", "backup", "diff", device, kept)
    assert "changed-since" in compared.stdout
    shown = demo.run("device", "backup", "show", device, kept, "--path", f"{ROOT}LANDevice.1.WLANConfiguration.1.SSID")
    assert "SSID = " in shown.stdout
    restored = demo.run("device", "backup", "restore", device, kept, "--yes")
    assert restored.exit_code == 0, restored.output
    assert "They do not differ" in demo.run("device", "backup", "diff", device, kept).stdout


def test_what_could_take_management_away_needs_another_person(demo: Running, device: str) -> None:
    words = ["device", "set", device, f"{ROOT}ManagementServer.URL=http://elsewhere.example/"]
    alone = demo.run(*words)
    assert alone.exit_code == 6 and "second person" in alone.stderr
    proposed = demo.run(*words, "--reason", "moving house")
    assert proposed.exit_code == 6 and "approv" in proposed.stderr
