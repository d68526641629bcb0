"""Pages: one scheme for every list of the API.

    GET /things?limit=100            →  Link: </api/v1/things?limit=100&after=CURSOR>; rel="next"
    GET /things?limit=100&after=…    →  … until no Link comes

The rule of this file: a cursor is opaque to its reader; it names the last row of a page, so that rows which come or go
meanwhile shift nothing.
"""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response

from acs.errors import InvalidInput

AfterQuery = Annotated[
    str, Query(max_length=512, description="Where the page before ended: `after` of the Link with rel=next.")
]
#: greatest number that a cursor may be
_GREATEST = 2**63 - 1


def link_next(request: Request, response: Response, cursor: str) -> str:
    """Tell where the next page is, and return the cursor."""
    query = [(name, value) for name, value in request.query_params.multi_items() if name != "after"]
    address = f"{request.url.path}?{urlencode([*query, ('after', cursor)])}"
    response.headers.append("Link", f'<{address}>; rel="next"')
    return cursor


def number_of(cursor: str) -> int:
    """The number that a cursor is; 0 for none.

    Raises:
        InvalidInput: it is none of ours.
    """
    if not cursor:
        return 0
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 19 or int(cursor) > _GREATEST:
        raise InvalidInput(f"after: {cursor[:40]!r} is no cursor; take it from the Link of the page before")
    return int(cursor)
