"""`[provisioning]`, `[files]`, `[campaigns]`: settings of devices by rule, their files, and their firmware."""

from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from acs.config.base import Count, FilePath, Port, Seconds, Section


class ProvisioningSection(Section):
    """`[provisioning]`: rules that give devices their settings."""

    #: Folder with the rule files (`*.toml`), read again when one changes; none = no rules.
    directory: FilePath | None = None
    #: Times that a device may refuse a rule, or lose what it set, before the rule is stopped for that device.
    refusals: Annotated[int, Field(ge=1, le=100)] = 3
    #: Seconds between looks at the rule files, and between bites of the search for devices that need other settings.
    tick_s: Seconds = 5.0
    #: Devices compared with the rules in one bite; each takes some tenths of a millisecond, a million 83 minutes.
    devices_per_tick: Count = 1_000
    #: Seconds between two searches through the fleet where no rule changed: how late a changed attribute of a line, or
    #: a line that a device was put on by another process, is noticed. Changed rules are looked for at once.
    round_s: Seconds = 300.0
    #: Unfinished provisioning operations at which the search waits, so that a changed rule does not call a whole
    #: fleet at once.
    at_once: Count = 1_000
    #: Seconds that a device has to come and take its settings, before it is looked for again.
    deadline_s: Seconds = 604_800.0


class FileAuth(StrEnum):
    """What a file server asks for besides the signed address."""

    #: The signed address alone; a user name and password that come along must still be right.
    URL = "url"
    #: Basic or digest with the transfer's own user name and password, as well.
    PASSWORD = "password"


class FilesSection(Section):
    """`[files]`: firmware and configurations for devices, and what devices send."""

    #: Folder in which the files are kept; none = no file server.
    directory: FilePath | None = None
    #: All addresses, because CPEs come from outside.
    host: str = "0.0.0.0"
    #: Beside the ports of TR-069, 7547 and 7548 with TLS; 0 takes any free one.
    port: Port = 7549
    #: The same over TLS, when `tls_certificate_file` is set.
    tls_port: Port = 7550
    #: Certificate chain (PEM) for `tls_port`; its key is in `tls_key_file`.
    tls_certificate_file: FilePath | None = None
    #: Private key (PEM) of the certificate.
    tls_key_file: FilePath | None = None
    #: What devices are told as the beginning of an address, such as http://files.example.net:7549; none = this host's
    #: own address on the way to the device, which needs no name.
    public_url: Annotated[str, Field(pattern=r"^https?://[^/\s?#]+(/[^\s?#]*)?$", max_length=120)] | None = None
    #: The signed address alone, because many clients of CPEs fetch without any password.
    auth: FileAuth = FileAuth.URL
    #: Seconds that an address works: devices may come back days after they were told.
    url_age_s: Seconds = 259_200.0
    #: Seconds after its completion in which a download may still be resumed: its last bytes may be lost on the way.
    resume_s: Seconds = 120.0
    #: Bytes of all files together.
    quota_bytes: Annotated[int, Field(ge=1, le=10**15)] = 10_000_000_000
    #: Bytes of one file that an operator adds; the largest images of set-top boxes have about 300 MB.
    file_bytes: Count = 536_870_912
    #: Bytes of one file that a device sends; a configuration has under 1 MB, a log under 10.
    upload_bytes: Count = 33_554_432
    #: Days that a file sent by a device is kept.
    keep_uploads_days: Count = 90
    #: Transfers at once; beyond it 503 with Retry-After.
    transfers: Count = 200
    #: Transfers at once of one address; behind a carrier NAT several devices share it.
    transfers_per_address: Count = 16
    #: Bytes per second of all transfers together; 0 = no limit.
    bytes_per_s: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    #: Seconds in which a peer must send or take something, before its connection is closed.
    stall_s: Seconds = 60.0
    #: Seconds of one transfer in all: 300 MB over a line of 1 Mbit/s take 40 minutes.
    transfer_s: Seconds = 7_200.0

    @model_validator(mode="after")
    def _certificate_is_whole(self) -> Self:
        if (self.tls_certificate_file is None) != (self.tls_key_file is None):
            raise ValueError("tls_certificate_file and tls_key_file belong together; write both, or neither")
        return self


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone; write one such as Europe/Moscow, or UTC") from error
    return name


class CampaignsSection(Section):
    """`[campaigns]`: upgrades of the firmware of many devices."""

    #: Time zone of the hours of a campaign's window.
    time_zone: Annotated[str, AfterValidator(_zone)] = "UTC"
    #: Seconds between two looks of the worker at the running campaigns.
    tick_s: Seconds = 5.0
    #: Seconds after a reported success in which the new version must be seen: flashing and booting take minutes.
    seen_within_s: Seconds = 3_600.0
    #: Seconds that one device has from the call to the end of its transfer.
    deadline_s: Seconds = 7_200.0
