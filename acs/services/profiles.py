"""Which profile a stored device has."""

from collections.abc import Sequence

from acs.profiles.schema import Identity, Profile, choose
from acs.store.records import DeviceRecord


def profile_of(profiles: Sequence[Profile], device: DeviceRecord, names: Sequence[str]) -> Profile | None:
    """The most specific profile for a device; `names` are its known parameters, sorted. None for an unknown root."""
    root = device.root if device.root.endswith(".") else device.root + "."
    identity = Identity(root, device.manufacturer, device.oui, device.product_class, device.software_version)
    return choose(profiles, identity, names)
