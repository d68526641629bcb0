"""Requests that restart the CPE: one RPC, and evidence decides afterwards."""

from acs.cwmp.messages import Message, Reboot, SoapFault
from acs.services.plans.base import Outcome, Reads, refused


class RebootPlan:
    """One Reboot; whether it happened is for `reboot_evidence` to say, not for the answer."""

    def __init__(self, command_key: str) -> None:
        self.reads = Reads()
        self._request: Message | None = Reboot(command_key=command_key)
        self._fault: SoapFault | None = None

    def request(self) -> Message | None:
        """The Reboot, once."""
        request, self._request = self._request, None
        return request

    def take(self, answer: Message) -> None:
        """RebootResponse, or the fault that refuses it."""
        self._fault = answer if isinstance(answer, SoapFault) else None

    def outcome(self) -> Outcome:
        """Failed on a fault; otherwise the CPE only promised it."""
        return refused("Reboot", self._fault) if self._fault else Outcome(True, "the CPE answered")
