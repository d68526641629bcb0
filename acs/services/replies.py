"""What the ACS answers to a request of a CPE: always yes, because a refusal makes some CPEs ask for ever."""

from collections.abc import Callable, Mapping
from typing import Final

from acs.cwmp.messages import (
    AutonomousDUStateChangeComplete,
    AutonomousDUStateChangeCompleteResponse,
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    DUStateChangeComplete,
    DUStateChangeCompleteResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Kicked,
    KickedResponse,
    Message,
    RequestDownload,
    RequestDownloadResponse,
    SoapFault,
    TransferComplete,
    TransferCompleteResponse,
    rpc_name,
)
from acs.cwmp.versions import ACS_METHODS

_REPLIES: Final[Mapping[type[Message], Callable[[], Message]]] = {
    GetRPCMethods: lambda: GetRPCMethodsResponse(method_list=ACS_METHODS),
    TransferComplete: TransferCompleteResponse,
    AutonomousTransferComplete: AutonomousTransferCompleteResponse,
    DUStateChangeComplete: DUStateChangeCompleteResponse,
    AutonomousDUStateChangeComplete: AutonomousDUStateChangeCompleteResponse,
    RequestDownload: RequestDownloadResponse,
}


def reply_to(request: Message) -> Message:
    """The response to a CPE's request; fault 8000 to one that an ACS does not know."""
    if isinstance(request, Kicked):
        return KickedResponse(next_url(request))
    make = _REPLIES.get(type(request))
    return make() if make is not None else SoapFault(8000, f"{rpc_name(request)} is not supported")


def next_url(kicked: Kicked) -> str:
    """Where the user's browser goes after a kick: where the device wants it, if that is a web page."""
    return kicked.next if kicked.next.startswith(("http://", "https://", "/")) else ""
