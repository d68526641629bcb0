"""GetRPCMethods by itself, before an RPC that the device may lack."""

from acs.cwmp.messages import GetRPCMethods, Message
from acs.services.plans.base import Outcome, Reads


class MethodsPlan:
    """One GetRPCMethods, of no operation; `answer` is what came."""

    def __init__(self) -> None:
        self.reads = Reads()
        self.answer: Message | None = None
        self._request: Message | None = GetRPCMethods()

    def request(self) -> Message | None:
        """The GetRPCMethods, once."""
        request, self._request = self._request, None
        return request

    def take(self, answer: Message) -> None:
        """The list, or a fault."""
        self.answer = answer

    def outcome(self) -> Outcome:
        """Nothing depends on it."""
        return Outcome(True)
