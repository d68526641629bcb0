"""Which file is meant, and which models it is for."""

from collections.abc import Sequence

from acs.errors import InvalidInput, NotFound
from acs.profiles.globs import none_or_like
from acs.store import files as file_store
from acs.store.files import FileRecord
from acs.store.records import DeviceRecord
from acs.store.transaction import Transaction


def require_model(file: FileRecord, device: DeviceRecord) -> None:
    """Refuse a file that is not for the device's model.

    Raises:
        InvalidInput: none of its models matches.
    """
    if not fits_model(file.models, device):
        raise InvalidInput(
            f"file {file.id} ({file.name}) is for {', '.join(file.models)}, and device {device.key} is "
            f"{device.oui}:{device.product_class}; choose another file, or add the model to it"
        )


def fits_model(models: Sequence[str], device: DeviceRecord) -> bool:
    """Whether a device is one of the models: `PRODUCT-CLASS` or `OUI:PRODUCT-CLASS`, `*` at will, any case."""
    return none_or_like((device.product_class, f"{device.oui}:{device.product_class}"), models)


async def known_file(tx: Transaction, file_id: str) -> FileRecord:
    """A stored file.

    Raises:
        NotFound: there is no such file.
    """
    record = await file_store.get(tx, file_id)
    if record is None:
        raise NotFound(f"there is no file {file_id[:80]!r}; `secondline file list` shows their ids")
    return record
