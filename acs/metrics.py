"""What the server counts, for Prometheus at `GET /api/v1/metrics`.

Names are `acs_<what>_<unit>`; no label carries a device, so that their number stays small.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

#: Seconds; a session takes milliseconds when nothing is asked and minutes when a slow CPE is read.
SESSION_BUCKETS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300)

#: Seconds; a line check takes three, a test that waits for a slow source eight, and 60 is the hard stop.
LINE_TEST_BUCKETS = (0.5, 1, 2, 3, 5, 8, 20, 60)


class Metrics:
    """The server's counters in a registry of their own, so that two servers in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.sessions = Counter(
            "acs_sessions_total", "CWMP sessions by how they ended", ["end"], registry=self.registry
        )
        self.session_seconds = Histogram(
            "acs_session_seconds", "Duration of CWMP sessions", buckets=SESSION_BUCKETS, registry=self.registry
        )
        self.posts = Counter("acs_posts_total", "HTTP requests at the CWMP endpoint", registry=self.registry)
        self.refusals = Counter(
            "acs_refusals_total", "HTTP requests refused, by status", ["status"], registry=self.registry
        )
        self.challenges = Counter("acs_challenges_total", "Digest challenges sent", registry=self.registry)
        self.alarms = Counter("acs_alarms_total", "Alarms raised, by kind", ["kind"], registry=self.registry)
        self.connections = Gauge("acs_connections", "Open connections of CPEs", registry=self.registry)
        self.open_sessions = Gauge("acs_open_sessions", "CWMP sessions in memory", registry=self.registry)
        self.operations = Counter(
            "acs_operations_total", "Operations ended, by state", ["state"], registry=self.registry
        )
        self.connection_requests = Counter(
            "acs_connection_requests_total", "Connection requests by result", ["result"], registry=self.registry
        )
        self.lightweight_notifications = Counter(
            "acs_lightweight_notifications_total",
            "Lightweight notifications: taken, unknown, forged, repeated, ahead, malformed, limited, refused",
            ["result"],
            registry=self.registry,
        )
        self.stun_requests = Counter(
            "acs_stun_requests_total",
            "Datagrams at the STUN server: answered, an error number, silent, malformed, limited, unsendable",
            ["result"],
            registry=self.registry,
        )

        self.file_transfers = Counter(
            "acs_file_transfers_total",
            "Requests at the file server, by direction and HTTP status",
            ["direction", "status"],
            registry=self.registry,
        )
        self.file_bytes = Counter(
            "acs_file_bytes_total", "Bytes of files sent and taken", ["direction"], registry=self.registry
        )
        self.line_tests = Counter(
            "acs_line_tests_total", "Line tests ended, by verdict; failed has none", ["verdict"], registry=self.registry
        )
        self.line_test_seconds = Histogram(
            "acs_line_test_seconds",
            "Time from the start of a line test to its verdict, the wait for a slot included",
            buckets=LINE_TEST_BUCKETS,
            registry=self.registry,
        )
        self.line_test_sources = Counter(
            "acs_line_test_sources_total",
            "Sources asked by line tests, by kind and how they ended",
            ["source", "state"],
            registry=self.registry,
        )
        self.traps = Counter(
            "acs_traps_total", "Notifications of access nodes, by what became of them", ["end"], registry=self.registry
        )
        self.trap_drops = Gauge(
            "acs_trap_drops", "Datagrams of traps that were dropped because a buffer was full", registry=self.registry
        )
        self.polls = Counter(
            "acs_polls_total", "Rounds over access nodes, by how they ended", ["end"], registry=self.registry
        )
        self.running_line_tests = Gauge("acs_running_line_tests", "Line tests that run or wait", registry=self.registry)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
