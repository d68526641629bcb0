"""What devices of a model and firmware can: their RPCs, and what they bear in a refresh. Learned once, remembered.

    GetRPCMethods (once per model, before the first RPC that the standard leaves optional)
    9000 to an RPC                                             ──▶  not supported by this model
    how a refresh went                                         ──▶  how the next one begins

The one rule: an RPC that the device lacks, or that is newer than the session's version, is never sent.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import structlog

from acs.cwmp.messages import GetRPCMethodsResponse, Message
from acs.cwmp.versions import RPC_SINCE, may_send
from acs.services.kinds import Kind
from acs.services.plans import Bears
from acs.services.plans.base import NO_SUCH_METHOD
from acs.services.plans.bears import UNTRIED
from acs.store import abilities as ability_store
from acs.store.abilities import Model
from acs.store.records import DeviceRecord, Json
from acs.store.store import Store

log = structlog.get_logger()

#: What every CPE must have (TR-069 Amendment 6, table 4): nobody is asked whether it is there.
REQUIRED: Final = frozenset(
    {
        "GetRPCMethods", "SetParameterValues", "GetParameterValues", "GetParameterNames", "SetParameterAttributes",
        "GetParameterAttributes", "AddObject", "DeleteObject", "Reboot", "Download",
    }
)  # fmt: skip
#: Without it a list of methods is not believed.
BELIEVED: Final = "GetParameterValues"
#: Models kept in memory.
REMEMBERED: Final = 2_000
#: Methods of one model.
METHODS: Final = 200


@dataclass(frozen=True, slots=True)
class Abilities:
    """What is known of one model. `methods` None: not asked, or no list to be believed; `asked`: asked already."""

    methods: frozenset[str] | None = None
    asked: bool = False
    lacking: frozenset[str] = field(default_factory=frozenset)
    bears: Bears = UNTRIED
    #: facts, tables and columns that a tree of the model showed once, and those that no whole tree of it ever had
    shown: frozenset[str] = field(default_factory=frozenset)
    absent: frozenset[str] = field(default_factory=frozenset)

    def to_json(self) -> dict[str, Json]:
        """As it is stored."""
        return {
            "methods": list[Json](sorted(self.methods)) if self.methods is not None else None,
            "asked": self.asked,
            "lacking": list[Json](sorted(self.lacking)),
            "bears": self.bears.to_json(),
            "shown": list[Json](sorted(self.shown)),
            "absent": list[Json](sorted(self.absent)),
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Abilities":
        """From its stored form; empty gives what is known of a new model: nothing."""
        methods = stored.get("methods")
        return cls(
            frozenset(methods) if methods is not None else None,
            bool(stored.get("asked")),
            frozenset(stored.get("lacking", ())),
            Bears.from_json(stored.get("bears", {})),
            frozenset(stored.get("shown", ())),
            frozenset(stored.get("absent", ())),
        )


#: What every CPE has, whatever one of them answered once: without these it could not be managed at all.
ALWAYS = frozenset({"GetRPCMethods", "GetParameterValues", "SetParameterValues", "GetParameterNames"})


class ModelAbilities:
    """The abilities of all models, in memory and in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: OrderedDict[Model, Abilities] = OrderedDict()

    async def of(self, device: DeviceRecord) -> Abilities:
        """What is known of the device's model and firmware."""
        model = model_of(device)
        known = self._known.get(model)
        if known is None:
            async with self._store.reading() as tx:
                known = Abilities.from_json(await ability_store.get(tx, model))
            self._keep(model, known)
        return known

    def asking(self, device: DeviceRecord) -> None:
        """GetRPCMethods is about to leave: a device that breaks off over it is not asked again by this process."""
        model = model_of(device)
        self._keep(model, replace(self._known.get(model, Abilities()), asked=True))

    async def learn_methods(self, device: DeviceRecord, answer: Message | None, now: datetime) -> None:
        """Take the answer to GetRPCMethods; a device that refuses it is asked nothing of the kind again."""
        methods: frozenset[str] | None = None
        if isinstance(answer, GetRPCMethodsResponse) and BELIEVED in answer.method_list:
            methods = frozenset(name[:64] for name in answer.method_list[:METHODS])
        await self._teach(device, lambda known: replace(known, methods=methods, asked=True), now)

    async def learn_fault(self, device: DeviceRecord, rpc: str, fault_code: int | None, now: datetime) -> None:
        """Take the fault of an operation: 9000 to an RPC that the standard leaves optional is true of the model."""
        if fault_code == NO_SUCH_METHOD and rpc and rpc not in ALWAYS:
            await self.learn_lacking(device, rpc, now)

    async def learn_lacking(self, device: DeviceRecord, feature: str, now: datetime) -> None:
        """A device showed that its model lacks a feature."""
        await self._learn(device, lambda known: replace(known, lacking=known.lacking | {feature}), now)

    async def learn_bears(self, device: DeviceRecord, bears: Bears, now: datetime) -> None:
        """Take what a refresh of the whole tree showed."""
        await self._learn(device, lambda known: replace(known, bears=bears), now)

    async def learn_reported(
        self, device: DeviceRecord, shown: frozenset[str], lacking: frozenset[str], now: datetime
    ) -> None:
        """Take what a whole tree of the model showed and lacked: what one device has, its model does not lack."""

        def reported(known: Abilities) -> Abilities:
            ever = known.shown | shown
            return replace(known, shown=ever, absent=(known.absent | lacking) - ever)

        await self._learn(device, reported, now)

    async def _learn(self, device: DeviceRecord, learned: Callable[[Abilities], Abilities], now: datetime) -> None:
        known = await self.of(device)
        if learned(known) != known:
            await self._teach(device, learned, now)

    async def _teach(self, device: DeviceRecord, learned: Callable[[Abilities], Abilities], now: datetime) -> None:
        """Add to what is known of the model, here and in the store, which other processes teach as well."""
        model, known = model_of(device), learned(await self.of(device))
        self._keep(model, known)
        async with self._store.transaction() as tx:
            stored = Abilities.from_json(await ability_store.hold(tx, model, now))
            await ability_store.put(tx, model, learned(stored).to_json(), now)
        log.info("model.learned", model="-".join(model)[:200], lacking=sorted(known.lacking)[:20])

    def _keep(self, model: Model, known: Abilities) -> None:
        self._known[model] = known
        self._known.move_to_end(model)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)


def why_lacking(feature: str, known: Abilities) -> str | None:
    """Why the model cannot do what a feature stands for; None where nothing is known against it."""
    if feature not in known.lacking:
        return None
    return f"not supported by this model: it was asked before, and has no {feature.partition(':')[2] or feature}"


def model_of(device: DeviceRecord) -> Model:
    """OUI, product class and firmware."""
    return device.oui[:64], device.product_class[:128], device.software_version[:128]


def must_ask(kind: Kind, known: Abilities) -> bool:
    """Whether GetRPCMethods must come before the kind's RPC."""
    return kind.rpc not in REQUIRED and kind.rpc != "" and not known.asked and kind.rpc not in known.lacking


def why_not(kind: Kind, version: str, known: Abilities) -> str | None:
    """Why the kind cannot be asked of the device; None when it can."""
    rpc = kind.rpc
    if not rpc:
        return None
    if rpc in known.lacking:
        return f"not supported by this model: it answered {rpc} with fault {NO_SUCH_METHOD}"
    if known.methods is not None and rpc not in known.methods:
        return f"not supported by this model: {rpc} is not among its methods"
    if not may_send(rpc, version):
        return f"not supported by this device: {rpc} needs CWMP {RPC_SINCE[rpc]}, it speaks {version}"
    return None
