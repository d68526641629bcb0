"""Measurements: what a session costs, what a storm does. See `README.md` here and `docs/benchmarks.md`."""
