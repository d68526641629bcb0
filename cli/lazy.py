"""A group of commands that imports a command when it is called. The rule: which there are stands in a table."""

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyCommands(click.Group):
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
