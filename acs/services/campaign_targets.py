"""Which devices a campaign has: those that match, have another version, and are of a model that the file is for.

The rule of this file: it reads; the order of starting is by a hash of the key, so that canaries come from everywhere.
"""

import hashlib
from collections.abc import Awaitable, Callable

from acs.errors import InvalidInput
from acs.profiles.globs import none_or_like, tagged
from acs.services.campaign_settings import Targets
from acs.services.file_models import fits_model
from acs.store import devices as device_store
from acs.store import lines as line_store
from acs.store import provisioning as provision_store
from acs.store.files import FileRecord
from acs.store.records import LineRecord
from acs.store.store import Store

#: Devices read at once.
_PAGE = 2_000


class CampaignTargets:
    """Looks over all devices."""

    def __init__(self, store: Store) -> None:
        self._store = store
        #: the devices that a search finds; see `Search.devices`
        self.searched: Callable[[str], Awaitable[frozenset[str]]] | None = None

    async def choose(self, file: FileRecord, version: str, targets: Targets) -> list[tuple[str, str]]:
        """(device, its version) of every device that matches, in the order of starting.

        Raises:
            InvalidInput: the search is not known here, or is wrong.
        """
        chosen: list[tuple[str, str]] = []
        wanted = frozenset(targets.devices)
        searched = await self._found(targets.query)
        after = ""
        while True:
            async with self._store.reading() as tx:
                page = await device_store.list_devices(tx, after=after, limit=_PAGE)
                tags = await provision_store.tags_of(tx, [each.key for each in page])
                lines = await line_store.get_many(tx, sorted({each.line for each in page if each.line}))
            for each in page:
                if (wanted and each.key not in wanted) or (searched is not None and each.key not in searched):
                    continue
                if each.software_version == version or not fits_model(file.models, each):
                    continue
                if not fits_model(targets.models, each):
                    continue
                line = lines.get(each.line or "")
                if _fits(targets, each.software_version, each.hardware_version, tags.get(each.key, frozenset()), line):
                    chosen.append((each.key, each.software_version))
            if len(page) < _PAGE:
                return sorted(chosen, key=lambda pair: hashlib.blake2b(pair[0].encode()).digest())
            after = page[-1].key

    async def _found(self, query: str) -> frozenset[str] | None:
        """The devices that the targets' search finds; None where they name no search."""
        if not query:
            return None
        if self.searched is None:
            raise InvalidInput("targets: a query needs the search, which this process does not have; name models")
        return await self.searched(query)


def _fits(targets: Targets, version: str, hardware: str, tags: frozenset[str], line: LineRecord | None) -> bool:
    return (
        none_or_like((version,), targets.versions)
        and none_or_like((hardware,), targets.hardware_versions)
        and tagged(tags, targets.tags, targets.without_tags)
        and none_or_like(line.scopes() if line is not None else (), targets.scopes)
    )
