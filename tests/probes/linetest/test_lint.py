"""What a pack is told before it may decide: every fault that the design names, with its place and remedy."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.exit_status import ExitStatus
from cli.pack import pack
from probes.linetest.case_files import load_trials
from probes.linetest.lint_whole import lint_whole
from probes.linetest.pack_files import load_tree, places_of
from probes.linetest.trials import Trial

HEAD = '[pack]\nid = "site"\nversion = "1"\nowner = "me"\nextends = "default"\n'
CASES = Path(__file__).parents[3] / "fixtures" / "linetest"
TRIALS = load_trials(CASES)


def faults_of(folder: Path, text: str, trials: list[Trial] | None = None) -> str:
    path = folder / "site.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    found = lint_whole(load_tree(path), TRIALS if trials is None else trials, places_of(path))
    return "\n".join(found)


def card(rows: str, more: str = "") -> str:
    return f"[cause.wifi_weak]\ntraits = []\n{more}evidence = [\n{rows}\n]\n"


def test_the_packaged_pack_has_no_fault() -> None:
    assert lint_whole(load_tree(), TRIALS, places_of()) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[facts."ont.rx_dbm"]\nunit = "mW"\n', "facts.ont.rx_dbm.unit: ont.rx_dbm is in dBm, not in mW"),
        (card('  { fact = "wifi.snr_db", op = "under", value = 15, yes = 20, no = -5 },'), "'unknown'; correct"),
        (card('  { fact = "wifi.snr_db", op = "lt", value = 15, yes = 61, no = -5 },'), "or equal to 60; correct"),
        (card('  { fact = "wifi.snr_db", op = "lt", value = 15, yes = 20 },'), "it can never lose; add a row"),
        ("[cause.new]\nlocation = 'drop'\nverdict = 'MONITOR_24H'\n", "title: Field required; add it"),
        (
            "[[fallback]]\ncause = 'other'\nleader = 'nobody'\nwhen = { fact = 'bras.session', op = 'known' }\n",
            "fallback: unknown cause 'nobody'; add",
        ),
        (
            "[cause.drop_fibre_cut]\ntraits = []\n"
            "evidence = [{ fact = 'led.los', op = 'eq', value = 'red', yes = 12, no = -9 }]\n",
            "a dispatch needs evidence that tells one line from many",
        ),
        (card('  { fact = "wifi.worst_rssi", op = "lt", value = -7500, yes = 20, no = -5 },'), "in another unit?"),
        ("[action.reboot_cpe]\nneeds = 'cpe.alive'\n", "action.reboot_cpe.needs: unknown fact 'cpe.alive'"),
        ("[action.reboot_cpe]\nforbid_if = ['ont.rx_dbm']\n", "an action asks a flag"),
        ("[action.reboot_stb]\nlimit_24h = 3\n", "nothing counts it; add limit_fact"),
        ("[cause.wifi_weak.post_check]\nop = 'more'\n", "post_check: unknown operator 'more'"),
        ("[cause.wifi_weak.post_check]\nvalue = 'strong'\n", "post_check: wifi.worst_rssi is number, 'strong' is not"),
        ("[gate_facts]\ncommon = ['moon.phase']\n", "gate_facts: unknown fact 'moon.phase'"),
        ("[gate_facts]\ncommon = []\n", "gate_facts.dsl: account.state may stop a visit"),
        ("[gate_facts]\npon = []\n", "gate_facts.pon: sib.down_ratio may stop a visit"),
        ("[gate_facts.without]\n'moon.phase' = 'new'\n", "gate_facts.without: unknown fact 'moon.phase'"),
        ("[engine]\nmin_posterior = 0\n", "engine.min_posterior: 0 is less than 0.5"),
        ("[engine]\nmin_margin_db = 0\n", "engine.min_margin_db: 0 is less than 1"),
        (
            "[outage.when]\nall = [{ fact = '@down', op = 'eq', value = true }]\n",
            "outage.when: it can hold while sib.n is not known",
        ),
        (
            card('  { fact = "sib.n", op = "ge", value = 1, yes = 12, no = 0 },\n'
                 '  { fact = "wifi.snr_db", op = "lt", value = 15, yes = 5, no = -5 },', "verdict = 'DISPATCH_HOME'\n"),
            "cause.wifi_weak: it sends somebody, and no row takes points away",
        ),
        (
            "[[cause.wifi_weak.instead]]\nwhen = { fact = 'bras.session', op = 'known' }\nverdict = 'DISPATCH_HOME'\n",
            "cause.wifi_weak: it sends somebody, and no row takes points away",
        ),
        (
            "[[fallback]]\ncause = 'drop_fibre_cut'\nwhen = { fact = 'bras.session', op = 'known' }\n",
            "fallback.0: drop_fibre_cut sends somebody without a card",
        ),
        ("[engine]\ndue_h = 1e9\n", "engine.due_h: Input should be less than or equal to 8760; correct"),
        ("[engine]\ncost_look = inf\n", "engine.cost_look: Input should be a finite number; correct"),
        ("[facts.'ont.rx_dbm']\nmax_age_s = 1e12\n", "max_age_s: Input should be less than or equal to 31536000"),
        ("[facts.'ont.rx_dbm']\nmin = 10\nmax = -50\n", "min 10 is not below max -50"),
        ("[outage]\nonset_per_day = 1e300\n", "outage.onset_per_day: Input should be less than or equal to 1000"),
        (card('  { fact = "wifi.snr_db", op = "lt", value = 1e300, yes = 20, no = -5 },'), "a number beyond 1e+15"),
        ("[coverage.nff]\niptv_adds = ['stb.mood']\n", "coverage.nff: unknown fact 'stb.mood'"),
        (
            card(
                '  { fact = "wifi.snr_db", op = "lt", value = 10, yes = 6, group = "a" },\n'
                '  { fact = "wifi.snr_db", op = "lt", value = 15, yes = 6, group = "a" },\n'
                '  { fact = "wifi.util_pct", op = "lt", value = 60, yes = 0, no = -2 },'
            ),
            "can hardly win",
        ),
        (
            card(
                '  { fact = "wifi.snr_db", op = "lt", value = 15, yes = 12, group = "a" },\n'
                '  { fact = "wifi.snr_db", op = "gt", value = 15, yes = -12, group = "a" },'
            ),
            "15 lies in no band",
        ),
        (
            card(
                '  { fact = "wifi.snr_db", op = "lt", value = 15, yes = 12 },\n'
                '  { fact = "wifi.snr_db", op = "gt", value = 20, yes = -12 },'
            ),
            "15 lies in no band",
        ),
        (
            card(
                '  { fact = "wifi.snr_db", op = "lt", value = 20, yes = 12, group = "a" },\n'
                '  { fact = "wifi.snr_db", op = "ge", value = 10, yes = -12, group = "a" },'
            ),
            "two bands that contradict each other",
        ),
        (
            card(
                '  { fact = "wifi.snr_db", op = "lt", value = 20, yes = 12, group = "a" },\n'
                '  { fact = "wifi.snr_db", op = "lt", value = 10, yes = 9, group = "b" },\n'
                '  { fact = "wifi.util_pct", op = "ge", value = 70, yes = -4 },'
            ),
            "two rows in different groups count for the same value",
        ),
        (
            card(
                '  { fact = "wifi.util_pct", op = "ge", value = 70, yes = 4, no = -4 },\n'
                '  { fact = "cpe.config_matches_profile", op = "eq", value = false, yes = 9, no = -4 },'
            ),
            "its rival",
        ),
        (
            card('  { fact = "stb.max_loss_period", op = "ge", value = 9, yes = 20, no = -5 },'),
            "stb.max_loss_period decides for wifi_weak, and a line is called healthy without it",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_place_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    found = faults_of(tmp_path, text)
    assert told in found
    assert str(tmp_path / "site.toml") in found


def test_the_place_is_a_line_of_a_file(tmp_path: Path) -> None:
    found = faults_of(tmp_path, "\n[action.reboot_cpe]\nneeds = 'cpe.alive'\n")
    assert found.startswith(f"{tmp_path / 'site.toml'}:7: action.reboot_cpe.needs: ")


def test_a_cause_that_a_site_changes_needs_a_case(tmp_path: Path) -> None:
    text = "[cause.wifi_weak]\nprior = 5\n"
    assert "cause.wifi_weak: no case expects it" in faults_of(tmp_path, text, [])
    assert faults_of(tmp_path, text) == ""
    assert faults_of(tmp_path, "[engine]\nmin_posterior = 0.6\n", []) == ""


def test_a_case_of_a_cause_that_is_not_there(tmp_path: Path) -> None:
    stray = next(trial for trial in TRIALS if trial.cause == "nff")
    odd = Trial("odd", stray.case, {"cause": "gremlins"})
    assert "cases: 'gremlins' is expected" in faults_of(tmp_path, "", [odd])


def test_lint_and_test_from_a_shell(tmp_path: Path) -> None:
    runner = CliRunner()
    good = runner.invoke(pack, ["lint", "--cases", str(CASES)])
    assert (good.exit_code, good.stdout.strip()) == (ExitStatus.OK, "No fault.")
    path = tmp_path / "site.toml"
    path.write_text(HEAD + "[engine]\nmin_posterior = 0.999\n", encoding="utf-8")
    done = runner.invoke(pack, ["test", str(path), "--cases", str(CASES), "--json"])
    assert done.exit_code == ExitStatus.FAILURE
    assert '"case": "mgmt_plane_only"' in done.stdout
    path.write_text(HEAD + "[engine\n", encoding="utf-8")
    assert runner.invoke(pack, ["lint", str(path)]).exit_code == ExitStatus.FAILURE
    assert runner.invoke(pack, ["test", str(path)]).exit_code == ExitStatus.USAGE


def test_two_files_are_compared_without_a_server(tmp_path: Path) -> None:
    (tmp_path / "old.toml").write_text(HEAD + "[engine]\nmin_posterior = 0.6\n", encoding="utf-8")
    (tmp_path / "new.toml").write_text(HEAD + "[engine]\nmin_posterior = 0.7\n", encoding="utf-8")
    done = CliRunner().invoke(pack, ["diff", str(tmp_path / "old.toml"), str(tmp_path / "new.toml")])
    assert done.exit_code == ExitStatus.OK
    assert "engine.min_posterior: 0.6 → 0.7" in done.stdout
