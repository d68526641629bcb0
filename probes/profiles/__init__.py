"""Vendor knowledge as data: schema.py says what a profile may hold, the folders hold one TOML file per family."""
