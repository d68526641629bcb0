"""Which lines somebody may see and touch, and the one place where every query of the store is held to that.

    Reach   which lines: groups of regions, operators, tags; any one of the groups is enough
    View    one request of somebody: the reaches that hold for it, and what it asked for in vain

The rule of this file: a query or a write of a limited view touches rows of lines in reach only, whichever table it is:
a table with a column `line`, `device` or `node` is held to it without being named (`acs/store/row_rights.py`). What
runs outside of a view (the CPE side, the worker, a line test once it runs) is held to nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field

from acs.errors import InvalidInput

#: what a group may name; `unbound` stands alone and means devices that are on no line
KINDS = ("region", "operator", "tag")
UNBOUND = "unbound"
#: things asked for in vain that one request remembers
_REFUSED = 8


@dataclass(frozen=True, slots=True, order=True)
class Group:
    """Lines of a region and of an operator and with a tag; what is empty is not asked."""

    region: str = ""
    operator: str = ""
    tag: str = ""
    unbound: bool = False

    def words(self) -> dict[str, str]:
        """kind → name of what the group asks of a line."""
        return {kind: name for kind in KINDS if (name := getattr(self, kind))}

    def __str__(self) -> str:
        return UNBOUND if self.unbound else ",".join(f"{kind}:{name}" for kind, name in self.words().items())


@dataclass(frozen=True, slots=True)
class Reach:
    """Which lines. Without a group: none."""

    groups: frozenset[Group]

    def __str__(self) -> str:
        return " or ".join(sorted(map(str, self.groups))) or "no line"


@dataclass(slots=True)
class View:
    """What one request may see. No reach in it: everything. Every further reach narrows it."""

    name: str = ""
    reaches: tuple[Reach, ...] = ()
    #: `table:id` of what is there but out of reach
    refused: list[str] = field(default_factory=list)
    #: the ticket that the request is made for
    ticket: str = ""

    def narrow(self, reach: Reach) -> None:
        """From now on only what was in reach before and is in this reach."""
        if reach not in self.reaches:
            self.reaches = (*self.reaches, reach)

    def refuse(self, what: str) -> None:
        """Remember that something out of reach was asked for."""
        if len(self.refused) < _REFUSED and what not in self.refused:
            self.refused.append(what)


_VIEW: ContextVar[View | None] = ContextVar("acs.store.reach.view", default=None)


def current_view() -> View | None:
    """The view that this task works for; None: everything may be seen."""
    return _VIEW.get()


@contextmanager
def viewing(view: View) -> Iterator[View]:
    """Hold everything in this block to the view."""
    before = _VIEW.set(view)
    try:
        yield view
    finally:
        _VIEW.reset(before)


def unlimited() -> Context:
    """A context for work that outlives the request that began it, and is nobody's."""
    context = copy_context()
    context.run(_VIEW.set, None)
    return context


def parse_group(text: str) -> Group:
    """The group that `region:north`, `region:north,operator:acme`, `tag:vip` or `unbound` names.

    Raises:
        InvalidInput: it names none.
    """
    if text == UNBOUND:
        return Group(unbound=True)
    found: dict[str, str] = {}
    for part in text.split(","):
        kind, _, name = part.strip().partition(":")
        if kind not in KINDS or not name or kind in found or len(name) > 64 or not name.isprintable():
            raise InvalidInput(
                f"group {text[:120]!r}: write region:NAME, operator:NAME or tag:NAME, joined by commas where a line "
                f"must fit all of them, or {UNBOUND} for devices on no line"
            )
        found[kind] = name
    return Group(found.get("region", ""), found.get("operator", ""), found.get("tag", ""))


def parse_groups(texts: Sequence[str]) -> Reach | None:
    """The reach of these groups; None, which is every line, where there are none.

    Raises:
        InvalidInput: see `parse_group`.
    """
    return Reach(frozenset(parse_group(text) for text in texts)) if texts else None
