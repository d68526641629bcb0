"""Telling a device how it will be woken: what the model has is looked up first, then set, then watched.

    names of ManagementServer. ─▶ set, group by group where refused ─▶ XMPP connection ─▶ active notification

The one rule: a model that lacks a method is not asked to have it; only what it has and refuses makes the plan fail.
"""

from collections.abc import Generator, Iterable

from acs.cwmp.messages import (
    AddObject,
    AddObjectResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    Message,
    SetParameterAttributes,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.structs import ParameterValueStruct, SetParameterAttributesStruct
from acs.services.plans.base import Outcome, Reads, refused
from acs.services.waking.settings import WakingSettings

Group = tuple[ParameterValueStruct, ...]
_Steps = Generator[Message, Message, None]

#: What the server wants to be told of at once (TR-069 Annex G.2.1.3, Annex K.2.2).
_WATCHED = ("UDPConnectionRequestAddress", "NATDetected", "ConnReqJabberID")
_ACTIVE = 2


class WakingPlan:
    """Sets what `settings` say."""

    def __init__(self, root: str, settings: WakingSettings, parameter_key: str) -> None:
        self.reads = Reads()
        self.faults: list[SoapFault] = []
        self._root = root
        self._settings = settings
        self._key = parameter_key
        self._names: frozenset[str] = frozenset()
        self._done: list[str] = []
        self._steps = self._run()
        self._next: Message | None = next(self._steps)

    def request(self) -> Message | None:
        """The next request."""
        request, self._next = self._next, None
        return request

    def take(self, answer: Message) -> None:
        """The answer to it, or a fault."""
        try:
            self._next = self._steps.send(answer)
        except StopIteration:
            self._next = None

    def outcome(self) -> Outcome:
        """Succeeded when everything that the model has was taken."""
        if not self.faults:
            return Outcome(True, f"set: {', '.join(self._done)}", {"set": list(self._done)})
        fault = self.faults[0]
        detail = refused("some of its settings for connection requests", fault).detail
        return Outcome(False, detail, {"set": list(self._done)}, fault.fault_code, fault.fault_string)

    def _run(self) -> _Steps:
        server = f"{self._root}ManagementServer."
        if self._settings.asks_names:
            answer = yield GetParameterNames(parameter_path=server, next_level=True)
            if isinstance(answer, GetParameterNamesResponse):
                self._names = frozenset(info.name.removeprefix(server) for info in answer.parameter_list)
        yield from self._set(self._groups())
        if self._settings.xmpp is not None and "ConnReqXMPPConnection" in self._names:
            yield from self._connect_xmpp()
        yield from self._watch()

    def _set(self, groups: dict[str, Group]) -> _Steps:
        """All together; group by group where that is refused, unless it is all or nothing."""
        answer = yield self._setting(p for group in groups.values() for p in group)
        if isinstance(answer, SetParameterValuesResponse):
            self._done += groups
        elif len(groups) == 1 or self._settings.together:
            self._note(answer)
        else:
            for name, group in groups.items():
                answer = yield self._setting(group)
                if isinstance(answer, SetParameterValuesResponse):
                    self._done.append(name)
                else:
                    self._note(answer)

    def _connect_xmpp(self) -> _Steps:
        xmpp = self._settings.xmpp
        assert xmpp is not None
        table = f"{self._root}XMPP.Connection."
        answer = yield GetParameterNames(parameter_path=table, next_level=True)
        rows = [info.name for info in answer.parameter_list] if isinstance(answer, GetParameterNamesResponse) else []
        row = next((name for name in sorted(rows) if name.startswith(table) and name != table), None)
        if row is None:
            answer = yield AddObject(object_name=table, parameter_key=self._key)
            if not isinstance(answer, AddObjectResponse):
                self._note(answer)
                return
            row = f"{table}{answer.instance_number}."
        values = {
            "Username": xmpp.username,
            "Password": xmpp.password,
            "Domain": xmpp.domain,
            "Resource": "cwmp",
        }
        group = [ParameterValueStruct(row + name, value, "xsd:string") for name, value in values.items()]
        group += [
            ParameterValueStruct(f"{row}UseTLS", "1", "xsd:boolean"),
            ParameterValueStruct(f"{row}Enable", "1", "xsd:boolean"),
            self._text("ConnReqXMPPConnection", row.rstrip(".")),
            self._text("ConnReqAllowedJabberIDs", xmpp.allowed),
        ]
        answer = yield self._setting(group)
        if isinstance(answer, SetParameterValuesResponse):
            self._done.append("xmpp")
        else:
            self._note(answer)

    def _watch(self) -> _Steps:
        """A model may refuse to tell at once; it is asked in each session anyway."""
        watched = [name for name in _WATCHED if name in self._names]
        if watched:
            server = f"{self._root}ManagementServer."
            yield SetParameterAttributes(
                tuple(SetParameterAttributesStruct(server + name, True, _ACTIVE, False, ()) for name in watched)
            )

    def _groups(self) -> dict[str, Group]:
        settings, has = self._settings, self._names
        groups: dict[str, Group] = {
            "credentials": (
                self._text("ConnectionRequestUsername", settings.credentials.username),
                self._text("ConnectionRequestPassword", settings.credentials.secret),
            )
        }
        if settings.periodic_inform_s:
            groups["periodic"] = (
                self._value("PeriodicInformEnable", "1", "boolean"),
                self._value("PeriodicInformInterval", str(settings.periodic_inform_s), "unsignedInt"),
            )
        if settings.stun is not None and "STUNEnable" in has:
            groups["stun"] = self._stun_group()
        if settings.lightweight is not None and "LightweightNotificationProtocolsUsed" in has:
            groups["lightweight"] = (
                self._text("LightweightNotificationProtocolsUsed", "UDP"),
                self._text("UDPLightweightNotificationHost", settings.lightweight.host),
                self._value("UDPLightweightNotificationPort", str(settings.lightweight.port), "unsignedInt"),
            )
        return groups

    def _stun_group(self) -> Group:
        stun = self._settings.stun
        assert stun is not None
        period = str(stun.keep_alive_s)
        wanted = [self._text("STUNUsername", stun.username), self._text("STUNPassword", stun.password)]
        if stun.enable:
            wanted += [
                self._value("STUNServerPort", str(stun.port), "unsignedInt"),
                self._value("STUNMinimumKeepAlivePeriod", period, "unsignedInt"),
                self._value("STUNMaximumKeepAlivePeriod", period, "int"),
                self._value("STUNEnable", "1", "boolean"),
            ]
        if stun.enable and stun.server:
            wanted.append(self._text("STUNServerAddress", stun.server))
        return tuple(p for p in wanted if p.name.rpartition(".")[2] in self._names)

    def _setting(self, values: Iterable[ParameterValueStruct]) -> Message:
        return SetParameterValues(parameter_list=tuple(values), parameter_key=self._key)

    def _text(self, leaf: str, value: str) -> ParameterValueStruct:
        return self._value(leaf, value, "string")

    def _value(self, leaf: str, value: str, kind: str) -> ParameterValueStruct:
        return ParameterValueStruct(f"{self._root}ManagementServer.{leaf}", value, f"xsd:{kind}")

    def _note(self, answer: Message) -> None:
        self.faults.append(answer if isinstance(answer, SoapFault) else SoapFault(fault_string="no answer to it"))
