"""The file as a whole: its sections, and the messages for what is wrong in it."""

import difflib
import json
import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from acs.config.access import AccessSection, PollingSection, TrapsSection
from acs.config.actions import ActionsSection, BackupsSection
from acs.config.adapters import AdaptersSection
from acs.config.base import Section
from acs.config.context import ContextSection, PullSection, RadiusSection
from acs.config.cwmp import ConnectionRequestsSection, CwmpSection
from acs.config.history import HistorySection
from acs.config.hooks import HooksSection
from acs.config.operations import LinesSection, OperationsSection, ProfilesSection
from acs.config.outages import AfterFixSection, OutagesSection
from acs.config.packs import PacksSection
from acs.config.provisioning import CampaignsSection, FilesSection, ProvisioningSection
from acs.config.rights import AuditSection, OidcSection, RightsSection
from acs.config.security import SecurityAlarmsSection
from acs.config.self_service import SelfServiceSection
from acs.config.server import ApiSection, LogSection, ServerSection, StoreSection
from acs.config.support import LineTestsSection, TicketsSection, WebhooksSection
from acs.config.tmf import TmfSection
from acs.config.wakeup import CredentialsSection, LightweightSection, StunSection, XmppSection
from acs.config.wrong_keys import place_of, told
from acs.errors import ConfigError


class Config(Section):
    """The whole file."""

    server: ServerSection = ServerSection()
    cwmp: CwmpSection = CwmpSection()
    connection_requests: ConnectionRequestsSection = ConnectionRequestsSection()
    stun: StunSection = StunSection()
    xmpp: XmppSection = XmppSection()
    lightweight: LightweightSection = LightweightSection()
    credentials: CredentialsSection = CredentialsSection()
    store: StoreSection = StoreSection()
    api: ApiSection = ApiSection()
    operations: OperationsSection = OperationsSection()
    actions: ActionsSection = ActionsSection()
    backups: BackupsSection = BackupsSection()
    lines: LinesSection = LinesSection()
    profiles: ProfilesSection = ProfilesSection()
    provisioning: ProvisioningSection = ProvisioningSection()
    files: FilesSection = FilesSection()
    campaigns: CampaignsSection = CampaignsSection()
    access: AccessSection = AccessSection()
    polling: PollingSection = PollingSection()
    traps: TrapsSection = TrapsSection()
    history: HistorySection = HistorySection()
    line_tests: LineTestsSection = LineTestsSection()
    packs: PacksSection = PacksSection()
    outages: OutagesSection = OutagesSection()
    after_fix: AfterFixSection = AfterFixSection()
    context: ContextSection = ContextSection()
    radius: RadiusSection = RadiusSection()
    pulls: tuple[PullSection, ...] = ()
    hooks: HooksSection = HooksSection()
    self_service: SelfServiceSection = SelfServiceSection()
    tickets: TicketsSection = TicketsSection()
    webhooks: WebhooksSection = WebhooksSection()
    adapters: AdaptersSection = AdaptersSection()
    tmf: TmfSection = TmfSection()
    rights: RightsSection = RightsSection()
    oidc: OidcSection = OidcSection()
    audit: AuditSection = AuditSection()
    security_alarms: SecurityAlarmsSection = SecurityAlarmsSection()
    log: LogSection = LogSection()

    @classmethod
    def load(cls, path: Path) -> "Config":
        """Return the configuration in the TOML file `path`.

        Raises:
            ConfigError: the file is absent or broken; the message has one line per error with key path and remedy.
        """
        return cls.from_table(_read_toml(path), path)

    @classmethod
    def from_table(cls, table: dict[str, Any], path: Path) -> "Config":
        """Return the configuration in a parsed table; `path` is where relative files start and what errors name."""
        problems: list[str] = []
        config: Config | None = None
        base = path.absolute().parent
        try:
            whole = {"store": {}, **table}  # so that the store's relative defaults are taken from beside the file
            config = cls.model_validate_json(json.dumps(whole, default=str), context={"base": str(base)})
        except ValidationError as error:
            problems = [_explain(dict(item), cls) for item in error.errors()]
        if config is None:
            raise ConfigError("\n".join(f"{path}: {problem}" for problem in problems))
        return config


def read_secret(path: Path, key: str) -> str:
    """Return the secret in the file `path` without its line end.

    Raises:
        ConfigError: the file cannot be read, is empty, or others may read it; the message names the key.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigError(f"{key}: others may read {path}; run: chmod 600 {path}")
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{key}: cannot read {path} ({_reason(error)}); create it with the secret as its one line"
        ) from error
    if not text:
        raise ConfigError(f"{key}: {path} is empty; write the secret into it as its one line")
    return text


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}; mend that line") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: cannot be read ({_reason(error)}); name an existing UTF-8 file with --config"
        ) from error


def _reason(error: Exception) -> str:
    return os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)


def _explain(item: dict[str, Any], model: type[BaseModel]) -> str:
    where, remedy = place_of(item), ""
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, where[:-1])
        close = difflib.get_close_matches(str(where[-1]), known, 1)
        remedy = f"did you mean {close[0]}?" if close else f"known here: {', '.join(sorted(known))}"
    return told(item, where, remedy)


def _keys_at(model: type[BaseModel], where: tuple[Any, ...]) -> list[str]:
    """The keys that the table at `where` may hold."""
    for part in where:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        arguments = getattr(annotation, "__args__", ())
        inner = next((a for a in (annotation, *arguments) if isinstance(a, type) and issubclass(a, BaseModel)), None)
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)
