"""Codec cost against lxml's bare C parse, in the same run: `python bench/codec.py`.

The aims: an Inform of 4 KB at most 2.5 times, a GetParameterValuesResponse of 3 000 parameters at most 3 times. Ratios
are of CPU time, of the best rounds, taken in turns, because absolute times move with the neighbours.
"""

import time
from collections.abc import Callable
from functools import partial

from lxml import etree

from acs.cwmp.messages import (
    GetParameterNamesResponse,
    GetParameterValuesResponse,
    Inform,
    InformResponse,
    TransferCompleteResponse,
)
from acs.cwmp.shapes import Shapes
from acs.cwmp.soap import NS_1_2, Decoder, Envelope, decode, encode
from acs.cwmp.structs import DeviceId, EventStruct, ParameterInfoStruct, ParameterValueStruct

PATH = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.{}.WANPPPConnection.1.Stats.EthernetBytesSent"
CHUNK = 64 * 1024


def values(count: int) -> tuple[ParameterValueStruct, ...]:
    return tuple(ParameterValueStruct(PATH.format(i), str(i * 37), "xsd:unsignedInt") for i in range(count))


def inform() -> bytes:
    device = DeviceId("ACME", "001122", "ONT", "ABC0123456789")
    return encode(Envelope(Inform(device, (EventStruct("2 PERIODIC", ""),), parameter_list=values(17)), "42", NS_1_2))


def best_us(functions: dict[str, Callable[[], object]], rounds: int, number: int) -> dict[str, float]:
    """Microseconds per call: the best round of each, all of them measured in turns."""
    best = dict.fromkeys(functions, float("inf"))
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.thread_time()
            for _ in range(number):
                function()
            best[name] = min(best[name], (time.thread_time() - start) / number * 1e6)
    return best


def incremental(body: bytes) -> float:
    """The longest single step in milliseconds of decoding a body in chunks."""
    longest = 0.0
    decoder = Decoder()
    for start in range(0, len(body), CHUNK):
        begun = time.thread_time()
        decoder.feed(body[start : start + CHUNK])
        longest = max(longest, time.thread_time() - begun)
    steps = decoder.steps()
    while True:
        begun = time.thread_time()
        ended = next(steps, "end") == "end"
        longest = max(longest, time.thread_time() - begun)
        if ended:
            return longest * 1000


def report(name: str, body: bytes, rounds: int, number: int, limit: float | None) -> None:
    best = best_us({"parse": lambda: etree.fromstring(body), "decode": lambda: decode(body)}, rounds, number)
    ratio = best["decode"] / best["parse"]
    aim = f"  (aim: at most {limit})" if limit else ""
    print(
        f"{name:42} {len(body):>9} B  parse {best['parse']:9.1f} us  decode {best['decode']:9.1f} us  x{ratio:.2f}{aim}"
    )


def report_known(body: bytes) -> None:
    """An Inform whose shape came before, as most of a fleet's are."""
    known = Shapes()
    best = best_us({"parse": lambda: etree.fromstring(body), "read": lambda: known.decode(body)}, 60, 50)
    print(f"{'the same, of a known shape':42} {len(body):>9} B  read {best['read']:.1f} us  "
          f"x{best['read'] / best['parse']:.2f}")  # fmt: skip


def main() -> None:
    report("Inform, 17 parameters", inform(), 60, 50, 2.5)
    report_known(inform())
    large = encode(Envelope(GetParameterValuesResponse(values(3000)), "42", NS_1_2))
    report("GetParameterValuesResponse, 3 000", large, 15, 1, 3.0)
    names = tuple(ParameterInfoStruct(PATH.format(i), i % 2 == 0) for i in range(14_000))
    tree = encode(Envelope(GetParameterNamesResponse(names), "42", NS_1_2))
    report("GetParameterNamesResponse, 14 000", tree, 5, 1, None)
    for name, body in (("3 000 values", large), ("14 000 names", tree)):
        print(f"longest step of the incremental decoder, {name}: {min(incremental(body) for _ in range(5)):.1f} ms")
    for answer in (InformResponse(), TransferCompleteResponse()):
        envelope = Envelope(answer, "42", NS_1_2)
        best = best_us({"encode": partial(encode, envelope)}, 30, 500)
        print(f"encode {type(answer).__name__}: {best['encode']:.2f} us")


if __name__ == "__main__":
    main()
