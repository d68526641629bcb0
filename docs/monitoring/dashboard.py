"""Writes the Grafana dashboard: `python docs/monitoring/dashboard.py` after a change of PANELS."""

import json
from pathlib import Path
from typing import Any

#: (title, unit, kind, [(query, legend)])
PANELS: tuple[tuple[str, str, str, tuple[tuple[str, str], ...]], ...] = (
    ("CWMP sessions by end", "ops", "timeseries", (("sum by (end) (rate(acs_sessions_total[5m]))", "{{end}}"),)),
    (
        "Session time",
        "s",
        "timeseries",
        (
            ("histogram_quantile(0.5, sum by (le) (rate(acs_session_seconds_bucket[5m])))", "median"),
            ("histogram_quantile(0.95, sum by (le) (rate(acs_session_seconds_bucket[5m])))", "95 %"),
        ),
    ),
    (
        "Open sessions and connections",
        "short",
        "timeseries",
        (("sum(acs_open_sessions)", "sessions"), ("sum(acs_connections)", "connections")),
    ),
    (
        "Line tests by verdict",
        "ops",
        "timeseries",
        (("sum by (verdict) (rate(acs_line_tests_total[15m]))", "{{verdict}}"),),
    ),
    (
        "Time to the verdict",
        "s",
        "timeseries",
        (
            ("histogram_quantile(0.5, sum by (le) (rate(acs_line_test_seconds_bucket[15m])))", "median"),
            ("histogram_quantile(0.95, sum by (le) (rate(acs_line_test_seconds_bucket[15m])))", "95 %"),
        ),
    ),
    ("Line tests that run", "short", "stat", (("sum(acs_running_line_tests)", "running"),)),
    (
        "Sources of line tests",
        "ops",
        "timeseries",
        (("sum by (source, state) (rate(acs_line_test_sources_total[15m]))", "{{source}} {{state}}"),),
    ),
    ("Operations by end", "ops", "timeseries", (("sum by (state) (rate(acs_operations_total[15m]))", "{{state}}"),)),
    (
        "Connection requests by result",
        "ops",
        "timeseries",
        (("sum by (result) (rate(acs_connection_requests_total[15m]))", "{{result}}"),),
    ),
    (
        "API answers by status",
        "reqps",
        "timeseries",
        (("sum by (status) (rate(acs_api_requests_total[5m]))", "{{status}}"),),
    ),
    (
        "API answer time",
        "s",
        "timeseries",
        (("histogram_quantile(0.95, sum by (le) (rate(acs_api_request_seconds_bucket[5m])))", "95 %"),),
    ),
    (
        "Refused at the CWMP port",
        "ops",
        "timeseries",
        (("sum by (status) (rate(acs_refusals_total[5m]))", "{{status}}"),),
    ),
    ("Active alarms by kind", "short", "timeseries", (("max by (kind) (acs_active_alarms)", "{{kind}}"),)),
    (
        "What alarms of the fleet count",
        "cpm",
        "timeseries",
        (("sum by (what) (rate(acs_fleet_events_total[5m])) * 60", "{{what}}"),),
    ),
    ("Rounds over access nodes", "ops", "timeseries", (("sum by (end) (rate(acs_polls_total[15m]))", "{{end}}"),)),
    ("Traps by what became of them", "ops", "timeseries", (("sum by (end) (rate(acs_traps_total[5m]))", "{{end}}"),)),
    ("Writes frozen", "short", "stat", (("max(acs_frozen)", "frozen"),)),
)
_WIDE, _HIGH, _ACROSS = 8, 8, 3


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it; it asks for the Prometheus to read from."""
    return {
        "title": "secondline",
        "uid": "secondline",
        "tags": ["secondline"],
        "timezone": "browser",
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "schemaVersion": 38,
        "editable": True,
        "templating": {
            "list": [{"name": "source", "type": "datasource", "query": "prometheus", "label": "Prometheus"}]
        },
        "panels": [_panel(place, *panel) for place, panel in enumerate(PANELS)],
    }


def _panel(place: int, title: str, unit: str, kind: str, queries: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": place + 1,
        "title": title,
        "type": kind,
        "datasource": source,
        "gridPos": {"x": place % _ACROSS * _WIDE, "y": place // _ACROSS * _HIGH, "w": _WIDE, "h": _HIGH},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(65 + n), "datasource": source, "expr": query, "legendFormat": legend}
            for n, (query, legend) in enumerate(queries)
        ],
    }


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "dashboard.json").write_text(text(), encoding="utf-8")
