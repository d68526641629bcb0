"""The calls that a program makes, with types. The rule: every call says its method and address, which a test looks up
in the OpenAPI document; what has no method here is called through `http`.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from cli.client.http import Client, segment
from cli.client.results import Closure, Device, Found, Line, LineTest, Operation, Report, SearchPage, Ticket, read
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.texts import _

#: method of Secondline → the call behind it
CALLS: Final[Mapping[str, tuple[str, str]]] = {
    "lines": ("get", "/lines"),
    "line": ("get", "/lines/{line_id}"),
    "put_line": ("put", "/lines/{line_id}"),
    "search": ("get", "/search"),
    "devices": ("get", "/devices"),
    "device": ("get", "/devices/{key}"),
    "request_operation": ("post", "/devices/{key}/operations"),
    "operation": ("get", "/operations/{operation_id}"),
    "wait_for_operation": ("get", "/operations/{operation_id}/events"),
    "test_line": ("post", "/lines/{line_id}/tests"),
    "line_test": ("get", "/line-tests/{test_id}"),
    "wait_for_verdict": ("get", "/line-tests/{test_id}/events"),
    "send_ticket": ("post", "/tickets/events"),
    "ticket": ("get", "/tickets/{ticket_id}"),
    "close_ticket": ("post", "/tickets/{ticket_id}/closure"),
    "report": ("get", "/reports/operating"),
}
_PAGE = 500


class Secondline:
    """One server, with one token. Use it as a context manager; errors are CliError, whose text says what to do."""

    def __init__(self, url: str, token: str) -> None:
        #: any other call of the API
        self.http = Client(url, token)

    def __enter__(self) -> "Secondline":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.http.close()

    def lines(self, search: str | None = None) -> Iterator[Line]:
        """Every line, page by page."""
        yield from (read(Line, row) for row in self._rows("/lines", "id", search=search))

    def line(self, line_id: str) -> Line:
        """One line."""
        return read(Line, self.http.get(f"/lines/{segment(line_id)}"))

    def put_line(self, line_id: str, technology: str, **more: object) -> Line:
        """Store a line; `more` are its other fields, and what is left out is empty afterwards."""
        return read(Line, self.http.put(f"/lines/{segment(line_id)}", {"technology": technology, **more}))

    def search(self, query: str) -> Iterator[Found]:
        """Every device and line that a query finds, page by page."""
        after: str | None = None
        while True:
            page = read(SearchPage, self.http.get("/search", q=query, limit=_PAGE, after=after))
            yield from page.items
            if page.after is None:
                return
            after = page.after

    def devices(self, search: str | None = None, line: str | None = None) -> Iterator[Device]:
        """Every device, page by page."""
        yield from (read(Device, row) for row in self._rows("/devices", "key", search=search, line=line))

    def device(self, key: str) -> Device:
        """One device."""
        return read(Device, self.http.get(f"/devices/{segment(key)}"))

    def request_operation(
        self,
        device: str,
        kind: str,
        arguments: Mapping[str, object] | None = None,
        *,
        reason: str = "",
        ticket: str | None = None,
        idempotency_key: str | None = None,
    ) -> Operation:
        """Ask something of a device, once: give the same key when you ask again."""
        body = {"kind": kind, "arguments": dict(arguments or {}), "reason": reason, "ticket": ticket}
        address = f"/devices/{segment(device)}/operations"
        return read(Operation, self.http.post(address, body, headers=_key(idempotency_key)))

    def operation(self, operation_id: str) -> Operation:
        """One operation."""
        return read(Operation, self.http.get(f"/operations/{segment(operation_id)}"))

    def wait_for_operation(self, operation_id: str, timeout_s: float = 600.0) -> Operation:
        """The operation when it has ended."""
        return read(Operation, self._end(f"/operations/{segment(operation_id)}/events", timeout_s))

    def test_line(
        self, line_id: str, *, depth: str = "normal", ticket: str | None = None, idempotency_key: str | None = None
    ) -> LineTest:
        """Begin a line test; one that runs already is joined."""
        body = {"depth": depth, "ticket": ticket}
        return read(LineTest, self.http.post(f"/lines/{segment(line_id)}/tests", body, headers=_key(idempotency_key)))

    def line_test(self, test_id: str) -> LineTest:
        """One line test."""
        return read(LineTest, self.http.get(f"/line-tests/{segment(test_id)}"))

    def wait_for_verdict(self, test_id: str, timeout_s: float = 90.0) -> LineTest:
        """The line test when it has ended."""
        return read(LineTest, self._end(f"/line-tests/{segment(test_id)}/events", timeout_s))

    def send_ticket(self, event: Mapping[str, object]) -> Ticket:
        """Hand in a TMF621 event; the same `eventId` gets the same answer."""
        return read(Ticket, self.http.post("/tickets/events", dict(event)))

    def ticket(self, ticket_id: str) -> Ticket:
        """One ticket that was handed in."""
        return read(Ticket, self.http.get(f"/tickets/{segment(ticket_id)}"))

    def close_ticket(self, ticket_id: str, code: str, *, visited: bool | None = None, note: str = "") -> Closure:
        """Tell how a ticket was closed."""
        body = {"code": code, "visited": visited, "note": note}
        return read(Closure, self.http.post(f"/tickets/{segment(ticket_id)}/closure", body))

    def report(self, days: float = 30.0, by: str = "all") -> Report:
        """The figures of support."""
        return read(Report, self.http.get("/reports/operating", days=days, by=by))

    def _rows(self, path: str, field: str, **query: object) -> Iterator[Any]:
        after: str | None = None
        while True:
            rows: Sequence[Any] = self.http.get(path, limit=_PAGE, after=after, **query)
            yield from rows
            if len(rows) < _PAGE:
                return
            after = str(rows[-1][field])

    def _end(self, path: str, timeout_s: float) -> Any:
        for event in self.http.events(path, timeout_s=timeout_s):
            if event.name == "end":
                return event.data
        raise CliError(_("The server ended the stream before the end; ask again."), ExitStatus.UNREACHABLE)


def _key(key: str | None) -> Mapping[str, str]:
    return {"idempotency-key": key or secrets.token_hex(16)}
