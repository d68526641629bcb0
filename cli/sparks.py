"""Numbers as a line of bars, such as round trips: the higher the greater; what was lost is a mark of its own. Pure."""

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_LOST = "×"


def sparkline(values: Sequence[float | None], width: int = 20) -> str:
    """The newest `width` values as bars between their least and their greatest; None is ×."""
    shown = values[-width:]
    known = [value for value in shown if value is not None]
    if not known:
        return _LOST * len(shown)
    low, span = min(known), max(known) - min(known)
    top = len(_BARS) - 1
    return "".join(
        _LOST if value is None else _BARS[round((value - low) / span * top) if span else 0] for value in shown
    )
