"""The bench of storage runs, and its models are what it says."""

import random
from pathlib import Path

from bench import storage


def test_models_have_their_size_and_devices_of_one_model_its_names() -> None:
    chance = random.Random(1)
    for size in storage.SIZES:
        model = storage.model_of(3, size)
        assert size <= len(model.values) <= size + 1
        one, other = storage.tree_of(model, chance), storage.tree_of(model, chance)
        assert one.keys() == other.keys() == model.values.keys()
        assert one != other
    assert storage.model_of(1, 600).values.keys() != storage.model_of(2, 600).values.keys()


async def test_a_small_run_gives_every_figure(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/store.db"
    lines = await storage.measure(url, tmp_path, devices=20, sizes=(600,), days=2, histories=1)
    assert lines[0].startswith("600 parameters: ") and "bytes per device of 20" in lines[0]
    assert "packed as measured" in lines[1]
    assert [line.split(",")[0] for line in lines[2:]] == [
        f"query {back}" for back in ("24 h", "7 d", "90 d") for _ in (1, 2, 3)
    ]
