"""The secondline command: click groups over the HTTP API, the simulator and the demo."""
