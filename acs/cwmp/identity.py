"""Who a device is: the device key, and the usernames that stand for a device.

A device key is OUI-ProductClass-SerialNumber with each part percent-encoded, or OUI-SerialNumber when the product class
is empty. The parts are kept in the letter case that the CPE sent.

Source: TR-069 Amendment 6, §3.4.4.
"""

from typing import NewType
from urllib.parse import unquote

from acs.cwmp.structs import DeviceId

#: OUI-ProductClass-SerialNumber, percent-encoded: the key of a device everywhere in the product.
DeviceKey = NewType("DeviceKey", str)

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_ENCODED = tuple(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in range(256))


def device_key(device_id: DeviceId) -> DeviceKey:
    """The key of a device, such as "001122-Set%2DTop%2DBox-0123456789"."""
    oui, product_class, serial_number = device_id.oui, device_id.product_class, device_id.serial_number
    parts = (oui, product_class, serial_number) if product_class else (oui, serial_number)
    return DeviceKey("-".join([percent_encode(part) for part in parts]))


def percent_encode(part: str) -> str:
    """Encode all but ASCII letters, digits and underscore as %XX of UTF-8; lone surrogates become "?"."""
    if part.isascii() and part.isalnum():
        return part
    return "".join([_ENCODED[byte] for byte in part.encode("utf-8", "replace")])


def names_device(username: str, device_id: DeviceId) -> bool:
    """Whether a username is one of the two forms that the standard gives this device.

    Letter case is not compared, and any character may be percent-encoded.
    """
    forms = (device_key(device_id), device_key(DeviceId(oui=device_id.oui, serial_number=device_id.serial_number)))
    raw = tuple(unquote(form) for form in forms)
    known = {form.casefold() for form in (*forms, *raw)}
    return username.casefold() in known or unquote(username).casefold() in known
