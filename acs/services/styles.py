"""How each device wants to be spoken to: the quirks of its profile, and what was found by trying.

A parser that cannot read us falls silent: the CPE takes the InformResponse, says nothing more, and comes back with the
same Inform. After SILENT such sessions in a row the next way of writing is tried; the one that gets an answer stays.

The one rule: only the form of the text is tried here, never what it says; a device that answers is never experimented
with.
"""

from collections import OrderedDict
from collections.abc import Iterable
from typing import Final

import structlog

from acs.cwmp.quirks import NO_QUIRKS, Quirk
from acs.profiles.schema import Identity, Profile, choose
from acs.store.records import DeviceRecord, SessionOpening

log = structlog.get_logger()

#: Sessions in a row that end after the InformResponse; one may be a bad line.
SILENT: Final = 2
#: What is tried in turn, beginning with what most CPEs read.
TRIALS: Final[tuple[frozenset[Quirk], ...]] = (
    NO_QUIRKS,
    frozenset({Quirk.NO_XML_DECLARATION}),
    frozenset({Quirk.LINE_BREAKS}),
)
#: Devices remembered; those that answer at once are not among them.
REMEMBERED: Final = 10_000
#: Models remembered; each takes about 300 bytes.
MODELS: Final = 10_000


class Styles:
    """The quirks of every device. What is found by trying is this process's own."""

    def __init__(self, profiles: Iterable[Profile] = ()) -> None:
        self._profiles = tuple(profiles)
        #: whether any profile names quirks at all
        self._odd = any(profile.quirks for profile in self._profiles)
        self._of_model: dict[Identity, frozenset[Quirk]] = {}
        #: device → how many of its sessions fell silent; a way that was found stands at its first number
        self._silent: OrderedDict[str, int] = OrderedDict()

    def of(self, device: DeviceRecord | SessionOpening) -> frozenset[Quirk]:
        """The quirks for the next session of a device."""
        known = self._by_profile(device) if self._odd else NO_QUIRKS
        silent = self._silent.get(device.key, 0) if self._silent else 0
        return known | _trial(silent) if silent else known

    def ended(self, key: str, *, heard: bool) -> None:
        """A session of the device is over; `heard`: something came after the InformResponse."""
        silent = self._silent.get(key, 0) if self._silent else 0
        if not heard:
            self._silent[key] = silent + 1
            self._silent.move_to_end(key)
            if len(self._silent) > REMEMBERED:
                self._silent.popitem(last=False)
        elif silent:
            self._settle(key, silent)

    def _settle(self, key: str, silent: int) -> None:
        """The device answers: keep the way of writing that it reads."""
        found = _trial(silent)
        if not found:
            del self._silent[key]
            return
        settled = SILENT * (TRIALS.index(found) + len(TRIALS))
        if silent != settled:
            log.info("device.style_found", device=key, quirks=sorted(found))
        self._silent[key] = settled

    def _by_profile(self, device: DeviceRecord | SessionOpening) -> frozenset[Quirk]:
        identity = Identity(device.root, device.manufacturer, device.oui, device.product_class, device.software_version)
        known = self._of_model.get(identity)
        if known is None:
            chosen = choose(self._profiles, identity)
            known = chosen.quirks if chosen is not None else NO_QUIRKS
            if len(self._of_model) >= MODELS:
                self._of_model.clear()
            self._of_model[identity] = known
        return known


def _trial(silent: int) -> frozenset[Quirk]:
    return TRIALS[silent // SILENT % len(TRIALS)]
