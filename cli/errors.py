"""The one error that a command raises: a message for a person, and the exit code.

CliError (a ClickException: click prints it on standard error and ends with its exit code)
"""

import click

from cli.exit_status import ExitStatus


class CliError(click.ClickException):
    """A command cannot go on. `message` names the thing and what to do next; `status` is the exit code."""

    def __init__(self, message: str, status: ExitStatus = ExitStatus.FAILURE) -> None:
        super().__init__(message)
        self.status = status
        self.exit_code = int(status)  # type: ignore[misc]  # click reads it from the instance

    def show(self, file: object = None) -> None:
        """Print the message on standard error, as one plain line; colour is left to terminals."""
        click.echo(f"secondline: {self.format_message()}", err=True)
