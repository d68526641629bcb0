"""A device that acts: it answers what it is asked from a tree of its own, and the test changes what it says."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from acs.store.records import OperationRecord
from tests.conformance.server import Acs
from tests.conformance.wire import Answer, Cpe, fault, names_response, values_response

METHODS = (
    "GetRPCMethods", "SetParameterValues", "GetParameterValues", "GetParameterNames", "SetParameterAttributes",
    "GetParameterAttributes", "AddObject", "DeleteObject", "Reboot", "Download", "Upload", "FactoryReset",
    "ScheduleInform", "GetAllQueuedTransfers", "ScheduleDownload", "CancelTransfer", "ChangeDUState",
)  # fmt: skip
EMPTY = {
    "Reboot", "FactoryReset", "ScheduleInform", "ScheduleDownload", "CancelTransfer", "ChangeDUState",
    "SetParameterAttributes",
}  # fmt: skip


@dataclass
class Device:
    """`answers` by RPC name come first; what is not there is answered from `tree`."""

    cpe: Cpe
    tree: dict[str, tuple[str, str]] = field(default_factory=dict)
    answers: dict[str, Callable[[Answer], str | None]] = field(default_factory=dict)
    asked: list[Answer] = field(default_factory=list)

    async def session(self, *events: tuple[str, str] | str, own: tuple[str, ...] = ()) -> list[Answer]:
        """A session to its end; what was asked in it. `own`: requests of its own that it sends first."""
        before = len(self.asked)
        self.cpe.cookie = None
        await self.cpe.open(*events)
        for content in own:
            answer = await self.cpe.post(self.cpe.envelope(content, "own"))
            assert answer.rpc.endswith("Response"), answer.body
        answer = await self.cpe.post()
        while answer.body:
            self.asked.append(answer)
            content = self._answer(answer)
            if content is None:
                break
            answer = await self.cpe.answer(answer, content)
        else:
            assert answer.status == 204, answer
        await self.cpe.close()
        return self.asked[before:]

    def all(self, rpc: str) -> list[Answer]:
        """Every request of this name so far."""
        return [answer for answer in self.asked if answer.rpc == rpc]

    def _answer(self, asked: Answer) -> str | None:
        special = self.answers.get(asked.rpc)
        if special is not None:
            return special(asked)
        if asked.rpc in EMPTY:
            return f"<cwmp:{asked.rpc}Response/>"
        match asked.rpc:
            case "GetParameterValues":
                return self.values(asked.texts(".//string"))
            case "GetParameterNames":
                return self.names(asked.text("ParameterPath") or "", asked.text("NextLevel") in ("1", "true"))
            case "SetParameterValues":
                for struct in asked.message.iter("ParameterValueStruct"):
                    name = struct.findtext("Name") or ""
                    self.tree[name] = (struct.findtext("Value") or "", self.tree.get(name, ("", "xsd:string"))[1])
                return "<cwmp:SetParameterValuesResponse><Status>0</Status></cwmp:SetParameterValuesResponse>"
            case "GetRPCMethods":
                names = "".join(f"<string>{name}</string>" for name in METHODS)
                return f"<cwmp:GetRPCMethodsResponse><MethodList>{names}</MethodList></cwmp:GetRPCMethodsResponse>"
        return fault(9000, "Method not supported")

    def values(self, names: list[str]) -> str:
        """The answer to GetParameterValues: 9005 when any name is unknown."""
        found: dict[str, tuple[str, str]] = {}
        for name in names:
            below = {n: v for n, v in self.tree.items() if n == name or (name.endswith(".") and n.startswith(name))}
            if not below:
                return fault(9005)
            found |= below
        return values_response([(name, *value) for name, value in found.items()])

    def names(self, path: str, next_level: bool) -> str:
        """The answer to GetParameterNames."""
        listed: dict[str, bool] = {}
        for name in self.tree:
            if name.startswith(path) and name != path:
                head, dot, _ = name[len(path) :].partition(".")
                listed[path + head + dot if next_level else name] = True
        return names_response(list(listed.items()))


async def device(acs: Acs, **changes: Any) -> Device:
    """A device that came once and has a small tree."""
    acting = Device(acs.cpe(**changes), {f"Device.X.{name}": (name.lower(), "xsd:string") for name in ("A", "B", "C")})
    await acting.session("1 BOOT")
    return acting


async def done(acs: Acs, acting: Device, kind: str, **arguments: Any) -> OperationRecord:
    """An operation, asked for and played in a session."""
    operation = await acs.request(acting.cpe, kind, arguments)
    await acting.session()
    return await acs.state(operation)
