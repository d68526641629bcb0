"""Messages of real devices are read; what cannot be read is named here, with the reason."""

import re
from pathlib import Path

import pytest

from acs.cwmp.messages import Inform, rpc_name
from acs.cwmp.session import Role, Session
from acs.cwmp.soap import Decoder, Envelope, decode
from acs.errors import ProtocolError
from tests.cwmp.test_session import NOW
from tests.shared_data import SHARED, shared

CAPTURES = "data/captures"
#: Fragments that their sources cut short: no envelope, or no end.
FRAGMENTS = {
    "avm-fritzbox-inform-heise.txt",
    "huawei-hg-gpvr-wps.part.xml",
    "mikrotik-gpvr-mustunderstand-wrong-ns.part.xml",
    "mikrotik-rb2011-inform-transfer.part.xml",
}
#: File → envelopes in it, where there is more than one.
TRACES = {
    "alcatel-9365-autonomousdustatechangecomplete.http": 3,
    "alcatel-9365-autonomoustransfercomplete.http": 5,
    "alcatel-9365-getoptionsresponse.http": 3,
    "alcatel-9365-getrpcmethods.http": 5,
    "alcatel-9365-nomorerequests.http": 3,
    "baicells-pbs31010-session1-acs.http": 4,
    "baicells-pbs31010-session1-cpe.http": 4,
    "baicells-pbs31010-session2-acs.http": 6,
    "baicells-pbs31010-session2-cpe.http": 6,
    "baicells-pbs31010-session3-acs.http": 4,
    "baicells-pbs31010-session3-cpe.http": 4,
}
_ENVELOPE = re.compile(rb"(?:<\?xml[^>]*\?>\s*)?<(?:[\w-]+:)?Envelope\b.*?</(?:[\w-]+:)?Envelope\s*>", re.DOTALL)
FILES = sorted(path.name for path in (SHARED / CAPTURES).glob("*") if path.suffix in (".xml", ".http", ".txt"))


def bodies(name: str) -> list[bytes]:
    raw = shared(f"{CAPTURES}/{name}").read_bytes()
    if "chunked" in name:
        raw = _dechunked(raw)
    return [raw] if Path(name).suffix == ".xml" else [found[0] for found in _ENVELOPE.finditer(raw)]


def _dechunked(raw: bytes) -> bytes:
    rest, body = raw.partition(b"\r\n\r\n")[2], b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.strip() or b"0", 16)
        if not length:
            return body
        body, rest = body + rest[:length], rest[length:].removeprefix(b"\r\n")


def test_the_captures_are_there() -> None:
    shared(CAPTURES)
    assert len(FILES) > 60
    assert set(FILES) >= FRAGMENTS


@pytest.mark.parametrize("name", [name for name in FILES if name not in FRAGMENTS])
def test_a_real_message_is_read_whole_and_in_pieces(name: str) -> None:
    found = bodies(name)
    assert len(found) == TRACES.get(name, 1)
    for body in found:
        envelope = decode(body)
        assert isinstance(envelope, Envelope)
        decoder = Decoder()
        for start in range(0, len(body), 500):
            decoder.feed(body[start : start + 500])
        assert decoder.finish() == envelope
        if isinstance(envelope.message, Inform):
            assert all((envelope.message.device_id.oui, envelope.message.device_id.serial_number))
            assert Session.new("s", Role.ACS, NOW).receive_envelope(envelope).device
        if "fault" in name:
            assert rpc_name(envelope.message) == "Fault"


@pytest.mark.parametrize("name", sorted(FRAGMENTS))
def test_a_fragment_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError):
        decode(shared(f"{CAPTURES}/{name}").read_bytes())


def inform(name: str) -> Inform:
    envelope = decode(bodies(name)[0])
    assert envelope is not None
    assert isinstance(envelope.message, Inform)
    return envelope.message


def test_what_is_odd_in_them_is_read_as_it_is_meant() -> None:
    assert inform("cytco-bcm-inform-badtime.xml").current_time is None
    assert inform("cytco-bcm-inform-badtime.xml").retry_count == 942
    assert inform("thomson-st780-inform-magma.xml").retry_count == 5
    assert inform("mikrotik-haplite-inform.http").device_id.oui
    assert inform("alcatel-9365-nomorerequests.http").device_id.manufacturer == "Alcatel"
    assert inform("alcatel-9365-nomorerequests.http").event
    assert "/" in inform("baicells-s1-0-inform.xml").device_id.product_class
