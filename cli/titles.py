"""What fields of an answer are called for a person. The rule: --json has the names, the screen has these titles."""

from collections.abc import Iterable

from cli import output
from cli.texts import N_, _

#: field of the API → what stands before its value
TITLES = {
    "account": N_("account"),
    "actor": N_("asked by"),
    "address": N_("address"),
    "behind_nat": N_("behind NAT"),
    "cable_length_m": N_("cable, m"),
    "created_at": N_("created"),
    "created_by": N_("created by"),
    "deadline_at": N_("expires"),
    "detail": N_("detail"),
    "device": N_("device"),
    "device_serials": N_("serials of its devices"),
    "file_type": N_("type"),
    "finished_at": N_("ended"),
    "frame": N_("frame"),
    "gpon_serial": N_("PON serial"),
    "id": N_("id"),
    "jabber_id": N_("XMPP address"),
    "kind": N_("kind"),
    "line": N_("line"),
    "methods": N_("woken by"),
    "models": N_("models"),
    "name": N_("name"),
    "node": N_("node"),
    "note": N_("note"),
    "ont": N_("ONT"),
    "operation": N_("operation"),
    "port": N_("port"),
    "pppoe_login": N_("PPPoE login"),
    "reason": N_("reason"),
    "result": N_("result"),
    "services": N_("services"),
    "sha256": N_("SHA-256"),
    "size_bytes": N_("size, bytes"),
    "slot": N_("slot"),
    "splitter": N_("splitter"),
    "state": N_("state"),
    "stun_address": N_("STUN address"),
    "stun_seen_at": N_("STUN heard"),
    "technology": N_("technology"),
    "udp_address": N_("UDP address"),
    "version": N_("version"),
}
#: state of an operation → what a person reads
STATES = {
    "queued": N_("queued"),
    "sent": N_("sent to the device"),
    "unknown": N_("it is not known whether the RPC arrived"),
    "succeeded": N_("succeeded"),
    "failed": N_("failed"),
    "expired": N_("expired"),
    "cancelled": N_("cancelled"),
}


def titled(fields: Iterable[tuple[str, object]]) -> list[tuple[str, object]]:
    """Fields as they are shown: titles for names, moments and states in words; empty ones are left out."""
    return [(title(name), _value(name, value)) for name, value in fields if value not in (None, "", [], ())]


def title(name: str) -> str:
    """What a field is called; its own name where it has no other."""
    return _(TITLES[name]) if name in TITLES else name


def _value(name: str, value: object) -> object:
    if name.endswith("_at"):
        return output.instant(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if name == "state" and value in STATES:
        return _(STATES[str(value)])
    return value
