"""The connection request over XMPP: an IQ to the device's Jabber ID, and the meaning of the answer.

The one rule: the IQ carries the connection-request password in clear, so the messenger speaks TLS only.

Source: TR-069 Amendment 6 Annex K.2.
"""

from collections.abc import Sequence

from acs.config import XmppSection
from acs.services.waking.methods import Attempt, CallFailed, Messenger, Method, Result, XmppReply
from acs.services.waking.reach import Reach
from acs.store.records import Credentials


class XmppMethod:
    """Calls a CPE's ConnReqJabberID."""

    def __init__(self, messenger: Messenger, config: XmppSection) -> None:
        self._messenger = messenger
        self._config = config

    async def call(self, reach: Reach, credentials: Sequence[Credentials]) -> Attempt:
        """Ask with each password that the CPE may have until one is taken."""
        if not credentials:
            return _attempt(
                Result.UNAUTHORIZED, "no password for it was set on the CPE yet; it is set in its next session"
            )
        domain = self._config.domain or (self._config.jid or "").rpartition("@")[2]
        if reach.jabber_id.partition("/")[0].rpartition("@")[2].lower() != domain.lower():
            text = f"{reach.jabber_id} was not asked: its domain is not {domain}, which xmpp.domain names"
            return _attempt(Result.NOT_ALLOWED, text)
        attempt = _attempt(Result.FAILED, "nothing was asked")
        for each in credentials:
            try:
                reply = await self._messenger.ask(reach.jabber_id, each.username, each.secret, self._config.timeout_s)
            except CallFailed as error:
                return _attempt(error.result, f"{reach.jabber_id}: {error}")
            attempt = judge(reply, reach.jabber_id)
            if attempt.result is not Result.UNAUTHORIZED:
                break
        return attempt


def judge(reply: XmppReply, jid: str) -> Attempt:
    """The meaning of an answer."""
    match reply.condition:
        case "result":
            return _attempt(Result.ACCEPTED, "the CPE accepted the connection request", "result")
        case "not-authorized" | "not-autorized":
            text = "the CPE refused the credentials: it has others; they are set again in its next session"
            return _attempt(Result.UNAUTHORIZED, text, reply.condition)
        case "service-unavailable" if reply.repeated:
            text = "the CPE is busy (service-unavailable): it is in a session, or limits the rate"
            return _attempt(Result.BUSY, text, reply.condition)
        case "service-unavailable" | "recipient-unavailable" | "item-not-found" | "remote-server-not-found":
            text = f"{jid} is not connected to the XMPP server: the device is off, or cut off"
            return _attempt(Result.OFFLINE, text, reply.condition)
    return _attempt(Result.FAILED, f"{jid} answered with the error {reply.condition}", reply.condition)


def _attempt(result: Result, explanation: str, answer: str = "") -> Attempt:
    return Attempt(result, explanation, Method.XMPP, answer=answer)
