"""Reading packs: what is wrong is named with file, key and remedy; an operator's file changes what it names."""

from pathlib import Path

import pytest

from probes.errors import PackError
from probes.facts import FACTS
from probes.linetest import load_pack
from tests.probes.linetest.cases import own_trials, verdict_of
from tests.shared_data import shared

HEAD = '[pack]\nid = "site"\nversion = "1"\nowner = "me"\nextends = "default"\n'
FIXED = [
    "nff",
    "customer_power_off",
    "drop_fibre_cut",
    "ont_dead",
    "low_rx_single",
    "low_rx_shared",
    "ont_tx_weak",
    "flapping_line",
    "wrong_serial",
    "lan_unplugged",
    "ppp_auth",
    "session_stuck",
    "bras_or_core",
    "dns_operator",
    "wifi_weak",
    "wifi_busy",
    "cpe_memory",
    "cpe_boot_loop",
    "fw_bug",
    "stb_hdmi",
    "stb_hung",
    "tp_cut",
    "tp_far_end_unplugged",
    "tp_bad",
    "duplex",
    "mgmt_plane_only",
    "olt_port",
    "mass_fibre",
    "mass_power",
    "mass_mixed",
    "mass_unknown",
    "account_blocked",
    "incident_match",
    "planned_work",
    "not_determined",
    "inventory_mismatch",
    "own_probes_down",
    "olt_not_answering",
    "restored",
    "restored_unmeasured",
    "repeat_green",
]


def memory(row: str) -> str:
    return "[cause.cpe_memory]\ntraits = []\nevidence = [{" + row + "}]\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "site.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def test_the_packaged_pack_holds_the_fixed_causes() -> None:
    assert set(FIXED) <= set(load_pack().file.cause)


def test_every_named_fact_of_the_design_is_known() -> None:
    lines = shared("design/linetest.md").read_text(encoding="utf-8").splitlines()
    rows = [line.split("|")[1] for line in lines if line.startswith("| `") and line.count("|") == 4]
    names = {name for row in rows for name in row.split("`")[1::2]}
    assert len(names) > 180
    assert names <= set(FACTS)


def test_a_site_changes_one_threshold(tmp_path: Path) -> None:
    pack = load_pack(written(tmp_path, "[engine]\nmin_posterior = 0.97\n"))
    assert pack.ref.id == "site"
    assert pack.ref.hash != load_pack().ref.hash
    case = next(trial.case for trial in own_trials() if trial.name == "mgmt_plane_only")
    assert verdict_of(case).verdict == "REMOTE_FIX"
    assert verdict_of(case, pack=pack).verdict == "INCONCLUSIVE"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[engine]\nmin_posterior = 3\n", "engine.min_posterior"),
        ("[engine]\nfoo = 3\n", "engine.foo"),
        ("[cause.nff]\nlocation = 'moon'\n", "unknown location 'moon'"),
        ("[cause.nff]\nqueue = 'nobody'\n", "unknown queue 'nobody'"),
        ("[cause.cpe_memory]\naction = 'pray'\n", "unknown action 'pray'"),
        (memory("fact = 'cpe.mem', op = 'lt', value = 5, yes = 20"), "unknown fact 'cpe.mem'"),
        (memory("fact = 'wifi.util_pct', op = 'less', value = 5"), "evidence.0.op"),
        (memory("fact = 'wifi.util_pct', op = 'lt', value = 'x', yes = 20, no = -1"), "'x' is not"),
        (memory("fact = 'bras.session', op = 'eq', value = 'UP', yes = 20, no = -1"), "never 'UP'"),
        (memory("fact = 'bras.session', op = 'lt', value = 'up', yes = 20, no = -1"), "needs a number"),
        (memory("fact = 'wifi.util_pct', op = 'lt', value = 5, yes = 80"), "evidence.0.yes"),
        (memory("fact = 'wifi.util_pct', op = 'in', value = 5, yes = 20"), "in and between take a list"),
        (memory("fact = 'wifi.util_pct', op = 'lt', value = 5, yes = 20"), "can never lose"),
        (memory("fact = 'wifi.util_pct', op = 'lt', value = 5, yes = 5, no = -5"), "can hardly win"),
        ("[cause.cpe_memory]\nverdict = 'DISPATCH_HOME'\n", "one line from many"),
        ("[cause.cpe_memory]\ntraits = ['magic']\n", "unknown trait 'magic'"),
        ("[cause.cpe_memory.text]\nen = 'now {cpe.mem}'\n", "unknown fact 'cpe.mem'"),
        ("[cause.cpe_memory.title]\nru = ''\n", "cause.cpe_memory.title.ru"),
        ("[cause.cpe_memory\n", "cannot be read as TOML"),
    ],
)  # fmt: skip
def test_a_wrong_pack_is_refused_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(PackError) as caught:
        load_pack(path)
    assert told in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_and_an_empty_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"nowhere\.toml"):
        load_pack(tmp_path / "nowhere.toml")
    with pytest.raises(PackError, match=r"no \*\.toml file"):
        load_pack(tmp_path)


def test_two_files_may_not_both_write_a_cause(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(HEAD + "[action.x]\ncost = 1\n", encoding="utf-8")
    (tmp_path / "b.toml").write_text("[action.x]\ncost = 2\n", encoding="utf-8")
    with pytest.raises(PackError, match=r"action\.x is already written"):
        load_pack(tmp_path)
