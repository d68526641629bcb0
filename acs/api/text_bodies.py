"""Bodies that are text: CSV in UTF-8."""

from fastapi import Request
from starlette.exceptions import HTTPException

from acs.errors import InvalidInput

_TYPES = ("text/csv", "text/plain", "application/csv")


async def csv_text(request: Request) -> str:
    """The CSV of a request.

    Raises:
        HTTPException: 415 for another media type.
        InvalidInput: it is not UTF-8.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in _TYPES:
        raise HTTPException(415, f"send the CSV as text/csv, not as {media_type[:80] or 'nothing'}")
    body = await request.body()
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(f"byte {error.start}: the file is not UTF-8; save it as CSV UTF-8") from None
