"""The command `secondline`: groups that are imported only when they are used. Importing this loads only click."""

import importlib
import io
import sys
from collections.abc import Sequence

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.lazy import Suggesting
from cli.options import lang_option
from cli.texts import N_, _, choose

#: name → (module:attribute, what it is for); the text is a message id
COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("cli.serve:serve", N_("Run the server: CWMP endpoint, API, worker.")),
    "demo": ("cli.demo:demo", N_("Watch twelve tickets of a simulated neighbourhood turn into verdicts.")),
    "simulate": ("cli.simulate:simulate", N_("Run a simulated neighbourhood against any server.")),
    "line": ("cli.line:line", N_("Access lines: import, list, show, check.")),
    "search": ("cli.search:search", N_("Search devices and lines by anything that is known of them.")),
    "device": ("cli.device:device", N_("CPEs: list, show, get, set, refresh, reboot, download, and every other RPC.")),
    "operation": ("cli.operation:operation", N_("Operations on CPEs: list, show, cancel.")),
    "provision": ("cli.provision:provision", N_("Provisioning: rules, lint, plan, stopped, resume.")),
    "file": ("cli.file:file", N_("Files for devices and from devices: add, list, show, fetch, remove.")),
    "campaign": ("cli.campaign:campaign", N_("Firmware campaigns: create, list, show, pause, resume, cancel.")),
    "alarm": ("cli.alarm:alarm", N_("Alarms: list, clear.")),
    "linetest": ("cli.linetest:linetest", N_("The line-test engine: judge facts, show, explain and replay a test.")),
    "pack": ("cli.pack:pack", N_("Rule packs: lint, test, diff, propose, approve, activate, roll back.")),
    "outage": ("cli.outage:outage", N_("Mass outages: list, show, confirm, close, and what is slowly wrong.")),
    "ticket": ("cli.ticket:ticket", N_("Tickets: show one, close it with a code.")),
    "delivery": ("cli.delivery:delivery", N_("Messages to other systems: list, show, resend.")),
    "adapter": ("cli.adapter:adapter", N_("Adapters of ticket systems: list, check, try.")),
    "report": ("cli.report:report", N_("Reports: quality of verdicts, what helped and what fell back.")),
    "probe": ("cli.probe:probe", N_("Probes from this machine: the path, services, access nodes, the wire.")),
    "fact": ("cli.fact:fact", N_("Facts of other systems: import.")),
    "trap": ("cli.trap:trap", N_("Alarms of access nodes: tail, counts.")),
    "node": ("cli.node:node", N_("Access nodes, such as OLTs: set, list, discover, find.")),
    "freeze": (
        "cli.freeze:freeze",
        N_("The switch that stops every write to devices and network: on, off, show."),
    ),
    "login": ("cli.login:login", N_("Sign in as a person.")),
    "logout": ("cli.login:logout", N_("Sign out everywhere.")),
    "whoami": ("cli.login:whoami", N_("Show who asks and what he may.")),
    "user": ("cli.user:user", N_("Accounts of people: add, list, grant, passwd, totp, disable, enable.")),
    "role": ("cli.user:role", N_("Roles: what people and tokens may do.")),
    "approval": ("cli.approval:approval", N_("What two persons are needed for: list, show, approve, refuse.")),
    "audit": ("cli.audit:audit", N_("The audit trail: list, verify, export.")),
    "token": ("cli.token:token", N_("API tokens: create, list, revoke.")),
    "db": ("cli.db:db", N_("The database: upgrade.")),
}


class LazyGroup(Suggesting):
    """A group whose commands are imported when they are called; their one-line help is in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None for a name that does not exist."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module_name, attribute = entry[0].split(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the program is, in the chosen language."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_("A TR-069 server with access probes and line tests."))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, _(text)) for name, (_place, text) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@lang_option
@click.version_option(package_name="secondline", help=_("Show the version and exit."))
def cli() -> None:
    """Run one command; the texts are in the language of --lang, LC_ALL or LANG."""


def asked_language(arguments: Sequence[str]) -> str | None:
    """Return what --lang says, wherever it stands; None where it says nothing."""
    for name, value in zip(arguments, (*arguments[1:], ""), strict=False):
        if name == "--lang":
            return value
        if name.startswith("--lang="):
            return name.removeprefix("--lang=")
    return None


def main() -> None:
    """Run the command line and end the process with an `ExitStatus`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter is no reason to say nothing
    choose(asked_language(sys.argv[1:]))  # here, so that help is in it too: its texts are made as modules load
    try:
        cli(prog_name="secondline")
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(ExitStatus.FAILURE)
    except ModuleNotFoundError as error:
        text = _("The module {name} is missing: install secondline again, with pip, or with make in its folder.")
        CliError(text.format(name=error.name)).show()
        sys.exit(ExitStatus.FAILURE)
    except Exception as error:  # noqa: BLE001 - the edge: a person gets one line, and --debug's traceback from the log
        CliError(f"{type(error).__name__}: {error}").show()
        sys.exit(ExitStatus.FAILURE)


if __name__ == "__main__":
    main()
