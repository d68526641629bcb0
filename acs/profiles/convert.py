"""Raw parameter text to one typed value. Pure and total: text that cannot be used gives None, never an error.

The rule of this file: a conversion is one named function in CONVERSIONS; profiles choose it by its name.
"""

import math
from collections.abc import Callable, Mapping

from probes.units import dbm_from_uw

#: units that CPEs write behind a number
_UNITS = ("dbm", "ms", "ghz", "mhz", "mbps")

#: words that CPEs send for "true"
_TRUE = frozenset({"1", "true", "yes", "on", "enabled"})
_FALSE = frozenset({"0", "false", "no", "off", "disabled"})

#: an RCPI of 0 stands for -110 dBm and each step for half a dB (IEEE 802.11; TR-181 DataElements STA.SignalStrength)
_RCPI_STEPS_PER_DB = 2
_RCPI_FLOOR_DBM = 110
_RCPI_TOP = 220

#: channel numbers of the bands (IEEE 802.11 annex E); those of 6 GHz overlap with both and need a band that is told
_LAST_OF_2_4, _FIRST_OF_5, _LAST_OF_5 = 14, 32, 177

#: a share given in one octet (TR-181 DataElements Radio.Utilization)
_OCTET_TOP = 255


def number(text: str) -> float | None:
    """The number at the head of a text; a unit behind it ("-23 dBm", "17%") is dropped. None if there is none."""
    try:
        value = float(text)
    except ValueError:
        head = text.strip().split(" ")[0].rstrip("%").lower()
        for unit in _UNITS:
            head = head.removesuffix(unit)
        try:
            value = float(head)
        except ValueError:
            return None
    return value if math.isfinite(value) else None


def boolean(text: str) -> bool | None:
    """A boolean in any of the spellings that CPEs use; None if it is none of them."""
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def milli_dbm(value: float) -> float:
    """dBm from thousandths of a dBm; early firmware sends plain dBm, which never exceeds 100 in amount."""
    return value if abs(value) < 100 else value / 1000.0


def direct_dbm(value: float) -> float:
    """dBm as sent; an amount of 100 or more is in hundredths."""
    return value if abs(value) < 100 else value / 100.0


def tenth_uw(value: float) -> float | None:
    """dBm from tenths of a microwatt; None for no light at all."""
    level = dbm_from_uw(value / 10.0)
    return None if level is None else round(level, 3)


def rcpi(value: float) -> float | None:
    """dBm from an RCPI octet 0…220; None above."""
    return value / _RCPI_STEPS_PER_DB - _RCPI_FLOOR_DBM if 0 <= value <= _RCPI_TOP else None


def band_ghz(channel: float) -> float | None:
    """The Wi-Fi band of a channel number of 2.4 or 5 GHz; None for 0, which is "not chosen yet", and for others."""
    return 2.4 if 1 <= channel <= _LAST_OF_2_4 else 5.0 if _FIRST_OF_5 <= channel <= _LAST_OF_5 else None


#: name in a profile → number as sent → number in the fact's unit, or None where the reading means nothing
CONVERSIONS: Mapping[str, Callable[[float], float | None]] = {
    "as_sent": lambda value: value,
    "dbm": direct_dbm,
    "milli_dbm": milli_dbm,
    "tenth_dbm": lambda value: value / 10.0,
    "tenth_db": lambda value: value / 10.0,
    "tenth_uw": tenth_uw,
    "rcpi": rcpi,
    "octet_share_pct": lambda value: value * 100.0 / _OCTET_TOP if 0 <= value <= _OCTET_TOP else None,
    "rest_of_100": lambda value: 100.0 - value,
    "kbit_to_mbit": lambda value: value / 1000.0,
    "thousandths": lambda value: value / 1000.0,
    "minus_tenth": lambda value: -value / 10.0,
    "double_thousandths": lambda value: value * 2.0 / 1000.0,
    "band_ghz": band_ghz,
    "per_256": lambda value: value / 256.0,
}
