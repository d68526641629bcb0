"""Who a CPE is: by client certificate, by its own credential, by one that it was just given, else by the shared one.

    certificate that names the device ─→ it          (TR-069 §3.4.4: no password is needed then)
    own credential                    ─→ its device
    new credential, not proven yet    ─→ its device; from then on the old one and the shared one are refused
    enrolment credential              ─→ any device without a credential of its own

The one rule: a device that has a credential of its own is never let in with the shared one. Nonces carry their own
age and signature, so a challenge may be answered on another connection and at another process.

Source: TR-069 Amendment 6, §3.4.4 and §3.4.5; without TLS only Digest may be asked for.
"""

import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from acs.config import AuthPolicy, Config, read_secret
from acs.cwmp import auth
from acs.cwmp.identity import device_key, names_device
from acs.cwmp.messages import Inform
from acs.cwmp.quirks import Quirk
from acs.services.guard import Guard
from acs.services.nonce_counts import NonceCounts
from acs.services.policies import Policies, Policy
from acs.services.visits import Principal
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.store import Store

#: Seconds that a looked-up credential is believed; a changed one counts after that.
REMEMBER_S = 60.0
#: Seconds that a user name is believed to have no credential: the device may be given one by another process.
REMEMBER_NONE_S = 5.0
#: User names remembered; each takes about 300 bytes.
REMEMBERED = 50_000

_NC: Final = re.compile(rb'(?:^|[,\s])nc\s*=\s*"?([0-9a-fA-F]{1,8})(?![0-9a-fA-F])')


class Claim(NamedTuple):
    """What came with a POST: its header, where from, whether over TLS, and the name in a verified certificate."""

    header: bytes | None
    address: str
    tls: bool = False
    certificate: str | None = None
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Challenge:
    """The WWW-Authenticate headers to send, and why, for the log; empty when the CPE only asked."""

    headers: tuple[str, ...]
    why: str = ""


@dataclass(frozen=True, slots=True)
class Denial:
    """Another answer than a challenge: 403, or 503 with the seconds to wait."""

    status: int
    why: str
    retry_after_s: int = 0


class _Verifier:
    """One stored credential of one device, with its digests."""

    __slots__ = ("_ha1", "_realm", "device", "secret", "unproven", "username")

    def __init__(self, realm: str, device: str | None, username: str, secret: str, *, unproven: bool = False) -> None:
        self.device, self.username, self.secret, self.unproven = device, username, secret, unproven
        self._realm = realm
        self._ha1: dict[str, str] = {}

    def ha1(self, algorithm: str) -> str:
        name = algorithm.removesuffix("-sess")
        known = self._ha1.get(name)
        if known is None:
            known = self._ha1[name] = auth.ha1(self.username, self._realm, self.secret, name)
        return known

    def verifies(self, given: auth.DigestResponse | auth.BasicCredentials, method: str = "POST") -> bool:
        if isinstance(given, auth.BasicCredentials):
            return auth.verify_basic(given, self.username, self.secret)
        return given.algorithm.removesuffix("-sess") in _ALGORITHMS and auth.verify(
            given, method, self.ha1(given.algorithm)
        )


_ALGORITHMS: Final = ("MD5", "SHA-256")


class CpeAuth:
    """Checks who CPEs are."""

    def __init__(self, store: Store, config: Config, nonce_secret: bytes, policies: Policies | None = None) -> None:
        cwmp = config.cwmp
        self.policies = policies or Policies(cwmp)
        self.guard = Guard(cwmp.guard)
        self.counts = NonceCounts(store)
        #: whether a POST without a header can be challenged before it is read
        self.challenge_first = not self.policies.profiles_matter
        self._store = store
        self._realm = cwmp.realm
        self._nonce_age_s = cwmp.nonce_age_s
        self._nonces = auth.Nonces(nonce_secret)
        self._offered = ("MD5", "SHA-256") if cwmp.offer_sha256 else ("MD5",)
        self._enrol_password: str | None = None
        self._by_device_name = cwmp.enrol_by_device_name
        self._enrol: _Verifier | None = None
        if cwmp.enrol_username is not None and cwmp.enrol_password_file is not None:
            self._enrol_password = read_secret(cwmp.enrol_password_file, "cwmp.enrol_password_file")
            self._enrol = _Verifier(cwmp.realm, None, cwmp.enrol_username, self._enrol_password)
        self._owners: OrderedDict[str, tuple[float, tuple[_Verifier, ...]]] = OrderedDict()
        self._own: OrderedDict[str, tuple[float, bool]] = OrderedDict()
        self._any_own: tuple[float, bool] = (0.0, False)

    def challenge(self, policy: Policy, *, tls: bool = False, why: str = "", stale: bool = False) -> Challenge:
        """A fresh challenge: Digest, and over TLS Basic where the policy allows it."""
        nonce = self._nonces.mint(time.time(), secrets.token_hex(4))
        headers = [auth.challenge_header(self._realm, nonce, stale, algorithm=each) for each in self._offered]
        if tls and policy.auth is AuthPolicy.BASIC:
            headers.insert(0, auth.basic_challenge(self._realm))
        return Challenge(tuple(headers), why)

    async def check(
        self, claim: Claim, policy: Policy, inform: Inform | None = None
    ) -> Principal | Challenge | Denial | None:
        """Whom a POST proves to be; else what to answer. None: the policy asks for nothing.

        `inform` is given where the POST carries one: it tells the device's quirks.
        """
        if claim.certificate is not None and "-" in claim.certificate:
            return Principal(claim.certificate, names_device=True, certified=True)
        if policy.auth is AuthPolicy.OPEN:
            return None
        if policy.auth is AuthPolicy.CERTIFICATE:
            return Denial(403, "the policy wants a client certificate that names the device, and there is none")
        if claim.header is None:
            return self.challenge(policy, tls=claim.tls)
        given = auth.parse_authorization(claim.header.decode("latin-1"))
        if given is None:
            return self.challenge(policy, tls=claim.tls)
        if isinstance(given, auth.BasicCredentials):
            if not claim.tls or policy.auth is not AuthPolicy.BASIC:
                why = "without TLS only Digest is taken" if not claim.tls else "cwmp.auth is digest"
                return self.challenge(policy, tls=claim.tls, why=f"Basic was sent; {why}")
            return await self._proved(claim, policy, given, None)
        return await self._check_digest(claim, policy, given, inform)

    async def refuses(self, principal: Principal, inform: Inform) -> str | None:
        """Why the one who was proved may not speak as the device of the Inform; None: it may."""
        key = device_key(inform.device_id)
        if principal.device is not None:
            return None if principal.device == key else f"the credential of {principal.device} was used by {key[:200]}"
        if principal.names_device and not names_device(principal.username, inform.device_id):
            return f"{principal.username[:128]!r} proved itself, and the Inform is of {key[:200]}"
        if not principal.certified and await self._has_own(key):
            return f"{key[:200]} has a credential of its own, and used the shared one"
        return None

    def saw(self, principal: Principal | None, header: bytes) -> None:
        """A later POST of a session carried a header: its count is used up too."""
        if principal is not None and principal.nonce is not None and (found := _NC.search(header)) is not None:
            self.counts.seen(principal.nonce[0], int(found[1], 16))

    def forget(self, key: str | None = None) -> None:
        """Forget what was looked up: a credential was changed in this process."""
        self._owners.clear()
        if key is None:
            self._own.clear()
        else:
            self._own.pop(key, None)
        self._any_own = (0.0, False)

    async def forget_old_nonces(self) -> None:
        """Forget the counts of nonces that are too old to be used; called now and then."""
        await self.counts.forget_old(time.time(), self._nonce_age_s + 120)

    async def close(self) -> None:
        """Write what is not written yet."""
        await self.counts.close()

    async def _check_digest(
        self, claim: Claim, policy: Policy, given: auth.DigestResponse, inform: Inform | None
    ) -> Principal | Challenge | Denial:
        match self._nonces.check(given.nonce, time.time(), self._nonce_age_s):
            case auth.NonceState.STALE:
                return self.challenge(policy, tls=claim.tls, stale=True)
            case auth.NonceState.FORGED:
                return self.challenge(policy, tls=claim.tls, why="the nonce is not one of ours")
        id_ = auth.Nonces.id_of(given.nonce)
        # without qop there is no count: such a nonce is good for one session
        count = 1 if given.qop is None else given.count
        if count is None or not 0 < count < 1 << 62:
            return self.challenge(policy, tls=claim.tls, why=f"the nonce count {str(given.nc)[:20]!r} is none")
        nonce: tuple[int, int] | None = (id_, count)
        if self.counts.is_replayed(id_, count):
            if inform is None or Quirk.NONCE_COUNT_FIXED not in self.policies.quirks(inform):
                return self.challenge(policy, tls=claim.tls, stale=True)
            nonce = None
        return await self._proved(claim, policy, given, nonce)

    async def _proved(
        self,
        claim: Claim,
        policy: Policy,
        given: auth.DigestResponse | auth.BasicCredentials,
        nonce: tuple[int, int] | None,
    ) -> Principal | Challenge | Denial:
        name, now = given.username, time.monotonic()
        wait_s = self.guard.wait_s(claim.address, name, now)
        if wait_s:
            return Denial(503, f"too many wrong passwords for {name[:128]!r}", max(1, round(wait_s)))
        enrol = self._enrol
        shared = enrol is not None and name == enrol.username
        if shared and enrol is not None and enrol.verifies(given, claim.method):
            self.guard.succeeded(claim.address, name)
            return Principal(name, nonce=nonce)
        for each in await self._owners_of(name):
            if each.verifies(given, claim.method):
                self.guard.succeeded(claim.address, name)
                return Principal(name, each.device, nonce=nonce, unproven=each.unproven)
        if self._enrols_by_name(given, claim.method):
            self.guard.succeeded(claim.address, name)
            return Principal(name, names_device=True, nonce=nonce)
        self.guard.failed(claim.address, name, now, shared=shared)
        return self.challenge(policy, tls=claim.tls, why=f"wrong user name or password for {name[:128]!r}")

    def _enrols_by_name(self, given: auth.DigestResponse | auth.BasicCredentials, method: str) -> bool:
        """Whether it is the enrolment password with a name that can be a device's."""
        password = self._enrol_password if self._by_device_name else None
        if password is None or "-" not in given.username:
            return False
        return _Verifier(self._realm, None, given.username, password).verifies(given, method)

    async def _owners_of(self, username: str) -> tuple[_Verifier, ...]:
        """Every credential with this user name, those that are not proven yet included."""
        now = time.monotonic()
        known = self._owners.get(username)
        if known is not None and known[0] > now:
            return known[1]
        async with self._store.reading() as tx:
            own = await devices.by_username(tx, CredentialKind.CWMP, username)
            new = await devices.by_username(tx, CredentialKind.CWMP_NEW, username)
        owners = tuple(
            _Verifier(self._realm, key, c.username, c.secret, unproven=unproven)
            for found, unproven in ((own, False), (new, True))
            for key, c in found
        )
        remember_s = REMEMBER_S if owners and not new else REMEMBER_NONE_S
        self._owners[username] = (now + remember_s, owners)
        if len(self._owners) > REMEMBERED:
            self._owners.popitem(last=False)
        return owners

    async def _has_own(self, key: str) -> bool:
        """Whether the device has a credential of its own; cheap where no device has one."""
        now = time.monotonic()
        if self._any_own[0] <= now:
            async with self._store.reading() as tx:
                self._any_own = (now + REMEMBER_S, await devices.has_credentials(tx, CredentialKind.CWMP))
        if not self._any_own[1]:
            return False
        known = self._own.get(key)
        if known is not None and known[0] > now:
            return known[1]
        async with self._store.reading() as tx:
            own = await devices.get_credentials(tx, key, CredentialKind.CWMP) is not None
        self._own[key] = (now + REMEMBER_S, own)
        if len(self._own) > REMEMBERED:
            self._own.popitem(last=False)
        return own
