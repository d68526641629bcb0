"""`[rights]`, `[oidc]`, `[audit]`: who may what, how people come in, and how long what they did is provable."""

from typing import Annotated

from pydantic import Field

from acs.config.base import Count, FilePath, Seconds, Section


class RightsSection(Section):
    """`[rights]`: people, tokens and what needs two persons."""

    #: File with the operator's own roles; one of the same name replaces the packaged one.
    roles_file: FilePath | None = None
    #: Days that a new token lives when nobody says otherwise; a forgotten one ends by itself.
    token_days: Annotated[int, Field(ge=1, le=3_650)] = 365
    #: Days that a token is kept after it expired or was revoked: as long as the events of devices, so that whoever
    #: looks into what happened still finds whose it was. What was done with it stays in the audit trail.
    keep_ended_tokens_days: Count = 90
    #: Hours that a person stays signed in: one shift.
    session_hours: Annotated[float, Field(gt=0, le=168)] = 12.0
    #: Wrong passwords or codes in a row after which an account is closed for a while.
    lock_after: Annotated[int, Field(ge=1, le=100)] = 5
    #: Minutes that it stays closed; each further wrong try begins them anew.
    lock_minutes: Annotated[float, Field(gt=0, le=10_080)] = 15.0
    #: Roles whose people must have a second factor before they come in with a password.
    totp_roles: tuple[str, ...] = ("administrator",)
    #: Devices or lines of one request from which on another person must approve it.
    bulk_limit: Count = 1_000
    #: Hours that a proposal waits for another person before it is void.
    approval_hours: Annotated[float, Field(gt=0, le=720)] = 24.0


class OidcRole(Section):
    """`[[oidc.roles]]`: what a group of the identity provider may do here."""

    #: Value of the claim that gives the role.
    claim: Annotated[str, Field(min_length=1, max_length=200)]
    #: The role that it gives.
    role: str
    #: The lines that it is given for; none = all.
    groups: tuple[str, ...] = ()


class OidcSection(Section):
    """`[oidc]`: people come in through an identity provider."""

    #: Address of the provider, below which `/.well-known/openid-configuration` stands; none = only local accounts.
    issuer: Annotated[str, Field(pattern="^https?://", max_length=500)] | None = None
    #: Our name at the provider.
    client_id: str = "secondline"
    #: File with our secret at the provider.
    client_secret_file: FilePath | None = None
    #: Address of this API as a browser reaches it; the provider sends people back below it.
    public_url: Annotated[str, Field(pattern="^https?://", max_length=500)] | None = None
    #: Scopes asked for; `openid` is always among them.
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    #: Claim of the ID token with the person's groups.
    roles_claim: str = "groups"
    #: Claim with the name that the audit trail shows.
    name_claim: str = "preferred_username"
    #: Which groups give which roles; somebody with none of them does not come in.
    roles: tuple[OidcRole, ...] = ()
    #: Seconds that the provider may take to answer.
    timeout_s: Seconds = 10.0


class AuditSection(Section):
    """`[audit]`: the trail of who did what."""

    #: File outside of the store to which the end of the trail is written again and again, so that a cut is seen;
    #: none = `audit.anchors` beside the vault key. A copy elsewhere makes it proof against whoever owns this machine.
    anchor_file: FilePath | None = None
    #: Seconds between two anchors, where anything was written since.
    anchor_s: Seconds = 300.0
