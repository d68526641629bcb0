"""Sign-in through an identity provider: a real one of its kind, in a process of its own."""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from acs.app import App, build
from acs.services.actor import Scope, local_actor
from acs.services.tmf.notices import Interface
from acs.store import Vault
from acs.store import tmf as tmf_store
from acs.store.reach import View, viewing
from acs.store.records import GrantRecord
from tests.api.conftest import NobodyAnswers, config_of, made_once
from tests.oidc_provider import running_provider

OURS = "http://acs.example"
PORT = 50_123


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with running_provider() as address:
        yield address


@pytest.fixture
async def served(store_url: str, tmp_path: Path, provider: str) -> AsyncIterator[App]:
    Vault.create(tmp_path / "vault.key")
    roles = [
        {"claim": "acs-north", "role": "first-line", "groups": ["region:north"]},
        {"claim": "acs-all", "role": "viewer"},
    ]
    oidc = {"issuer": provider, "client_id": "secondline", "public_url": OURS, "roles": roles}
    secret = tmp_path / "client-secret"
    secret.write_text("known to the provider\n")
    secret.chmod(0o600)
    oidc["client_secret_file"] = str(secret)
    tmf = {"callback_networks": ["192.0.2.0/24"]}
    built = await build(config_of(store_url, tmp_path, oidc=oidc, tmf=tmf), caller=NobodyAnswers())
    yield built
    await built.stop()


class Browser:
    """A person at a terminal, with a browser."""

    def __init__(self, app: App, provider: str) -> None:
        transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
        self.api = httpx.AsyncClient(transport=transport, base_url=OURS)
        self.web = httpx.AsyncClient(trust_env=False)
        self.provider = provider
        self.verifier = secrets.token_urlsafe(48)

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.api.aclose()
        await self.web.aclose()

    async def is_known(self, subject: str, **claims: object) -> None:
        (await self.web.put(f"{self.provider}/users/{subject}", json=claims)).raise_for_status()

    async def to_the_provider(self, subject: str) -> str:
        """The address of ours that the provider sends the browser back to."""
        challenge = urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        begun = await self.api.post("/api/v1/sessions/oidc", json={"port": PORT, "challenge": challenge})
        assert begun.status_code == 200, begun.text
        answer = await self.web.post(begun.json()["address"], data={"sub": subject})
        assert answer.status_code in (302, 303), answer.text
        return answer.headers["location"].removeprefix(OURS)

    async def code(self, subject: str) -> str:
        back = await self.api.get(await self.to_the_provider(subject))
        assert back.status_code == 303, back.text
        address = urlsplit(back.headers["location"])
        assert (address.hostname, address.port) == ("127.0.0.1", PORT)
        return parse_qs(address.query)["code"][0]

    async def redeem(self, code: str, verifier: str | None = None) -> httpx.Response:
        body = {"code": code, "verifier": verifier or self.verifier}
        return await self.api.post("/api/v1/sessions/oidc/redeem", json=body)


async def test_a_person_of_the_provider_gets_the_roles_of_his_groups(served: App, provider: str) -> None:
    async with Browser(served, provider) as ann:
        await ann.is_known("ann-1", preferred_username="ann", name="Ann", groups=["staff", "acs-north"])
        session = (await ann.redeem(await ann.code("ann-1"))).json()
        actor = await served.northbound.access.authenticate(session["token"], "192.0.2.1")
        assert actor is not None and (actor.name, actor.person) == ("ann", "ann")
        assert actor.may(Scope.TEST) and not actor.may(Scope.OPERATE)
        assert str(actor.reach()) == "region:north"
        await ann.is_known("ann-1", preferred_username="ann", groups=["staff"])
        refused = await ann.api.get(await ann.to_the_provider("ann-1"))
        assert refused.status_code == 403, "the group was taken away at the provider"
    trail = await served.northbound.audit_trail.list(local_actor(), target="person:ann")
    assert {"person.added", "session.opened", "session.refused"} <= {each.action for each in trail}


@pytest.mark.parametrize("groups", [["acs-all"], ["staff"]])
async def test_other_roles_of_the_provider_end_what_the_former_ones_opened(
    served: App, provider: str, groups: list[str]
) -> None:
    """Sessions and listeners: those of the former roles would go on with rights that nobody gives any more."""
    access, hubs = served.northbound.access, served.northbound.tmf.hubs

    async def listeners() -> int:
        async with served.store.reading() as tx:
            return len(await tmf_store.subscriptions(tx))

    async with Browser(served, provider) as ann:
        await ann.is_known("ann-2", preferred_username="ann2", groups=["acs-north"])
        session = (await ann.redeem(await ann.code("ann-2"))).json()
        actor = await access.authenticate(session["token"], "192.0.2.1")
        assert actor is not None
        with viewing(View()):
            await hubs.subscribe(actor, Interface.SERVICE_TEST, "https://192.0.2.5/listener")
        await ann.redeem(await ann.code("ann-2"))
        assert await listeners() == 1, "the same roles end nothing"
        assert await access.authenticate(session["token"], "192.0.2.1") is not None
        await ann.is_known("ann-2", preferred_username="ann2", groups=groups)
        await ann.api.get(await ann.to_the_provider("ann-2"))
        assert await listeners() == 0
        assert await access.authenticate(session["token"], "192.0.2.1") is None
    (changed,) = await served.northbound.audit_trail.list(local_actor(), target="person:ann2", action="person.changed")
    assert "first-line" in str(changed.detail["before"])  # type: ignore[call-overload, index]


async def test_a_code_is_good_once_and_for_who_began(served: App, provider: str) -> None:
    async with Browser(served, provider) as ann:
        await ann.is_known("ann-1", preferred_username="ann", groups=["acs-north"])
        code = await ann.code("ann-1")
        assert (await ann.redeem(code, "x" * 43)).status_code == 403, "who caught the code lacks the verifier"
        assert (await ann.redeem(code)).status_code == 403, "a wrong try uses it up"
        code = await ann.code("ann-1")
        assert (await ann.redeem(code)).status_code == 201
        assert (await ann.redeem(code)).status_code == 403


async def test_an_answer_that_nobody_asked_for_is_refused(served: App, provider: str) -> None:
    async with Browser(served, provider) as ann:
        await ann.is_known("ann-1", preferred_username="ann", groups=["acs-north"])
        for path in ("?state=x&code=y", ""):
            assert (await ann.api.get(f"/api/v1/sessions/oidc/callback{path}")).status_code == 403
        back = await ann.to_the_provider("ann-1")
        assert (await ann.api.get(back)).status_code == 303
        assert (await ann.api.get(back)).status_code == 403, "the same answer a second time"
        stolen = await ann.to_the_provider("ann-1")
        other = await ann.to_the_provider("ann-1")
        mixed = stolen.split("code=")[0] + "code=" + parse_qs(urlsplit(other).query)["code"][0]
        query = parse_qs(urlsplit(stolen).query)["state"][0]
        swapped = f"/api/v1/sessions/oidc/callback?state={query}&code={mixed.split('code=')[1]}"
        assert (await ann.api.get(swapped)).status_code in (403, 502), "a code of another sign-in"


async def test_a_name_of_a_local_account_is_not_taken_over(served: App, provider: str) -> None:
    await served.northbound.people.add(local_actor(), "ann", [GrantRecord("viewer")], password="a long enough password")
    async with Browser(served, provider) as ann:
        await ann.is_known("mallory", preferred_username="ann", groups=["acs-north"])
        assert (await ann.api.get(await ann.to_the_provider("mallory"))).status_code == 403


async def test_without_a_provider_it_is_said(app: App) -> None:
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=OURS) as client:
        answer = await client.post("/api/v1/sessions/oidc", json={"port": PORT, "challenge": "x" * 43})
    assert answer.status_code == 409 and "[oidc]" in answer.text
