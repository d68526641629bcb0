"""Writes docs/tr-131.md: what a northbound interface of an ACS is asked for, and where each thing is.

`python docs/tr131.py` after a change of ROWS; `tests/docs/test_tr131.py` holds that every call and command exists.
"""

from pathlib import Path

PAGE = Path(__file__).parent / "tr-131.md"

#: (what is asked for, calls below /api/v1, commands, a word about it)
ROWS: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str], ...] = (
    (
        "Several clients at once, each known and with rights of its own",
        ("POST /tokens", "POST /people", "GET /roles"),
        ("token create", "user add"),
        "verbs on groups of lines; TLS ends at a proxy in front",
    ),
    (
        "A device is OUI, product class and serial number; lines and devices are tied, before the first contact too",
        ("PUT /lines/{line_id}", "PUT /devices/{key}/line"),
        ("line import",),
        "by serial, PPPoE login or address",
    ),
    (
        "Inventory by filters, in pages, with counts",
        ("GET /search", "GET /devices", "GET /lines"),
        ("search", "device list", "line list"),
        "a query language, indexed; `Link` for the next page",
    ),
    ("Devices are replaced and keep their settings", ("POST /devices/{key}/actions/{action}",), ("device do",), ""),
    (
        "Groups by criteria, and operations on them",
        ("PUT /groups/{name}", "PATCH /devices/{key}/tags", "POST /campaigns"),
        ("search", "device tag", "campaign create"),
        "a saved query, or tags",
    ),
    (
        "Values, attributes and names of one device; objects added and deleted",
        ("POST /devices/{key}/operations",),
        ("device get", "device set"),
        "every RPC is a kind of operation",
    ),
    (
        "What is known already with its age, or read now",
        ("GET /devices/{key}/parameters", "POST /devices/{key}/operations"),
        ("device get", "device show"),
        "each value has its time",
    ),
    (
        "Reboot, factory reset, downloads, uploads, scheduled Informs",
        ("POST /devices/{key}/operations",),
        ("device reboot", "device download"),
        "disruptive ones at most once",
    ),
    (
        "Diagnostics with progress and result",
        ("POST /devices/{key}/operations", "GET /operations/{operation_id}/events"),
        ("device diagnose",),
        "TR-143 and the tests of TR-098 and TR-181",
    ),
    (
        "An id at once; the result by asking, by a stream, or by a message; cancelling and deadlines",
        (
            "GET /operations/{operation_id}",
            "GET /operations/{operation_id}/events",
            "POST /operations/{operation_id}/cancel",
        ),
        ("operation show", "operation cancel"),
        "hooks wait in the same call, with a limit",
    ),
    (
        "A request that comes again does nothing twice",
        ("POST /hooks/reboot", "POST /devices/{key}/operations"),
        (),
        "`Idempotency-Key` on every POST",
    ),
    (
        "One queue per device, in order, one session per device",
        ("GET /operations",),
        ("operation list",),
        "a person goes before a ticket, and a ticket before bulk",
    ),
    (
        "Bulk with limits, windows, a stop on failures, pause, and a result per device",
        ("POST /campaigns", "POST /campaigns/{campaign}/pause", "GET /campaigns/{campaign}/devices"),
        ("campaign create", "campaign pause", "campaign show"),
        "firmware; settings by provisioning rules",
    ),
    (
        "Rules on events: first contact, boot, value change, version",
        ("GET /provisioning/rules", "POST /provisioning/lint"),
        ("provision lint", "provision plan"),
        "",
    ),
    (
        "Subscriptions to what happens",
        ("GET /line-tests/{test_id}/events", "GET /outages/stream", "GET /deliveries"),
        ("delivery list",),
        "webhooks, TM Forum hubs, server-sent events; what a device told itself: its history",
    ),
    (
        "Delivered at least once, signed, in order per line, dead letters",
        ("GET /deliveries", "POST /deliveries/{delivery_id}/resend"),
        ("delivery list", "delivery resend"),
        "",
    ),
    (
        "CWMP faults beside the interface's own errors",
        ("GET /operations/{operation_id}", "GET /devices/{key}/connection-requests"),
        ("operation show",),
        "`fault_code` 9000 to 9020; errors of calls are problems (RFC 9457)",
    ),
    (
        "Files with model and version; addresses that are good once",
        ("POST /files", "GET /files", "DELETE /files/{file_id}"),
        ("file add", "file list"),
        "signed addresses per device",
    ),
    (
        "Names and deeds that do not depend on the vendor",
        ("GET /devices/{key}/card", "GET /devices/{key}/actions", "POST /devices/{key}/actions/{action}"),
        ("device show", "device do"),
        "profiles map vendors' paths",
    ),
    (
        "An audit of every call: who, what, before, after, from where",
        ("GET /audit", "GET /audit/verify", "GET /audit/export"),
        ("audit verify", "audit export"),
        "hash-chained",
    ),
    (
        "Statistics, alarms, alarms to the NMS",
        ("GET /reports/operating", "GET /reports/quality", "GET /alarms", "GET /metrics"),
        ("report operating", "alarm list"),
        "TMF642; Prometheus with rules and a dashboard",
    ),
    (
        "A versioned interface that describes itself",
        ("GET /openapi.json",),
        (),
        "the version stands in the address; schemathesis holds answers against the description",
    ),
)
_HEAD = """\
<!-- Written by `python docs/tr131.py`; do not edit. -->
# Northbound capabilities (TR-131)

What the Broadband Forum's TR-131, *ACS Northbound Interface Requirements*, is about, as a table of capabilities with
the call and the command that give each. It is no statement of conformance: the rows are the capabilities of its
subject in our words, not its numbered requirements. A test holds that every call and command exists.

| # | capability | calls below `/api/v1` | commands | |
|---|---|---|---|---|
"""


def text() -> str:
    """The page."""
    lines = []
    for n, (what, calls, commands, word) in enumerate(ROWS, 1):
        told = ", ".join(f"`{call}`" for call in calls)
        spoken = ", ".join(f"`secondline {command}`" for command in commands) or "–"
        lines.append(f"| {n} | {what} | {told} | {spoken} | {word} |")
    return _HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
