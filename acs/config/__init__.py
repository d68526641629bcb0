"""The configuration: one TOML file becomes one frozen tree; unknown keys stop the start.

Every default is written here once, with its unit and reason. A secret is never a value in the file: a key that
ends in `_file` names a file that holds it, relative to the configuration file. All errors are told at once, each
with the key's path and what to do.
"""

from acs.config.base import Count, FilePath, Network, Port, Seconds, Section
from acs.config.cwmp import (
    AuthPolicy,
    ConnectionRequestsSection,
    CwmpSection,
    FirstContactSection,
    LimitsSection,
    NetworkSection,
)
from acs.config.file import Config, read_secret
from acs.config.operations import BindingRule, LinesSection, OperationsSection, ProfilesSection
from acs.config.server import ApiSection, LogSection, Role, ServerSection, StoreSection
from acs.config.support import LineTestsSection, SourcesSection, TicketsSection, WebhooksSection, WebhookTarget

__all__ = [
    "ApiSection",
    "AuthPolicy",
    "BindingRule",
    "Config",
    "ConnectionRequestsSection",
    "Count",
    "CwmpSection",
    "FilePath",
    "FirstContactSection",
    "LimitsSection",
    "LineTestsSection",
    "LinesSection",
    "LogSection",
    "Network",
    "NetworkSection",
    "OperationsSection",
    "Port",
    "ProfilesSection",
    "Role",
    "Seconds",
    "Section",
    "ServerSection",
    "SourcesSection",
    "StoreSection",
    "TicketsSection",
    "WebhookTarget",
    "WebhooksSection",
    "read_secret",
]
