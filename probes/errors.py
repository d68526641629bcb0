"""The error tree of the probes.

ProbeError
├── ProbeTimeout         nothing answered in time: a statement about the path, not yet about the line
├── ProbeRefused         the agent or kernel refused (credentials, privilege)
│   └── NoSuchHost       a name that has no address
├── ProbeUnreadable      an answer came that cannot be understood
├── ProfileError         a profile file is wrong: names file, key and remedy
└── PackError            a line-test pack is wrong: names file, key and remedy
"""


class ProbeError(Exception):
    """A measurement could not be made; the message says of what and why."""


class ProbeTimeout(ProbeError):
    """Nothing answered in time."""


class ProbeRefused(ProbeError):
    """The far end, or our own kernel, refused the probe."""


class NoSuchHost(ProbeRefused):
    """The name has no address, so nothing was asked."""


class ProbeUnreadable(ProbeError):
    """An answer came that cannot be understood."""


class ProfileError(ProbeError):
    """A vendor profile is wrong."""


class PackError(ProbeError):
    """A line-test pack or case is wrong."""
