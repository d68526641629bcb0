"""`secondline campaign`: firmware for many devices, a few first, stopped by failures."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.options import AnyFunction, server_options
from cli.texts import _

STATES = ("waiting", "started", "silent", "succeeded", "failed", "unknown", "skipped", "cancelled")


def target_options(function: AnyFunction) -> AnyFunction:
    """Add the options that choose the devices of a campaign."""
    for name, attribute, text in (
        ("--device", "devices", _("A device key; repeatable.")),
        ("--scope", "scopes", _("Topology path of lines, such as olt-1/0/3; repeatable.")),
        ("--without-tag", "without_tags", _("A tag that it may not have; repeatable.")),
        ("--tag", "tags", _("A tag that it must have; repeatable.")),
        ("--hardware", "hardware_versions", _("A hardware version, * at will; repeatable.")),
        ("--from", "versions", _("A software version that is upgraded, * at will; repeatable.")),
        ("--model", "models", _("PRODUCT-CLASS or OUI:PRODUCT-CLASS, * at will; repeatable.")),
    ):
        function = click.option(name, attribute, multiple=True, help=text)(function)
    return function


@click.group(help=_("Firmware campaigns."))
def campaign() -> None:
    """Group of the campaign commands."""


@campaign.command(help=_("Begin a campaign: which file for which devices; --preview only shows them."))
@click.argument("name")
@click.option("--file", "file_id", required=True, help=_("Id of the file; see: secondline file list."))
@click.option("--version", default="", help=_("What devices show then; else as the file says."))
@target_options
@click.option("--canary", type=click.IntRange(0), default=0, show_default=True, help=_("Devices that go first."))
@click.option("--canary-percent", type=click.FloatRange(0, 100), default=0.0, help=_("The same as a share."))
@click.option(
    "--soak", "soak_s", type=click.IntRange(0), default=3600, show_default=True, help=_("Seconds after them.")
)
@click.option("--window", multiple=True, help=_("Hours of the day, such as 02:00-05:00; repeatable."))
@click.option("--per-minute", type=click.IntRange(1), default=60, show_default=True, help=_("Devices begun a minute."))
@click.option("--at-once", type=click.IntRange(1), default=50, show_default=True, help=_("Devices under way."))
@click.option(
    "--silent",
    "silent_s",
    type=click.IntRange(1),
    default=600,
    show_default=True,
    help=_("Seconds after which a device that does not come holds no place."),
)
@click.option("--stop-failures", type=click.IntRange(1), default=10, show_default=True, help=_("Stop at so many."))
@click.option("--stop-percent", type=click.FloatRange(0, 100), default=5.0, show_default=True, help=_("Or at a share."))
@click.option("--attempts", type=click.IntRange(1, 10), default=1, show_default=True, help=_("Tries after a fault."))
@click.option("--preview", is_flag=True, help=_("Show the devices and begin nothing."))
@server_options
def create(name: str, file_id: str, version: str, preview: bool, **given: Any) -> None:
    """Begin a campaign."""
    url, token_file, as_json = given.pop("url"), given.pop("token_file"), given.pop("as_json")
    targets = {
        key: list(given.pop(key))
        for key in ("models", "versions", "hardware_versions", "tags", "without_tags", "scopes", "devices")
    }
    settings = {**given, "window": list(given["window"]), "targets": targets}
    body = {"name": name, "file": file_id, "version": version, "settings": settings}
    with connect(url, token_file) as client:
        found = client.post("/campaigns/preview" if preview else "/campaigns", body)
    if as_json:
        output.print_json(found)
    elif preview:
        for device in found["devices"]:
            output.print_line(device)
        output.print_note(
            _("{count} devices, {canaries} of them first").format(count=found["count"], canaries=found["canaries"])
        )
    else:
        _print(found)


@campaign.command("list", help=_("List campaigns, the newest first."))
@server_options
def list_campaigns(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List campaigns."""
    with connect(url, token_file) as client:
        found = client.get("/campaigns")
    if as_json:
        output.print_json(found)
        return
    rows = [
        [c["name"], c["state"], c["version"], _counts(c["devices"]), output.instant(c["created_at"])] for c in found
    ]
    output.print_table([_("campaign"), _("state"), _("version"), _("devices"), _("begun")], rows)


@campaign.command(help=_("Show a campaign and what became of its devices."))
@click.argument("name")
@click.option("--state", type=click.Choice(STATES), help=_("Only devices in this state."))
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@server_options
def show(name: str, state: str | None, limit: int, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show one campaign."""
    with connect(url, token_file) as client:
        found = client.get(f"/campaigns/{segment(name)}")
        devices = client.get(f"/campaigns/{segment(name)}/devices", state=state, limit=limit)
    if as_json:
        output.print_json({**found, "members": devices})
        return
    _print(found)
    rows = [
        [d["device"], d["state"], d["canary"] or None, d["version_before"], d["version_now"], d["detail"]]
        for d in devices
    ]
    output.print_table([_("device"), _("state"), _("canary"), _("before"), _("now"), _("detail")], rows)
    output.print_more(len(rows), limit)


@campaign.command(help=_("Begin no more devices; what was asked and not sent is taken back."))
@click.argument("name")
@server_options
def pause(name: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Pause a campaign."""
    _change(name, "pause", url, token_file, as_json)


@campaign.command(help=_("Go on with a paused or stopped campaign; failures so far stop it no more."))
@click.argument("name")
@server_options
def resume(name: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Resume a campaign."""
    _change(name, "resume", url, token_file, as_json)


@campaign.command(help=_("End a campaign; devices under way go on to their result."))
@click.argument("name")
@server_options
def cancel(name: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Cancel a campaign."""
    _change(name, "cancel", url, token_file, as_json)


def _change(name: str, word: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    with connect(url, token_file) as client:
        found = client.post(f"/campaigns/{segment(name)}/{word}")
    if as_json:
        output.print_json(found)
    else:
        _print(found)


def _print(found: dict[str, Any]) -> None:
    output.print_pairs(
        [
            (_("campaign"), found["name"]),
            (_("state"), found["state"]),
            (_("detail"), found["detail"] or None),
            (_("waits"), found["waits"] or None),
            (_("file"), found["file"]),
            (_("version"), found["version"]),
            (_("devices"), _counts(found["devices"])),
            (_("canaries"), _counts(found["canaries"]) or None),
        ]
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
