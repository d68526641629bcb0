"""Sign-in through an identity provider: OpenID Connect, authorization code with PKCE, for a person at a terminal.

    CLI ── port, challenge ──► begin ──► address ──► browser ──► provider ──► finish ──► http://127.0.0.1:port ──► CLI
    CLI ── code, verifier ──► redeem ──► session

The rule of this file: nothing of the provider is believed that its signature does not hold: issuer, audience, nonce and
time are checked, and a person whose groups give no role does not come in. The code that the browser carries back opens
nothing without the verifier, which never left the CLI (RFC 8252, §8.1).
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import structlog

from acs.config import OidcSection, read_secret
from acs.errors import Conflict, Forbidden, InvalidInput, ProviderFailed
from acs.services import audit
from acs.services.access import Access
from acs.services.actor import Actor
from acs.services.clock import Clock, utc_now
from acs.services.sign_in import Session, SignIns
from acs.store import people as people_store
from acs.store import tmf as tmf_store
from acs.store import tokens as token_store
from acs.store.people import PersonRecord, SignIn
from acs.store.records import GrantRecord, Json
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: path of ours that the provider sends people back to
CALLBACK = "/api/v1/sessions/oidc/callback"
#: signatures that are believed; none of them is a shared secret, and `none` is none
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
#: minutes that a sign-in may take, and seconds that its code is good
_MINUTES = 10
_CODE_S = 60
#: seconds by which the provider's clock may be ahead of ours
_LEEWAY_S = 60
_NAME_CHARS = 64


@dataclass(frozen=True, slots=True)
class Returned:
    """Where the browser goes when the person has proved who he is."""

    location: str


class Oidc:
    """Sign-in through the provider of `[oidc]`."""

    def __init__(
        self, store: Store, config: OidcSection, sign_ins: SignIns, access: Access, *, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._config = config
        self._sign_ins = sign_ins
        self._clock = clock
        self._access = access
        access.roles.check([GrantRecord(each.role, each.groups) for each in config.roles])

    @property
    def enabled(self) -> bool:
        """Whether there is a provider."""
        return self._config.issuer is not None and self._config.public_url is not None

    async def begin(self, port: int, challenge: str) -> str:
        """The address that the person opens; `port` is where the CLI listens on this person's own machine.

        Raises:
            Conflict: there is no provider.
            InvalidInput: the challenge is none.
            ProviderFailed: the provider does not say where to go.
        """
        if not self.enabled:
            raise Conflict("sign-in through an identity provider is off; set [oidc] issuer and public_url")
        if not 43 <= len(challenge) <= 128 or not challenge.replace("-", "").replace("_", "").isalnum():
            raise InvalidInput("challenge: send the SHA-256 of the verifier in URL-safe base64 (RFC 7636, §4.2)")
        found = await self._discover()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        now = self._clock()
        secret = json.dumps({"nonce": nonce, "verifier": verifier})
        until = now + timedelta(minutes=_MINUTES)
        async with self._store.transaction() as tx:
            await people_store.forget_sign_ins(tx, now)
            await people_store.begin_sign_in(tx, SignIn(state, challenge, f"http://127.0.0.1:{port}/", secret, until))
        query = {
            "response_type": "code",
            "client_id": self._config.client_id,
            "redirect_uri": self._redirect_uri,
            "scope": " ".join(dict.fromkeys(("openid", *self._config.scopes))),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        return f"{found['authorization_endpoint']}?{urlencode(query)}"

    async def finish(self, state: str, code: str, origin: str) -> Returned:
        """Take the provider's answer and give the browser the way back to the CLI.

        Raises:
            Forbidden: nobody began this sign-in, or the person has no role here.
            ProviderFailed: the provider's answer is wrong.
        """
        now = self._clock()
        async with self._store.transaction() as tx:
            began = await people_store.take_sign_in(tx, state=state) if state else None
        if began is None or began.expires_at <= now:
            raise Forbidden("nobody began this sign-in, or it took too long; run secondline login again")
        secret = json.loads(began.secret)
        claims = await self._claims(code, secret["verifier"], secret["nonce"])
        person = await self._person(claims, origin)
        ours = secrets.token_urlsafe(32)
        given = replace(
            began,
            state=secrets.token_urlsafe(32),
            secret="",
            code_hash=hashlib.sha256(ours.encode()).hexdigest(),
            person=person.name,
            expires_at=now + timedelta(seconds=_CODE_S),
        )
        async with self._store.transaction() as tx:
            await people_store.begin_sign_in(tx, given)
        return Returned(f"{began.return_to}?{urlencode({'code': ours})}")

    async def redeem(self, code: str, verifier: str, origin: str) -> Session:
        """The session of the person whose browser carried this code.

        Raises:
            Forbidden: the code is none, was used, is too old, or the verifier is not that of the CLI that began.
        """
        async with self._store.transaction() as tx:
            found = await people_store.take_sign_in(tx, code_hash=hashlib.sha256(code.encode()).hexdigest())
            good = found is not None and found.person is not None and found.expires_at > self._clock()
            if good and found is not None and hmac.compare_digest(found.challenge, _challenge_of(verifier)):
                person = await people_store.hold(tx, found.person or "")
                if person is not None and person.disabled_at is None:
                    return await self._sign_ins.open_session(tx, person, origin)
        raise Forbidden("the code is unknown, used or too old; run secondline login again")

    @property
    def _redirect_uri(self) -> str:
        return f"{(self._config.public_url or '').rstrip('/')}{CALLBACK}"

    async def _claims(self, code: str, verifier: str, nonce: str) -> dict[str, Any]:
        found = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "client_id": self._config.client_id,
            "code_verifier": verifier,
        }
        if self._config.client_secret_file is not None:
            form["client_secret"] = read_secret(self._config.client_secret_file, "oidc.client_secret_file")
        told = await self._json("POST", str(found["token_endpoint"]), data=form)
        claims = await self._verified(str(told.get("id_token", "")), found, nonce)
        if self._config.roles_claim not in claims and "userinfo_endpoint" in found and "access_token" in told:
            headers = {"Authorization": f"Bearer {told['access_token']}"}
            more = await self._json("GET", str(found["userinfo_endpoint"]), headers=headers)
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        return claims

    async def _verified(self, token: str, found: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        keys = (await self._json("GET", str(found["jwks_uri"]))).get("keys", [])
        try:
            header = jwt.get_unverified_header(token)
            key = next(key for key in keys if header.get("kid") in (None, key.get("kid")))
            claims: dict[str, Any] = jwt.decode(
                token,
                jwt.PyJWK.from_dict(key, None if "alg" in key else header.get("alg")),
                algorithms=list(_ALGORITHMS),
                audience=self._config.client_id,
                issuer=self._config.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, StopIteration) as error:
            raise ProviderFailed(f"the identity provider's token is not good: {error or 'no key signed it'}") from error
        if not hmac.compare_digest(str(claims.get("nonce", "")), nonce):
            raise ProviderFailed("the identity provider's token is of another sign-in")
        return claims

    async def _person(self, claims: Mapping[str, Any], origin: str) -> PersonRecord:
        """The person of the claims, with the roles that they give now."""
        subject = f"{self._config.issuer} {claims['sub']}"
        name = str(claims.get(self._config.name_claim) or claims.get("email") or claims["sub"])[:_NAME_CHARS]
        grants, now = self._grants(claims), self._clock()
        actor = Actor(name if name.isprintable() else "?", "person", frozenset(), origin)
        why = "" if grants else "no group of the identity provider gives a role here; see [[oidc.roles]]"
        async with self._store.transaction() as tx:
            known = await people_store.by_subject(tx, subject)
            if known is None and await people_store.get(tx, name) is not None:
                why = "the name belongs to another account"
            if known is None and await token_store.is_named(tx, name):
                why = "the name is that of a token"
            if known is not None and known.disabled_at is not None:
                why = "the account is disabled"
            if known is not None and known.grants != grants:
                await self._changed(tx, known, grants, actor)
            if why:
                await audit.note(tx, actor, "session.refused", f"person:{actor.name}", now, after={"why": why})
            else:
                base = known or PersonRecord(actor.name, now, "oidc", subject=subject)
                person = replace(base, grants=grants, full_name=str(claims.get("name") or base.full_name)[:200])
                await people_store.put(tx, person)
                if known is None:
                    await audit.note(tx, actor, "person.added", f"person:{person.name}", now, after=_shown(grants))
                return person
        raise Forbidden(f"{actor.name} may not come in: {why}")

    async def _changed(
        self, tx: Transaction, known: PersonRecord, grants: tuple[GrantRecord, ...], actor: Actor
    ) -> None:
        """The provider gives other roles: what the former ones opened ends, sessions and listeners."""
        now = self._clock()
        await people_store.put(tx, replace(known, grants=grants))
        await token_store.revoke_of(tx, known.name, now)
        await tmf_store.drop_subscriptions_of(tx, known.name)
        before, after = _shown(known.grants), _shown(grants)
        await audit.note(tx, actor, "person.changed", f"person:{known.name}", now, before=before, after=after)
        self._access.forget()

    def _grants(self, claims: Mapping[str, Any]) -> tuple[GrantRecord, ...]:
        told = claims.get(self._config.roles_claim)
        groups = {str(each) for each in told} if isinstance(told, list) else {str(told)} if told else set()
        return tuple(GrantRecord(each.role, each.groups) for each in self._config.roles if each.claim in groups)

    async def _discover(self) -> dict[str, Any]:
        issuer = str(self._config.issuer).rstrip("/")
        found = await self._json("GET", f"{issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != issuer:
            raise ProviderFailed(f"{issuer} calls itself {found.get('issuer')!r}; write that as [oidc] issuer")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if name not in found:
                raise ProviderFailed(f"{issuer} does not say its {name}")
        return found

    async def _json(self, method: str, url: str, **more: Any) -> dict[str, Any]:
        try:
            async with httpx.AsyncClient(timeout=self._config.timeout_s, trust_env=False) as client:
                answer = await client.request(method, url, **more)
                answer.raise_for_status()
                told = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            log.warning("oidc.failed", url=url, problem=str(error))
            raise ProviderFailed(f"the identity provider does not answer as it should at {url}: {error}") from error
        if not isinstance(told, dict):
            raise ProviderFailed(f"the identity provider does not answer with an object at {url}")
        return told


def _shown(grants: Sequence[GrantRecord]) -> dict[str, Json]:
    return {"grants": [str(each) for each in grants]}


def _challenge_of(verifier: str) -> str:
    """RFC 7636, §4.2, S256."""
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
