"""Which route takes an address: looked up, where the framework would try all two hundred one after the other.

    GET /api/v1/line-tests/42  →  those of GET under /api/v1/line-tests, in their order  →  the first whose form fits

The rule of this file: the table answers what a route takes as a whole, and nothing else. What no route takes, or not
with this method, is left to the routes behind it, which say why (404, 405).
"""

from collections.abc import Mapping, Sequence

from fastapi.routing import RouteContext, iter_route_contexts
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

#: words of an address that are looked up: `/api/v1/lines`, and as many of the TM Forum's
_WORDS = 3
#: method and first words of an address
_Place = tuple[str, ...]


class Table(BaseRoute):
    """A route in front of others: it takes what one of them takes, and hands it to that one.

    The others are worked out when the first request comes, as the framework does it too.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._behind = list(routes)
        self._places: Mapping[_Place, Sequence[RouteContext]] | None = None

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether one of the routes takes the request as a whole, and then which."""
        if scope["type"] != "http" or scope.get("root_path"):
            return Match.NONE, {}
        if self._places is None:
            self._places = _places_of(self._behind)
        path = scope["path"]
        for route in self._places.get((scope["method"], *_words(path)), ()):
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


def _places_of(routes: Sequence[BaseRoute]) -> Mapping[_Place, Sequence[RouteContext]]:
    found: dict[_Place, list[RouteContext]] = {}
    for route in iter_route_contexts(routes):
        words = _words(route.path or "")
        if any("{" in word for word in words):
            raise ValueError(f"{route.path}: a placeholder among the first {_WORDS} words; put it behind them")
        for method in route.methods or ():
            found.setdefault((method, *words), []).append(route)
    return found


def _words(path: str) -> list[str]:
    return path.split("/", _WORDS + 1)[1 : _WORDS + 1]
