"""The family of OLTs that the benchmarks of SNMP and traps play, and where the rows of its ports stand."""

from probes.profiles.indexes import Computed
from probes.profiles.schema import load_profiles

PROFILE = load_profiles()["huawei-smartax"]


def port_row(slot: int, port: int) -> str:
    """What the rows of a port's ONTs begin with, in frame 0."""
    index = PROFILE.index
    assert isinstance(index, Computed), "the family's rows are found without asking it"
    return index.port_row(0, slot, port)
