"""The form of the diagnostics file, and the tests that it holds."""

import tomllib
from collections.abc import Mapping
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Root = Literal["InternetGatewayDevice.", "Device."]
Leaf = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9]*$", max_length=64)]
#: One name for both roots, or one for each.
Names = Leaf | dict[Root, Leaf]


class Strict(BaseModel):
    """Frozen, and no key that is not named here."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Input(Strict):
    """What a test takes, and the parameter that it goes to. Without a value the parameter is left as it is."""

    parameter: Names
    type: Literal["unsignedInt", "string", "boolean"] = "unsignedInt"
    required: bool = False
    default: int | bool | None = None
    min: int | None = None
    max: int | None = None
    values: tuple[str, ...] = ()


class Output(Strict):
    """What a parameter of the results means. `else` is the parameter that stands for it where there is no other."""

    parameter: Names
    as_: Literal["number", "numbers", "text", "flag"] = Field("number", alias="as")
    factor: float = 1.0
    else_: Leaf | None = Field(None, alias="else")


class Table(Strict):
    """Rows of results: one for each instance below `path`."""

    name: str
    path: str
    columns: dict[str, Output]


class Throughput(Strict):
    """Which parameters hold the bytes of a TR-143 test; `length_input` names the input that stands for them."""

    bytes: Leaf
    full_bytes: Leaf
    length_input: str | None = None


class Diagnostic(Strict):
    """One test. `stateless`: it has no DiagnosticsState; setting it is all."""

    title: dict[Literal["ru", "en"], str]
    objects: dict[Root, str]
    state: Names = "DiagnosticsState"
    stateless: bool = False
    #: roots whose standard has the state `Canceled`: TR-181 has it in every test, TR-098 in none
    cancel_roots: tuple[Root, ...] = ("Device.",)
    #: seconds that it takes besides the product of the inputs of `lasts_ms`
    lasts_s: float
    lasts_ms: tuple[str, ...] = ()
    inputs: dict[str, Input] = {}
    results: dict[str, Output]
    table: Table | None = None
    throughput: Throughput | None = None

    def object_of(self, root: str) -> str | None:
        """The partial path of the test below a root; None where that model has none."""
        path = self.objects.get(root)  # type: ignore[call-overload] # any root may be asked for
        return None if path is None else f"{root}{path}"

    def duration_s(self, inputs: Mapping[str, object]) -> float:
        """How long a test with these inputs may take."""
        product = 1.0
        for name in self.lasts_ms:
            value = inputs.get(name, self.inputs[name].default)
            product *= float(value) if isinstance(value, int | float) else 1.0
        return self.lasts_s + (product / 1000.0 if self.lasts_ms else 0.0)


def name_for(names: Names, root: str) -> str:
    """The parameter's name below a root."""
    return names if isinstance(names, str) else names[root]  # type: ignore[index] # `object_of` knew the root


def _load() -> dict[str, Diagnostic]:
    text = resources.files("acs.profiles.diagnostics").joinpath("standard.toml").read_text(encoding="utf-8")
    return {name: Diagnostic.model_validate(table) for name, table in tomllib.loads(text).items()}


#: Every test by its name.
DIAGNOSTICS: Final[Mapping[str, Diagnostic]] = MappingProxyType(_load())
