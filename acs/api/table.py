"""Which route takes an address: looked up, where the framework would try all two hundred one after the other.

    GET /api/v1/line-tests/42  →  those of GET under /api/v1/line-tests, in their order  →  the first whose form fits

The rule of this file: the table answers what a route takes as a whole, and nothing else. What no route takes, or not
with this method, is left to the routes behind it, which say why (404, 405).
"""

from collections.abc import Iterable, Mapping, Sequence

from fastapi.routing import RouteContext, iter_route_contexts
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

#: words of an address that are looked up: `/api/v1/lines`, and as many of the TM Forum's
_WORDS = 3
#: the first words of an address
_Place = tuple[str, ...]


class Table(BaseRoute):
    """A route in front of others: it takes what one of them takes, and hands it to that one.

    `behind` has for each path the route that takes it, or that includes what does. These are worked out when a place
    is first asked for: a millisecond or more each, which the framework would spend on all of them at once.
    """

    def __init__(self, behind: Iterable[tuple[str, BaseRoute]]) -> None:
        self._behind = _by_place(behind)
        self._known: dict[_Place, Mapping[str, Sequence[RouteContext]]] = {}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether one of the routes takes the request as a whole, and then which."""
        if scope["type"] != "http" or scope.get("root_path"):
            return Match.NONE, {}
        path = scope["path"]
        for route in self._at(_place(path)).get(scope["method"], ()):
            if (found := route.path_regex.match(path)) is not None:
                parts = {name: route.param_convertors[name].convert(value) for name, value in found.groupdict().items()}
                told = {"route": route.original_route, "endpoint": route.endpoint, "path_params": parts}
                return Match.FULL, {**told, "acs.taken_by": route.app}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand the request to the route that takes it."""
        await scope["acs.taken_by"](scope, receive, send)

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Nothing has its address here: the routes behind have theirs."""
        raise NoMatchFound(name, dict(path_params))

    def _at(self, place: _Place) -> Mapping[str, Sequence[RouteContext]]:
        """The routes of a place by their method; places that there are not are not kept."""
        if (known := self._known.get(place)) is not None:
            return known
        found: dict[str, list[RouteContext]] = {}
        for route in iter_route_contexts(self._behind.get(place, ())):
            for method in route.methods or () if _place(route.path or "") == place else ():
                found.setdefault(method, []).append(route)
        if found:
            self._known[place] = found
        return found


def _by_place(behind: Iterable[tuple[str, BaseRoute]]) -> Mapping[_Place, Sequence[BaseRoute]]:
    found: dict[_Place, list[BaseRoute]] = {}
    for path, route in behind:
        place = _place(path)
        if any("{" in word for word in place):
            raise ValueError(f"{path}: a placeholder among the first {_WORDS} words; put it behind them")
        there = found.setdefault(place, [])
        if not any(one is route for one in there):
            there.append(route)
    return found


def _place(path: str) -> _Place:
    return tuple(path.split("/", _WORDS + 1)[1 : _WORDS + 1])
