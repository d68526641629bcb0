"""Serial numbers as CPEs, access nodes and people write them. Pure."""


def serial_forms(serial: str) -> tuple[str, ...]:
    """The spellings of one serial number: as sent, and a PON serial with its vendor in letters instead of hex.

    Example: 414243441A2B3C4D is ABCD1A2B3C4D (ITU-T G.984.3: four letters of the vendor, four octets of number).
    """
    forms = [serial]
    if len(serial) == 16:
        try:
            vendor = bytes.fromhex(serial[:8]).decode("ascii")
        except (ValueError, UnicodeDecodeError):
            vendor = ""
        if vendor.isalnum():
            forms.append(vendor + serial[8:].upper())
    return tuple(forms)
