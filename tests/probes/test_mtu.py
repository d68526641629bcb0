"""Sizes that come through whole: what is lost by chance is no path that swallows large packets."""

from collections.abc import Iterator

import pytest

from probes import mtu


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([True, True], (1500, False)),
        ([True, False, True, True], (1500, False)),  # the large one was lost by chance
        ([True, False, True, False], (1428, True)),
        ([True, False, False, True, False], (68, True)),
        ([True, False, False, False], (None, False)),  # the small one is not answered any more: nothing is known
    ],
)
async def test_a_large_packet_is_asked_again_before_the_path_is_blamed(
    monkeypatch: pytest.MonkeyPatch, answers: list[bool], found: tuple[int | None, bool]
) -> None:
    script: Iterator[bool] = iter(answers)

    async def passes(_asking: object, _size: int) -> bool:
        return next(script)

    monkeypatch.setattr(mtu._Asking, "passes", passes)
    result = await mtu.whole("127.0.0.1")
    least = found[0] if found[0] != 68 else mtu._LEAST[4]
    assert (result.mtu, result.black_hole) == (least, found[1])
    assert not list(script), "every question was asked"
