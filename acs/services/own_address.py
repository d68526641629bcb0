"""This host's own address on the way to another one: what that one can call us by when nothing better is configured."""

import socket
from contextlib import suppress
from ipaddress import ip_address


def own_address(towards: str) -> str:
    """The local address from which this host would speak to `towards`; empty when there is no way. Nothing is sent."""
    plain = towards.partition("%")[0]
    try:
        family = socket.AF_INET6 if ip_address(plain).version == 6 else socket.AF_INET
    except ValueError:
        return ""
    with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asker:
        asker.connect((plain, 9))
        return str(asker.getsockname()[0])
    return ""
