"""Which SNMP agent a command of `secondline probe` asks, and as whom: address, port, version, credentials in files."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.probe_facts import community_of
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.snmp.client import SnmpTarget

#: a file that must be there
FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


def agent_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which agent, and as whom; `target_of` takes what they give."""
    options = [
        click.argument("address"),
        click.option(
            "--port", type=click.IntRange(1, 65535), default=161, show_default=True, help=_("UDP port of the agent.")
        ),
        click.option(
            "--community-file", type=FILE, help=_("File with the SNMP community; a secret is never an argument.")
        ),
        click.option(
            "--snmp-version", type=click.Choice(["1", "2c", "3"]), default="2c", show_default=True, help=_("Version.")
        ),
        click.option("--user", help=_("With version 3: the user.")),
        click.option("--auth", default="sha", show_default=True, help=_("With version 3: authentication protocol.")),
        click.option("--auth-file", type=FILE, help=_("With version 3: file with the authentication password.")),
        click.option("--privacy", default="aes128", show_default=True, help=_("With version 3: privacy protocol.")),
        click.option("--privacy-file", type=FILE, help=_("With version 3: file with the privacy password.")),
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(0.1, 60),
            default=2.0,
            show_default=True,
            help=_("Seconds of the first try; there are three."),
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def target_of(agent: dict[str, Any]) -> "SnmpTarget":
    """The agent that the options name.

    Raises:
        CliError: neither a community nor a user is given, or a file cannot be read.
    """
    from probes.snmp.client import SnmpTarget, V3User, Version

    version = Version(agent["snmp_version"])
    where = {"address": agent["address"], "port": agent["port"], "timeout_s": agent["timeout_s"], "version": version}
    if version is not Version.V3:
        if agent["community_file"] is None:
            raise CliError(_("Give --community-file: there is no default community."), ExitStatus.USAGE)
        return SnmpTarget(**where, community=community_of(agent["community_file"]))
    if not agent["user"]:
        raise CliError(_("Version 3 needs --user."), ExitStatus.USAGE)
    passwords = {
        f"{kind}_password": community_of(agent[f"{kind}_file"])
        for kind in ("auth", "privacy")
        if agent[f"{kind}_file"] is not None
    }
    user = V3User(agent["user"], auth=agent["auth"], privacy=agent["privacy"], **passwords)
    return SnmpTarget(**where, user=user)
