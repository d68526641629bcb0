"""The configuration: one TOML file becomes one frozen tree; unknown keys stop the start.

Every default is written here once, with its unit and reason. A secret is never a value in the file: a key that
ends in `_file` names a file that holds it, relative to the configuration file. All errors are told at once, each
with the key's path and what to do.
"""

from acs.config.access import AccessSection, PollingSection, TrapsSection
from acs.config.adapters import AdaptersSection, AdapterSystem
from acs.config.automation import CheckRule, FixRule, QueueRule
from acs.config.base import Count, FilePath, Network, Port, Seconds, Section
from acs.config.context import ContextSection, PullSection, RadiusSection
from acs.config.cwmp import (
    ConnectionRequestsSection,
    CwmpSection,
    FirstContactSection,
    LimitsSection,
)
from acs.config.file import Config, read_secret
from acs.config.history import HistorySection
from acs.config.hooks import HooksSection
from acs.config.identity import (
    AdmitSection,
    AuthPolicy,
    Enrolment,
    GuardSection,
    NetworkSection,
    PolicySection,
    ProfilePolicySection,
    ProxySection,
    TlsSection,
)
from acs.config.operations import BindingRule, LinesSection, OperationsSection, ProfilesSection
from acs.config.outages import AfterFixSection, OutagesSection
from acs.config.packs import PacksSection
from acs.config.provisioning import CampaignsSection, FileAuth, FilesSection, ProvisioningSection
from acs.config.rights import AuditSection, OidcRole, OidcSection, RightsSection
from acs.config.security import SecurityAlarmsSection
from acs.config.self_service import SelfServiceSection
from acs.config.server import ApiSection, LogSection, Role, ServerSection, StoreSection
from acs.config.support import LineTestsSection, SourcesSection, TicketsSection, WebhooksSection, WebhookTarget
from acs.config.tmf import TicketSystemSection, TmfSection
from acs.config.wakeup import CredentialsSection, LightweightSection, SetOn, StunSection, XmppSection

__all__ = [
    "AccessSection",
    "AdapterSystem",
    "AdaptersSection",
    "AdmitSection",
    "AfterFixSection",
    "ApiSection",
    "AuditSection",
    "AuthPolicy",
    "BindingRule",
    "CampaignsSection",
    "CheckRule",
    "Config",
    "ConnectionRequestsSection",
    "ContextSection",
    "Count",
    "CredentialsSection",
    "CwmpSection",
    "Enrolment",
    "FileAuth",
    "FilePath",
    "FilesSection",
    "FirstContactSection",
    "FixRule",
    "GuardSection",
    "HistorySection",
    "HooksSection",
    "LightweightSection",
    "LimitsSection",
    "LineTestsSection",
    "LinesSection",
    "LogSection",
    "Network",
    "NetworkSection",
    "OidcRole",
    "OidcSection",
    "OperationsSection",
    "OutagesSection",
    "PacksSection",
    "PolicySection",
    "PollingSection",
    "Port",
    "ProfilePolicySection",
    "ProfilesSection",
    "ProvisioningSection",
    "ProxySection",
    "PullSection",
    "QueueRule",
    "RadiusSection",
    "RightsSection",
    "Role",
    "Seconds",
    "Section",
    "SecurityAlarmsSection",
    "SelfServiceSection",
    "ServerSection",
    "SetOn",
    "SourcesSection",
    "StoreSection",
    "StunSection",
    "TicketSystemSection",
    "TicketsSection",
    "TlsSection",
    "TmfSection",
    "TrapsSection",
    "WebhookTarget",
    "WebhooksSection",
    "XmppSection",
    "read_secret",
]
