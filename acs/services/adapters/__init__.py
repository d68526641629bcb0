"""Adapters: what a ticket system calls things and where it keeps them, as data; one TOML file a system."""
