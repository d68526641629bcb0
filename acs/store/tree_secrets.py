"""The secrets of a parameter tree: blank in its vector, and sealed beside it.

    device_trees.sealed   NULL   an older release wrote the row: its secrets stand in the vector until they are sealed
                          empty  it has none
                          else   JSON [first bytes of the schema's id, places] "\\n" the vault's JSON [secret, …]

The rule of this file: which values are set stands in clear, what they are does not. So a reader who is shown a mask
needs no key, and a change that touches no secret neither opens nor seals anything.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from acs.errors import StoreError
from acs.secret_names import is_secret
from acs.store.vault import Vault

#: What stands for the value of a secret that is set.
MASK = "(hidden)"
_SCHEMA_BYTES = 4


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is secret of a stored tree: `names` in the order in which they are sealed, `clear` what still is not."""

    names: tuple[str, ...] = ()
    token: bytes = field(default=b"", repr=False)
    clear: Mapping[str, str] = field(default_factory=dict, repr=False)

    def opened(self, vault: Vault) -> dict[str, str]:
        """name → secret.

        Raises:
            StoreError: they were sealed with another key.
        """
        sealed = json.loads(vault.open(self.token)) if self.token else []
        return dict(zip(self.names, sealed, strict=True)) | dict(self.clear)


@lru_cache(maxsize=128)
def secret_places(names: tuple[str, ...]) -> tuple[int, ...]:
    """The places of a schema at which secrets stand. Remembered: devices of a model share the schema."""
    return tuple(place for place, name in enumerate(names) if is_secret(name))


def parted(
    names: tuple[str, ...], values: Sequence[str], schema_id: bytes, sealed: bytes | None
) -> tuple[list[str], Secrets]:
    """A stored vector with a mask for each secret that is set, and the secrets."""
    masked = list(values)
    clear = {names[place]: values[place] for place in secret_places(names) if values[place]}
    found = Secrets(clear=clear)
    if sealed:
        head, _, token = bytes(sealed).partition(b"\n")
        schema, places = json.loads(head)
        if schema == _begin(schema_id):  # an older release, that runs beside this one, may have written the vector
            found = Secrets(tuple(names[place] for place in places), token, clear)
            for place in places:
                masked[place] = MASK
    for place in secret_places(names):
        if values[place]:
            masked[place] = MASK
    return masked, found


def sealed(
    vault: Vault, schema_id: bytes, names: tuple[str, ...], values: list[str], told: Mapping[str, str], former: Secrets
) -> bytes:
    """Blank the secrets among values, in the order of their schema, and return them sealed.

    `told` are the secrets as the device said them now; any other that is set is a mask, and `former` holds it.
    A secret of before that does not open with this key is forgotten: the device will say it again.
    """
    places = [place for place in secret_places(names) if values[place]]
    wanted = tuple(names[place] for place in places)
    for place in places:
        values[place] = ""
    if former.clear or wanted != former.names or not told.keys().isdisjoint(wanted):
        before: dict[str, str] = {}
        if former.clear or not told.keys() >= set(wanted):
            before = dict(former.clear)
            with suppress(StoreError):
                before = former.opened(vault)
        found = {names[place]: (place, told.get(names[place]) or before.get(names[place], "")) for place in places}
        places = [place for place, secret in found.values() if secret]
        token = vault.seal(_json([secret for _, secret in found.values() if secret])) if places else b""
    else:
        token = former.token
    return _json([_begin(schema_id), places]) + b"\n" + token if places else b""


def _begin(schema_id: bytes) -> str:
    return bytes(schema_id[:_SCHEMA_BYTES]).hex()


def _json(body: object) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
