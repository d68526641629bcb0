"""How a campaign goes, as a person says it: which devices, in which order, in which hours, and when it stops by itself.

The rule of this file: what is said is checked whole when the campaign is made, and stored as it was said.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from acs.store.campaigns import CampaignRecord
from acs.store.records import Json
from probes.day_hours import DayHours

#: what is stored beside the settings: failures that a person accepted
_ACCEPTED = "accepted"


def _window(text: str) -> str:
    try:
        hours = DayHours.parse(text)
    except ValueError:
        hours = None
    if hours is None or hours.begin_s == hours.end_s or hours.end_s > 86_400:
        raise ValueError(f"{text!r} is no window; write hours of the day such as 02:00-05:00 or 23:00-04:30")
    return text


Globs = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=1_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Targets(_Strict):
    """Which devices: every key given must match; texts without regard to case, `*` at will."""

    #: `PRODUCT-CLASS` or `OUI:PRODUCT-CLASS`
    models: Globs = ()
    #: software versions that are upgraded
    versions: Globs = ()
    hardware_versions: Globs = ()
    #: tags that a device must all have
    tags: Globs = ()
    #: tags of which it may have none
    without_tags: Globs = ()
    #: topology paths of its line, such as olt-1 or olt-1/0/3
    scopes: Globs = ()
    #: a search, such as `group:weak-light`: only the devices that it finds when the campaign is made
    query: Annotated[str, Field(max_length=1_000)] = ""
    #: device keys; only these, and only if they match
    devices: Annotated[tuple[str, ...], Field(max_length=100_000)] = ()

    @model_validator(mode="after")
    def _is_limited(self) -> Self:
        named = (self.models, self.versions, self.tags, self.scopes, self.devices, self.hardware_versions, self.query)
        if not any(named):
            known = "models, versions, hardware_versions, tags, scopes, query or devices"
            raise ValueError(f"targets: say which devices: {known}")
        return self


class CampaignSettings(_Strict):
    """How a campaign goes."""

    targets: Targets
    #: devices that go first; the rest waits until all of them run the new version
    canary: Annotated[int, Field(ge=0, le=100_000)] = 0
    #: the same as a share of all devices, rounded up; the greater of both counts
    canary_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    #: seconds between the last canary's success and the first of the rest
    soak_s: Annotated[int, Field(ge=0, le=2_592_000)] = 3_600
    #: hours of the day, in the time zone of campaigns.time_zone; empty = always
    window: Annotated[tuple[Annotated[str, AfterValidator(_window)], ...], Field(max_length=10)] = ()
    #: devices begun in one minute
    per_minute: Annotated[int, Field(ge=1, le=100_000)] = 60
    #: devices under way at once
    at_once: Annotated[int, Field(ge=1, le=100_000)] = 50
    #: seconds after which a device that has not come for its operation holds no place any more; it is upgraded when it
    #: comes. A device that can be called comes within seconds; the others by themselves, some once a day.
    silent_s: Annotated[int, Field(ge=1, le=2_592_000)] = 600
    #: failed or unknown devices at which the campaign stops; canaries stop it at the first
    stop_failures: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    #: share of failed or unknown ones among those with a result, at which it stops
    stop_percent: Annotated[float, Field(gt=0, le=100)] = 5.0
    #: how often a device is asked whose transfer failed with a fault
    attempts: Annotated[int, Field(ge=1, le=10)] = 1

    def canaries_of(self, devices: int) -> int:
        """How many of so many devices go first."""
        share = -(-devices * self.canary_percent // 100)
        return min(devices, max(self.canary, int(share)))


def seconds_left(windows: Sequence[str], local: datetime) -> float | None:
    """Seconds until the window closes that is open now; None when none is, and a day where there is none at all."""
    if not windows:
        return 86_400.0
    left = [each for text in windows if (each := DayHours.parse(text).left_s(local)) is not None]
    return max(left, default=None)


def settings_of(campaign: CampaignRecord) -> CampaignSettings:
    """The settings of a stored campaign."""
    return CampaignSettings.model_validate({k: v for k, v in campaign.settings.items() if k != _ACCEPTED})


def accepted_of(campaign: CampaignRecord) -> int:
    """How many failures a person accepted when the campaign was resumed."""
    accepted = campaign.settings.get(_ACCEPTED)
    return accepted if isinstance(accepted, int) else 0


def accepting(campaign: CampaignRecord, failures: int) -> dict[str, Json]:
    """The stored settings with so many failures accepted."""
    return {**campaign.settings, _ACCEPTED: failures}
