"""Which profile a stored device has."""

from collections.abc import Collection, Mapping, Sequence

from acs.profiles.schema import Identity, Profile, choose
from acs.store.records import DeviceRecord


def profile_of(profiles: Sequence[Profile], device: DeviceRecord, known: Collection[str]) -> Profile | None:
    """The most specific profile for a device. None for an unknown root.

    `known` are its parameters: path → text, or path → (text, type); or their names alone, which tell no model name.
    """
    root = device.root if device.root.endswith(".") else device.root + "."
    model = known.get(f"{root}DeviceInfo.ModelName", "") if isinstance(known, Mapping) else ""
    identity = Identity(
        root,
        device.manufacturer,
        device.oui,
        device.product_class,
        device.software_version,
        model[0] if isinstance(model, tuple) else model,
    )
    return choose(profiles, identity, sorted(known))
