"""CPU time of one judgement: python -m bench.judge → microseconds per case of fixtures/linetest, mean and slowest."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from time import process_time

from probes.linetest import judge, load_pack
from probes.linetest.cases import read_case

CASES = Path(__file__).parents[1] / "fixtures" / "linetest"
ROUNDS = 200


def main() -> None:
    """Judge every case ROUNDS times and print µs of CPU per judgement."""
    pack = load_pack()
    costs = []
    for path in sorted(CASES.glob("*.toml")):
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        case = read_case(
            {key: tree[key] for key in ("technology", "facts", "now") if key in tree}, now=datetime.now(UTC)
        )
        began = process_time()
        for _ in range(ROUNDS):
            judge(case.technology, case.facts, pack=pack, now=case.now, strict_gates=False)
        costs.append(((process_time() - began) / ROUNDS * 1e6, path.stem, len(case.facts)))
    mean = sum(cost for cost, _, _ in costs) / len(costs)
    slowest = max(costs)
    print(
        f"judge: {len(costs)} cases, mean {mean:.0f} µs, slowest {slowest[0]:.0f} µs ({slowest[1]}, {slowest[2]} facts)"
    )


if __name__ == "__main__":
    main()
