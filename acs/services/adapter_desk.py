"""Adapters to look at: which come with the product, whether a file is right, what one makes of a message.

The rule of this file: nothing is called and nothing is stored; what would be called is shown.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from acs.errors import ConfigError, InvalidInput
from acs.services.actor import Actor, Scope
from acs.services.adapters.mapping import calls, creation_event, ticket_of, verdict_words
from acs.services.adapters.schema import Adapter, load, packaged, read

#: the verdict that a trial tells
_VERDICT: Mapping[str, Any] = {
    "verdict": "DISPATCH_HOME",
    "cause": "drop_fibre_cut",
    "title": {"en": "Drop fibre or patch cord broken", "ru": "Обрыв абонентского волокна"},
    "posterior": 0.98,
    "queue": "l3-home",
    "needs_human": True,
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What an adapter makes of a message: the ticket that is read, the event that we take, the calls that tell it."""

    ticket: Mapping[str, Any]
    event: Mapping[str, Any]
    calls: Sequence[Mapping[str, Any]]


def shown(actor: Actor) -> list[Adapter]:
    """The adapters that come with the product."""
    actor.require(Scope.READ)
    return [load(name) for name in packaged()]


def check(actor: Actor, text: str) -> Adapter:
    """The adapter in the text of a file.

    Raises:
        InvalidInput: it is wrong; one line per error.
    """
    actor.require(Scope.READ)
    try:
        return read(text)
    except ConfigError as error:
        raise InvalidInput(str(error)) from error


def trial(actor: Actor, adapter: Adapter, message: Mapping[str, Any], variables: Mapping[str, str]) -> Trial:
    """What an adapter makes of a message, and how it would tell that ticket a verdict.

    Raises:
        InvalidInput: no ticket is in the message.
    """
    actor.require(Scope.READ)
    ticket = ticket_of(adapter, message, variables)
    words = {
        **adapter.variables,
        **variables,
        **verdict_words(adapter, _VERDICT, "en"),
        "id": ticket.id,
        "text": "Line test: Drop fibre or patch cord broken. drop_fibre_cut 0.98 -> DISPATCH_HOME",
        "mark": "secondline:0660d6488a4ba51b5155caad1c",
        "status": adapter.status_out.get("inProgress", ""),
        "line": ticket.line,
        "line_test": "0660d6488a4ba51b5155caad1c",
        "user": "(user)",
        "key": "(key)",
    }
    told = [
        {"method": one.method, "path": one.path, "body": json.loads(one.body) if one.body else None}
        for one in calls(adapter, words)
    ]
    return Trial(asdict(ticket), creation_event("system", ticket), told)


def named(actor: Actor, name: str) -> Adapter:
    """An adapter that comes with the product.

    Raises:
        InvalidInput: none is called so.
    """
    actor.require(Scope.READ)
    if name not in packaged():
        raise InvalidInput(f"adapter: {name[:64]!r} is none of {', '.join(packaged())}; send its text instead")
    return load(name)
