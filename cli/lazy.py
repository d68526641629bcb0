"""Groups of commands that import a command when it is called. The rule: which there are stands in a table."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class Suggesting(click.Group):
    """A group that names what is like a command that it does not have, of all that it lists."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return name, command and what is left; click itself knows only of commands that are imported."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None


class LazyCommands(Suggesting):
    """A group with commands of its own, and others in files that are imported when they are called."""

    def __init__(self, *arguments: Any, places: Mapping[str, str], **named: Any) -> None:
        """`places`: name → module:attribute."""
        super().__init__(*arguments, **named)
        self._places = places

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, sorted."""
        return sorted({*super().list_commands(ctx), *self._places})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, imported if need be; None for a name that does not exist."""
        place = self._places.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module_name, attribute = place.split(":")
        command: click.Command = getattr(importlib.import_module(module_name), attribute)
        return command
