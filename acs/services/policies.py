"""Which policy a CPE is under: by its profile, else by its network, else `[cwmp]`.

The one rule: a network's policy is known before anything was read; a profile's only once the Inform was, so a
profile can never let anybody in whom its own `auth` does not name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from acs.config import AdmitSection, AuthPolicy, CwmpSection, Enrolment, NetworkSection, PolicySection
from acs.cwmp.messages import Inform
from acs.cwmp.quirks import NO_QUIRKS, Quirk
from acs.cwmp.structs import DeviceId
from acs.profiles.globs import none_or_like
from acs.profiles.schema import Identity, Profile, choose
from acs.services.networks import is_in, network_finder, parse_address


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds for one CPE."""

    auth: AuthPolicy
    enrolment: Enrolment
    own_credentials: bool
    redirect: str | None = None
    redirect_status: int = 307


class Policies:
    """The policies of one endpoint."""

    def __init__(self, config: CwmpSection, profiles: Sequence[Profile] = ()) -> None:
        self._network_of = network_finder(config.networks)
        self._base = Policy(config.auth, config.enrolment, config.own_credentials)
        self._by_network = {
            number: replace(_over(self._base, entry), redirect=entry.redirect, redirect_status=entry.redirect_status)
            for number, entry in enumerate(config.networks)
        }
        self._by_profile: dict[str, PolicySection] = {entry.profile: entry for entry in config.profiles}
        self._profiles = profiles
        self._rules = config.admit
        #: whether any policy at all lets devices in that prove nothing, so that a challenge cannot come first
        self.profiles_matter = any(entry.auth is not None for entry in config.profiles)

    def every(self) -> tuple[Policy, ...]:
        """All policies that there are, `[cwmp]` first."""
        return (self._base, *self._by_network.values(), *(_over(self._base, e) for e in self._by_profile.values()))

    def of_address(self, address: str) -> Policy:
        """The policy of the network that an address is in."""
        return self._by_network.get(self._network_of(address)[0], self._base)

    def of_device(self, address: str, inform: Inform) -> Policy:
        """The policy of the device that an Inform names."""
        policy = self.of_address(address)
        if not self._by_profile:
            return policy
        profile = self._profile_of(inform)
        entry = self._by_profile.get(profile.id) if profile is not None else None
        return policy if entry is None else _over(policy, entry)

    def quirks(self, inform: Inform) -> frozenset[Quirk]:
        """The quirks of the profile of the device that an Inform names."""
        profile = self._profile_of(inform)
        return NO_QUIRKS if profile is None else profile.quirks

    def network(self, address: str) -> NetworkSection | None:
        """The configured network that an address is in."""
        return self._network_of(address)[1]

    def admits(self, device: DeviceId, address: str, *, proved: bool) -> bool:
        """Whether a rule lets the device out of quarantine."""
        return any(_matches(rule, device, address, proved=proved) for rule in self._rules)

    def _profile_of(self, inform: Inform) -> Profile | None:
        device = inform.device_id
        root = next((f"{p.name.partition('.')[0]}." for p in inform.parameter_list if "." in p.name), "")
        version = next((p.value for p in inform.parameter_list if p.name == f"{root}DeviceInfo.SoftwareVersion"), "")
        identity = Identity(root, device.manufacturer, device.oui, device.product_class, version)
        return choose(self._profiles, identity)


def _over(base: Policy, section: PolicySection) -> Policy:
    return replace(
        base,
        auth=base.auth if section.auth is None else section.auth,
        enrolment=base.enrolment if section.enrolment is None else section.enrolment,
        own_credentials=base.own_credentials if section.own_credentials is None else section.own_credentials,
    )


def _matches(rule: AdmitSection, device: DeviceId, address: str, *, proved: bool) -> bool:
    if rule.proved and not proved:
        return False
    if rule.networks and not is_in(parse_address(address), rule.networks):
        return False
    asked = (
        (rule.oui, device.oui),
        (rule.product_class, device.product_class),
        (rule.serial_number, device.serial_number),
    )
    return all(none_or_like((text,), patterns) for patterns, text in asked)
