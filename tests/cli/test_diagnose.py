"""`device diagnose` against the running demo, and what it says of wrong input."""

from tests.cli.conftest import Running, run


def test_a_device_pings_when_it_is_told_to(demo: Running) -> None:
    key = demo.device(demo.line("healthy line"))
    ended = demo.json("device", "diagnose", key, "ping", "host=192.0.2.9", "count=3")
    assert ended["state"] == "succeeded"
    assert ended["result"]["received"] == 3
    shown = demo.run("device", "diagnose", key, "traceroute", "host=192.0.2.9")
    assert shown.exit_code == 0, shown.output + shown.stderr
    assert "192.0.2.1" in shown.stdout
    failed = demo.run("device", "diagnose", key, "ping", "host=nowhere.invalid")
    assert failed.exit_code != 0
    assert "could not resolve" in failed.output + failed.stderr


def test_nothing_was_reported_and_that_is_said(demo: Running) -> None:
    shown = demo.run("device", "reports", demo.device(demo.line("healthy line")))
    assert "reported nothing" in shown.stdout


def test_the_tests_are_listed_and_a_wrong_input_is_named() -> None:
    listed = run("device", "diagnose", "ANY", "--json")
    assert '"traceroute"' in listed.stdout
    wrong = run("device", "diagnose", "ANY", "ping", "host", "--url", "http://127.0.0.1:1")
    assert wrong.exit_code == 2
    assert "host" in wrong.stderr
