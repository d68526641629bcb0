"""The form of an adapter file, and how one is read.

    [ticket]             where things stand in a ticket of theirs
    [statuses] …         their words → ours, and back
    [poll] [read]        how changes are asked for, and one ticket
    [[write]]            how a ticket is told something: a few calls, the note last
    [[rules]]            verdict → their queue and assignee

The rule of this file: an adapter is data; what it cannot say belongs into its form, not into code for one system.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from acs.errors import ConfigError, InvalidInput
from acs.services.adapters import paths

#: status words of TMF621 v4, which are ours
STATUSES = (
    "acknowledged",
    "inProgress",
    "pending",
    "held",
    "resolved",
    "closed",
    "cancelled",
    "rejected",
)
#: words that templates may take besides the variables of the file
WORDS = frozenset(
    {
        "id", "text", "mark", "verdict", "cause", "title", "confidence", "action", "location", "queue", "assignee",
        "queue_out", "needs_human", "line", "line_test", "technology", "priority", "status", "key", "user", "since",
        "limit", "offset", "page",
    }
)  # fmt: skip
Paths = tuple[str, ...]
Method = Literal["GET", "POST", "PUT", "PATCH"]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TicketForm(_Form):
    """`[ticket]`: where things stand in one ticket; each is a list of paths, and the first that finds a text counts."""

    #: The members that wrap a ticket in their messages; none of them there: the message is the ticket.
    root: Paths = ()
    #: Their number or key of the ticket, as their API takes it.
    id: Paths = Field(min_length=1)
    #: The line: its id with us, its account, or its PPPoE login.
    line: Paths = Field(min_length=1)
    #: The subscriber's account.
    account: Paths = ()
    phone: Paths = ()
    subject: Paths = ()
    description: Paths = ()
    category: Paths = ()
    priority: Paths = ()
    status: Paths = ()
    #: The service: internet, iptv or voip.
    service: Paths = ()
    #: How it was closed: a cause of the pack, or a code of [after_fix] codes.
    closing_code: Paths = ()
    created_at: Paths = ()
    changed_at: Paths = ()

    @field_validator("*")
    @classmethod
    def _readable(cls, value: Paths) -> Paths:
        for path in value:
            paths.parse(paths.fill(path, dict.fromkeys(paths.holes(path), "x")))
        return value


class AuthForm(_Form):
    """`[auth]`: how we say who we are. `basic` sends user and key as HTTP Basic."""

    header: str = "Authorization"
    value: str = "Bearer {key}"
    basic: bool = False


class SignatureForm(_Form):
    """`[signature]`: how their messages are signed.

    `secondline`: our own header over time and body. `hub-sha256`, `hub-sha1`: X-Hub-Signature over the body, whose
    time stands in the body at `time`.
    """

    scheme: Literal["secondline", "hub-sha256", "hub-sha1"] = "secondline"
    time: Paths = ()


class PollForm(_Form):
    """`[poll]`: asking for what changed. `each`: the answer names ids alone, and each ticket is read."""

    method: Method = "GET"
    path: str
    body: Any = None
    #: Format of the time since when, for strftime; in UTC.
    since: str = "%Y-%m-%dT%H:%M:%SZ"
    #: Where the tickets stand in the answer.
    items: str
    limit: int = Field(100, ge=1, le=1000)
    each: bool = False


class ReadForm(_Form):
    """`[read]`: one ticket. `seen_in`: where the texts stand among which our mark is looked for."""

    method: Method = "GET"
    path: str
    body: Any = None
    seen_in: Paths = Field(min_length=1)
    #: Where the texts stand, when they are asked for apart.
    seen_path: str = ""


class WriteForm(_Form):
    """`[[write]]`: one call. `when`: made only where this word is not empty.

    `done`: answers that mean that it was done before, such as a transition that is not open any more.
    """

    method: Method
    path: str
    body: Any
    when: str = ""
    done: tuple[int, ...] = ()


class RuleForm(_Form):
    """`[[rules]]`: the first whose patterns fit sets queue and assignee."""

    verdicts: Paths = ()
    causes: Paths = ()
    queues: Paths = ()
    needs_human: bool | None = None
    queue: str = ""
    assignee: str = ""


class Adapter(_Form):
    """One file."""

    name: str = Field(pattern="^[a-z0-9][a-z0-9_-]{0,63}$")
    title: str
    #: Addresses of the documentation that the mapping was written from.
    sources: tuple[str, ...] = Field(min_length=1)
    #: On what it was tried; "" for nothing but its documentation.
    tried: str = ""
    #: Words that a site may set (`[adapters.systems.variables]`), and what they are otherwise.
    variables: Mapping[str, str] = {}
    auth: AuthForm = AuthForm()
    signature: SignatureForm = SignatureForm()
    ticket: TicketForm
    #: Their category → our ticket type; what is not named stays as it is.
    categories: Mapping[str, str] = {}
    priorities: Mapping[str, str] = {}
    #: Their status → ours.
    statuses: Mapping[str, Literal[STATUSES]] = {}  # type: ignore[valid-type] # pydantic reads the tuple
    #: Our status → what their API takes.
    status_out: Mapping[Literal[STATUSES], str] = {}  # type: ignore[valid-type] # pydantic reads the tuple
    poll: PollForm | None = None
    read: ReadForm | None = None
    write: tuple[WriteForm, ...] = ()
    rules: tuple[RuleForm, ...] = ()

    def wrong(self) -> list[str]:
        """What a model cannot say: holes that nothing fills, writing without reading."""
        known = WORDS | set(self.variables)
        parts = {"ticket": self.ticket, "poll": self.poll, "read": self.read, "write": self.write}
        found = [
            f"{name}: nothing is called {{{hole}}}; known are {', '.join(sorted(known))}"
            for name, part in parts.items()
            for hole in sorted(_holes(part) - known)
        ]
        if self.write and self.read is None:
            found.append("read: missing; without it a note whose answer was lost would be written twice")
        if self.write and "text" not in paths.holes(_plain(self.write[-1])):
            found.append("write: the call that brings {text} is the last one: what comes before may be repeated")
        if self.write and "mark" not in paths.holes(_plain(self.write[-1])):
            found.append("write: the last call brings no {mark}; put it at the end of the note, to be found again")
        return found


def packaged() -> list[str]:
    """The names of the adapters that come with the product."""
    folder = resources.files("acs.services.adapters")
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir() if one.name.endswith(".toml"))


def load(name: str | Path) -> Adapter:
    """The adapter of a name that comes with the product, or of a file.

    A file may say `extends = "redmine"`: its tables are laid over those of that one.

    Raises:
        ConfigError: there is none, or it is wrong; one line per error.
    """
    where = str(name)
    return _read(where, _text_of(where))


def read(text: str, where: str = "the adapter") -> Adapter:
    """The adapter in the text of a file; `where` is what errors call it.

    Raises:
        ConfigError: it is wrong; one line per error.
    """
    return _read(where, text)


def _read(where: str, text: str) -> Adapter:
    table = _table(where, text)
    try:
        adapter = Adapter.model_validate(table)
    except ValidationError as error:
        lines = [f"{where}: {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise ConfigError("\n".join(lines)) from None
    except InvalidInput as error:
        raise ConfigError(f"{where}: {error}") from None
    if wrong := adapter.wrong():
        raise ConfigError("\n".join(f"{where}: {one}" for one in wrong))
    return adapter


@cache
def _packaged_text(name: str) -> str:
    return (resources.files("acs.services.adapters") / f"{name}.toml").read_text(encoding="utf-8")


def _text_of(where: str) -> str:
    try:
        return _packaged_text(where) if where in packaged() else Path(where).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: no adapter is called so, nor is there such a file ({error})") from error


def _table(where: str, text: str) -> dict[str, Any]:
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}; mend that line") from error
    base = table.pop("extends", None)
    if base is None:
        return table
    if base not in packaged():
        raise ConfigError(f"{where}: extends: {base!r} is none of {', '.join(packaged())}")
    return _laid_over(_table(base, _packaged_text(base)), table)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(below)
    for key, value in above.items():
        old = both.get(key)
        both[key] = _laid_over(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return both


def _plain(form: Any) -> Any:
    return form.model_dump() if isinstance(form, BaseModel) else form


def _holes(part: Any) -> set[str]:
    if isinstance(part, tuple):
        return {hole for one in part for hole in _holes(one)}
    return paths.holes(_listed(_plain(part)))


def _listed(thing: Any) -> Any:
    """Tuples as lists, so that one walk sees them."""
    if isinstance(thing, Mapping):
        return {key: _listed(value) for key, value in thing.items()}
    return [_listed(one) for one in thing] if isinstance(thing, list | tuple) else thing
