"""How a CPE can be woken besides by a GET: its UDP and XMPP doors, run as its tree says.

The rule: the ACS sets the tree, the doors follow it after each session; what they learn goes into the tree and is told.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from cli.simulator.nat import Address
from cli.simulator.tree import Tree
from cli.simulator.udp_bell import StunClient, UdpBell, address_text
from cli.simulator.xmpp_bell import XmppBell, XmppClient

#: what a device behind NAT believes its address to be
PRIVATE_URL = "http://192.168.100.2:7547/cwmp"


@dataclass(slots=True)
class Surroundings:
    """Where a device stands in the network."""

    #: behind a NAT: its connection request URL names a private address that nobody outside can call
    behind_nat: bool = False
    #: its STUN client speaks RFC 5389; without, RFC 3489
    stun_cookie: bool = True
    #: where it finds the XMPP server, in the place of DNS; None: it has no XMPP
    xmpp: tuple[str, int] | None = None
    xmpp_tls: ssl.SSLContext | None = None


class Doors:
    """The doors of one device. `tree` gives its tree, `tell` reports what changed in it."""

    def __init__(
        self,
        tree: Callable[[], Tree],
        surroundings: Surroundings,
        credentials: Callable[[], tuple[str, str]],
        ring: Callable[[], None],
        tell: Callable[[], None],
        *,
        host: str,
    ) -> None:
        self._tree = tree
        self._surroundings = surroundings
        self._tell = tell
        self._host = host
        self.udp = UdpBell(credentials, ring, host=host, nat=surroundings.behind_nat)
        self.udp.moved = self._moved
        self.xmpp = XmppBell(credentials, ring)
        self.xmpp.bound = self._bound

    def follow(self) -> None:
        """Open and close them as the tree says now."""
        self._use_stun()
        self._use_xmpp()

    def close(self) -> None:
        """Close them, as a device without power does."""
        self.udp.close()
        self.xmpp.close()

    def _moved(self, address: Address) -> None:
        """The STUN server says where the device is seen."""
        tree = self._tree()
        server = f"{tree.root}ManagementServer."
        if f"{server}UDPConnectionRequestAddress" in tree:
            tree.put(f"{server}UDPConnectionRequestAddress", address_text(address))
            tree.put(f"{server}NATDetected", "true" if self._surroundings.behind_nat else "false")
            self._tell()

    def _bound(self, jabber_id: str) -> None:
        """The XMPP server gave it a full Jabber ID."""
        tree = self._tree()
        tree.put(f"{tree.root}ManagementServer.ConnReqJabberID", jabber_id)
        self._tell()

    def _use_stun(self) -> None:
        tree = self._tree()
        server = f"{tree.root}ManagementServer."
        if f"{server}STUNEnable" not in tree or tree.value(f"{server}STUNEnable") not in ("1", "true"):
            self.udp.use(None)
            return
        host = tree.value(f"{server}STUNServerAddress") or self._host
        client = StunClient(
            (host, int(tree.value(f"{server}STUNServerPort") or 3478)),
            tree.value(f"{server}STUNUsername"),
            tree.value(f"{server}STUNPassword"),
            float(tree.value(f"{server}STUNMinimumKeepAlivePeriod") or 30),
            self._surroundings.stun_cookie,
        )
        self.udp.use(client)

    def _use_xmpp(self) -> None:
        tree, place = self._tree(), self._surroundings.xmpp
        server = f"{tree.root}ManagementServer."
        name = f"{server}ConnReqXMPPConnection"
        row = tree.value(name) if place and name in tree else ""
        if not row or place is None or f"{row}.Username" not in tree:
            self.xmpp.use(None)
            return
        self.xmpp.tls = self._surroundings.xmpp_tls
        username, password, domain, resource = (
            tree.value(f"{row}.{leaf}") for leaf in ("Username", "Password", "Domain", "Resource")
        )
        allowed = tree.value(f"{server}ConnReqAllowedJabberIDs")
        client = XmppClient(place, username, password, domain, resource, allowed)
        self.xmpp.use(client)
