"""What the server counts, for Prometheus at `GET /api/v1/metrics`.

Names are `acs_<what>_<unit>`; no label carries a device, so that their number stays small.
"""

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: Seconds; a session takes milliseconds when nothing is asked and minutes when a slow CPE is read.
SESSION_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300)

#: Seconds; a line check takes three, a test that waits for a slow source eight, and 60 is the hard stop.
LINE_TEST_BUCKETS = (0.5, 1, 2, 3, 5, 8, 20, 60)

#: Seconds; a look-up takes milliseconds, a synchronous wait for a verdict some seconds.
API_BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.3, 1, 5, 30)


class Metrics:
    """The server's counters in a registry of their own, so that two servers in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.sessions = counter("acs_sessions_total", "CWMP sessions by how they ended", ["end"])
        self.session_seconds = histogram("acs_session_seconds", "Duration of CWMP sessions", buckets=SESSION_BUCKETS)
        self.posts = counter("acs_posts_total", "HTTP requests at the CWMP endpoint")
        self.refusals = counter("acs_refusals_total", "HTTP requests refused, by status", ["status"])
        self.challenges = counter("acs_challenges_total", "Digest challenges sent")
        self.alarms = counter("acs_alarms_total", "Alarms raised, by kind", ["kind"])
        self.active_alarms = gauge("acs_active_alarms", "Alarms that are active, by kind", ["kind"])
        self.fleet_events = counter(
            "acs_fleet_events_total",
            "What alarms of the fleet count: wrong passwords (cwmp, api), unknown devices, firmware, management_url",
            ["what"],
        )
        self.frozen = gauge("acs_frozen", "1 while writes to devices and network are frozen")
        self.radius_packets = counter(
            "acs_radius_packets_total",
            "RADIUS accounting: start, stop, interim, on, off, other, refused, unknown, dropped",
            ["result"],
        )
        self.connections = gauge("acs_connections", "Open connections of CPEs")
        self.open_sessions = gauge("acs_open_sessions", "CWMP sessions in memory")
        self.operations = counter("acs_operations_total", "Operations ended, by state", ["state"])
        self.connection_requests = counter("acs_connection_requests_total", "Connection requests by result", ["result"])
        self.lightweight_notifications = counter(
            "acs_lightweight_notifications_total",
            "Lightweight notifications: taken, unknown, forged, repeated, ahead, malformed, limited, refused",
            ["result"],
        )
        self.stun_requests = counter(
            "acs_stun_requests_total",
            "Datagrams at the STUN server: answered, an error number, silent, malformed, limited, unsendable",
            ["result"],
        )
        self.file_transfers = counter(
            "acs_file_transfers_total",
            "Requests at the file server, by direction and HTTP status",
            ["direction", "status"],
        )
        self.file_bytes = counter("acs_file_bytes_total", "Bytes of files sent and taken", ["direction"])
        self.traps = counter("acs_traps_total", "Notifications of access nodes, by what became of them", ["end"])
        self.trap_drops = gauge("acs_trap_drops", "Datagrams of traps that were dropped because a buffer was full")
        self.polls = counter("acs_polls_total", "Rounds over access nodes, by how they ended", ["end"])
        self.api_requests = counter("acs_api_requests_total", "Requests at the API, by status", ["status"])
        self.api_seconds = histogram(
            "acs_api_request_seconds", "Time from a request at the API to the head of its answer", buckets=API_BUCKETS
        )
        self._of_line_tests()

    def _of_line_tests(self) -> None:
        registry = self.registry
        self.line_tests = Counter(
            "acs_line_tests_total", "Line tests ended, by verdict; failed has none", ["verdict"], registry=registry
        )
        self.line_test_seconds = Histogram(
            "acs_line_test_seconds",
            "Time from the start of a line test to its verdict, the wait for a slot included",
            buckets=LINE_TEST_BUCKETS,
            registry=registry,
        )
        self.line_test_sources = Counter(
            "acs_line_test_sources_total",
            "Sources asked by line tests, by kind and how they ended",
            ["source", "state"],
            registry=registry,
        )
        self.running_line_tests = Gauge("acs_running_line_tests", "Line tests that run or wait", registry=registry)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
