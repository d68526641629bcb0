"""Who a CPE is by HTTP digest: its own credential if it has one, else the shared credential for enrolment.

The one rule: a device that has a credential of its own is never let in with the shared one. Nonces carry their own
age and signature, so a challenge may be answered on another connection and at another process.

Source: TR-069 Amendment 6, §3.4.4 and §3.4.5; without TLS only Digest may be asked for.
"""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

from acs.config import AuthPolicy, Config, read_secret
from acs.cwmp import auth
from acs.services.visits import Principal
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.store import Store

#: Seconds that a looked-up credential is believed; a changed one counts after that.
REMEMBER_S = 60.0
#: User names remembered; each takes about 300 bytes.
REMEMBERED = 50_000


@dataclass(frozen=True, slots=True)
class Challenge:
    """The WWW-Authenticate header to send, and why, for the log; empty when the CPE only asked."""

    header: str
    why: str = ""


class CpeAuth:
    """Checks Authorization headers of CPEs."""

    def __init__(self, store: Store, config: Config, nonce_secret: bytes) -> None:
        cwmp = config.cwmp
        self._store = store
        self._realm = cwmp.realm
        self._nonce_age_s = cwmp.nonce_age_s
        self._nonces = auth.Nonces(nonce_secret)
        self.required = cwmp.auth is AuthPolicy.DIGEST
        self._enrol_username = cwmp.enrol_username
        self._enrol_ha1 = ""
        if cwmp.enrol_username is not None and cwmp.enrol_password_file is not None:
            password = read_secret(cwmp.enrol_password_file, "cwmp.enrol_password_file")
            self._enrol_ha1 = auth.ha1(cwmp.enrol_username, cwmp.realm, password)
        self._owners: OrderedDict[str, tuple[float, tuple[tuple[str, str], ...]]] = OrderedDict()
        self._own: OrderedDict[str, tuple[float, bool]] = OrderedDict()
        self._any_own: tuple[float, bool] = (0.0, False)

    def challenge(self, why: str = "", *, stale: bool = False) -> Challenge:
        """A fresh challenge."""
        nonce = self._nonces.mint(time.time(), secrets.token_hex(4))
        return Challenge(auth.challenge_header(self._realm, nonce, stale), why)

    async def check(self, header: bytes) -> Principal | Challenge:
        """Whom the header proves, or the challenge to answer with."""
        response = auth.parse_authorization(header.decode("latin-1"))
        if response is None or isinstance(response, auth.BasicCredentials):
            return self.challenge("" if response is None else "Basic was sent; without TLS only Digest is taken")
        match self._nonces.check(response.nonce, time.time(), self._nonce_age_s):
            case auth.NonceState.STALE:
                return self.challenge(stale=True)
            case auth.NonceState.FORGED:
                return self.challenge("the nonce is not one of ours")
        if response.username == self._enrol_username and auth.verify(response, "POST", self._enrol_ha1):
            return Principal(response.username)
        for device, ha1 in await self._owners_of(response.username):
            if auth.verify(response, "POST", ha1):
                return Principal(response.username, device)
        return self.challenge(f"wrong user name or password for {response.username[:128]!r}")

    async def admits(self, principal: Principal, key: str) -> bool:
        """Whether the one who was proved may speak as the device `key`."""
        if principal.device is not None:
            return principal.device == key
        return not await self._has_own(key)

    def forget(self) -> None:
        """Forget what was looked up: a credential was changed in this process."""
        self._owners.clear()
        self._own.clear()
        self._any_own = (0.0, False)

    async def _owners_of(self, username: str) -> tuple[tuple[str, str], ...]:
        """(device, HA1) of every device with this user name."""
        now = time.monotonic()
        known = self._owners.get(username)
        if known is not None and known[0] > now:
            return known[1]
        async with self._store.reading() as tx:
            found = await devices.by_username(tx, CredentialKind.CWMP, username)
        owners = tuple((key, auth.ha1(c.username, self._realm, c.secret)) for key, c in found)
        self._owners[username] = (now + REMEMBER_S, owners)
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
