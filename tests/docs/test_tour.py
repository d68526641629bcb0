"""The README's tour works as it is written: its blocks run as one shell script, on free ports, in an empty folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cli.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
#: seconds that a machine may need on which much else runs; it takes 40 where nothing does
LIMIT_S = 280


def tour() -> str:
    """Every shell block between the tour's heading and the next one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("## A five-minute tour", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, flags=re.DOTALL)
    assert len(blocks) >= 5
    return "\n".join(blocks)


def moved(script: str, api: int, cwmp: int, files: int) -> str:
    """The script with the default ports replaced: another server may be running here."""
    init = "secondline serve --init tour"
    places = "; ".join(f"s/port = {old}/port = {new}/" for old, new in ((7547, cwmp), (8080, api), (7549, files)))
    move = f"sed -i '{places}' tour/secondline.toml"
    assert init in script
    script = script.replace(init, f"{init}\n{move}").replace("127.0.0.1:8080", f"127.0.0.1:{api}")
    return script.replace("secondline simulate ", f"secondline simulate --cwmp-url http://127.0.0.1:{cwmp}/ ")


@pytest.mark.timeout(LIMIT_S + 20)
def test_every_step_of_the_tour_succeeds(tmp_path: Path) -> None:
    api, cwmp, files = free_port(), free_port(), free_port()
    settings = tmp_path / ".config" / "secondline"
    settings.mkdir(parents=True)
    (settings / "client.toml").write_text(f'url = "http://127.0.0.1:{api}"\n', encoding="utf-8")
    script = "set -e -m\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + moved(tour(), api, cwmp, files)
    environ = {**os.environ, "HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ |= {"LC_ALL": "C.UTF-8"}
    # ended from within, the shell ends what it started, and what the logs say is shown
    words = ["timeout", "--kill-after", "3", str(LIMIT_S), "bash", "-c", script]
    done = subprocess.run(words, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    logs = "\n".join(path.read_text(encoding="utf-8")[-2000:] for path in (tmp_path / "tour").glob("*.log"))
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{logs}"
    assert "wifi_weak" in done.stdout
    assert "boot seen" in done.stdout + done.stderr
    assert '"TT-1"' in done.stdout
