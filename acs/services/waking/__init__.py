"""Waking CPEs: the methods of a connection request, which of them a device hears, and its passwords for them."""
