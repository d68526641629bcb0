"""Unit arithmetic: dBm, µW, tenths, two's complement. Pure; every function is total over finite input."""

import math


def dbm_from_uw(microwatts: float) -> float | None:
    """Optical power in dBm for a power in µW; None for zero or less (no light has no level)."""
    if microwatts <= 0:
        return None
    return 10.0 * math.log10(microwatts / 1000.0)


def signed(value: int, bits: int) -> int:
    """The two's-complement reading of an unsigned `bits`-wide number."""
    return value - (1 << bits) if value >= 1 << (bits - 1) else value
