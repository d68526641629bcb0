"""`[operations]`, `[lines]`, `[profiles]`: what is done on devices, and what is known of them."""

from collections.abc import Mapping
from enum import StrEnum

from acs.config.base import Count, FilePath, Seconds, Section


class RequestDownloadSection(Section):
    """`[operations.request_download]`: what a CPE gets that asks for a file by RequestDownload."""

    #: File type as the CPE names it ("1 Firmware Upgrade Image") → URL, or id of a file of our own file server; a
    #: type that is not named is answered and ignored, because nobody here decided that the device may have it.
    files: Mapping[str, str] = {}


class OperationsSection(Section):
    """`[operations]`: what is done on devices."""

    #: Seconds that an operation may take when the caller names no deadline: two periodic Informs.
    deadline_s: Seconds = 3_600.0
    #: Seconds after sending before evidence may prove that a reboot never happened: a CPE that answered into a
    #: dead connection reboots within one or two minutes.
    settle_s: Seconds = 120.0
    #: Seconds by which a CPE's uptime counter and our clock may disagree.
    uptime_slack_s: Seconds = 5.0
    #: Unfinished operations of one device; more is a runaway script.
    queued_per_device: Count = 100
    #: Parameter names in one GetParameterValues; weak CPEs fail beyond some dozens when names are listed.
    names_per_request: Count = 32
    #: Requests that one operation may need, so that a broken CPE cannot keep a session for ever.
    requests_per_operation: Count = 400
    #: Seconds between two looks of the worker at deadlines.
    tick_s: Seconds = 1.0
    #: Days that finished operations are kept.
    keep_days: Count = 365
    #: Days that Inform events and reports of CPEs are kept.
    keep_events_days: Count = 90
    #: What a CPE gets that asks for a file.
    request_download: RequestDownloadSection = RequestDownloadSection()


class BindingRule(StrEnum):
    """How a device finds its line."""

    #: the line's `device_serials` names the device's serial number, in hexadecimal or with the vendor in letters
    SERIAL = "serial"
    #: the device's PPPoE login is the line's
    PPPOE_LOGIN = "pppoe_login"
    #: the device's address is the session address (`bras.address`) of the line
    ADDRESS = "address"


class LinesSection(Section):
    """`[lines]`: the inventory of access lines."""

    #: Rules that bind a device to a line, the first that finds exactly one line decides; serials cannot be borrowed.
    binding: tuple[BindingRule, ...] = (BindingRule.SERIAL, BindingRule.PPPOE_LOGIN, BindingRule.ADDRESS)
    #: Rows of one CSV; a whole region fits, and one transaction stays under a minute.
    import_rows: Count = 200_000


class ProfilesSection(Section):
    """`[profiles]`: what is known about CPE models."""

    #: Folder with the operator's own profiles; one of the same id replaces the packaged one.
    directory: FilePath | None = None
