"""What every section is made of: the strict table, and the types of keys with their messages."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo


def _beside_the_file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError(f"{value!r} is no file name; write the name of a file")
    path, base = Path(value), (info.context or {}).get("base")
    return path if base is None or path.is_absolute() else Path(base) / path


def _store_url(url: str, info: ValidationInfo) -> str:
    if url.startswith("sqlite:///"):
        return f"sqlite:///{_beside_the_file(url.removeprefix('sqlite:///'), info)}"
    if not url.startswith("postgresql://"):
        kind = url.partition(":")[0]  # and no more of it: a password may follow
        raise ValueError(f"{kind!r} names no store; write sqlite:///file or postgresql://user@host/database")
    return url


def _read_by(read: Callable[[str], object], such_as: str) -> PlainValidator:
    """The words of the file as what `read` makes of them, or what to write instead."""

    def validate(value: object) -> object:
        try:
            return read(str(value))
        except ValueError as error:
            raise ValueError(f"{error}; write {such_as}") from error

    return PlainValidator(validate)


Address = Annotated[IPv4Address | IPv6Address, _read_by(ip_address, "an address such as 192.0.2.53 or 2001:db8::53")]
Network = Annotated[IPv4Network | IPv6Network, _read_by(ip_network, "a network such as 192.0.2.0/24 or 2001:db8::/32")]
FilePath = Annotated[Path, PlainValidator(_beside_the_file)]
Port = Annotated[int, Field(ge=0, le=65535)]
StoreUrl = Annotated[str, AfterValidator(_store_url)]
Seconds = Annotated[float, Field(gt=0, le=31_536_000, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


class Section(BaseModel):
    """One table of the file: frozen, strict, and closed to unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, validate_default=True)
