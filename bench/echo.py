"""The yardstick: a bare twisted.web server that answers both posts of a periodic session and does nothing else.

    python -m bench.echo            prints "port N" and serves on 127.0.0.1 until it is told to stop

A post with a body is read and answered 200 with bytes as long as an InformResponse; an empty post is answered 204.
It runs on Twisted's default reactor (epoll), without an access log: as cheap as twisted.web gets.
"""

from typing import Any

from twisted.internet import epollreactor

epollreactor.install()  # type: ignore[no-untyped-call] # Twisted has no type here

from twisted.internet import reactor as installed  # noqa: E402 - only now it is the one installed above
from twisted.web import http  # noqa: E402
from twisted.web.resource import Resource  # noqa: E402
from twisted.web.server import Request, Site  # noqa: E402

#: As long as the answer that a server sends: an envelope with an ID header and MaxEnvelopes.
INFORM_RESPONSE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"'
    b' xmlns:soap-enc="http://schemas.xmlsoap.org/soap/encoding/"'
    b' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    b' xmlns:cwmp="urn:dslforum-org:cwmp-1-0"><soap-env:Header>'
    b'<cwmp:ID soap-env:mustUnderstand="1">0000000000</cwmp:ID>'
    b"</soap-env:Header><soap-env:Body><cwmp:InformResponse><MaxEnvelopes>1</MaxEnvelopes></cwmp:InformResponse>"
    b"</soap-env:Body></soap-env:Envelope>"
)


class Echo(Resource):
    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        if request.content is None or not request.content.read():
            request.setResponseCode(204)
            return b""
        request.responseHeaders.setRawHeaders(b"Content-Type", [b'text/xml; charset="utf-8"'])
        return INFORM_RESPONSE


class Quiet(Site):
    def log(self, request: http.Request) -> None:
        """No access log: it would cost the yardstick 100 µs a post."""


def main() -> None:
    reactor: Any = installed  # Twisted's types take it for a class
    echo = Quiet(Echo())  # type: ignore[no-untyped-call] # Twisted has no type here
    listening = reactor.listenTCP(0, echo, backlog=1024, interface="127.0.0.1")
    print(f"port {listening.getHost().port}", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
