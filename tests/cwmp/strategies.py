"""Hypothesis strategies: any message that can be written, by the same plans that the codec walks."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from acs.cwmp.messages import MESSAGES, InformResponse, Message, SoapFault
from acs.cwmp.schema import PLANS, FieldPlan, Kind
from acs.cwmp.soap import NAMESPACES, Envelope
from acs.cwmp.structs import ParameterValueStruct, SetParameterValuesFault
from acs.cwmp.types import STRING

_XML = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="￾￿")
VERBATIM = st.text(_XML | st.sampled_from("\t\n\r<>&\"'"), max_size=20)
STRIPPED = VERBATIM.map(str.strip)
INSTANTS = st.none() | st.datetimes(datetime(2, 1, 2), datetime(9998, 12, 30)).map(lambda at: at.replace(tzinfo=UTC))
_TYPES = ("xsd:int", "xsd:unsignedInt", "xsd:boolean", "xsd:dateTime", "xsd:base64Binary", "xsd:hexBinary")


def parameter_values() -> st.SearchStrategy[ParameterValueStruct]:
    return st.builds(ParameterValueStruct, STRIPPED, VERBATIM, st.just(STRING)) | st.builds(
        ParameterValueStruct, STRIPPED, STRIPPED, st.sampled_from(_TYPES)
    )


def _scalar(field: FieldPlan) -> st.SearchStrategy[Any]:
    match field.kind:
        case Kind.TEXT:
            text = VERBATIM if field.verbatim else STRIPPED
            return st.none() | text if field.optional else text
        case Kind.INTEGER:
            return st.integers(-(2**31), 2**32)
        case Kind.BOOLEAN:
            return st.booleans()
        case _:
            return INSTANTS


def _values(field: FieldPlan) -> st.SearchStrategy[Any]:
    match field.kind:
        case Kind.STRUCT:
            return instances(field.classes[0])
        case Kind.STRUCTS | Kind.REPEATED:
            return st.lists(st.one_of([instances(cls) for cls in field.classes]), max_size=4).map(tuple)
        case Kind.STRINGS:
            return st.lists(STRIPPED, max_size=4).map(tuple)
        case Kind.BLOBS:
            return st.lists(st.binary(max_size=20), max_size=4).map(tuple)
        case _:
            return _scalar(field)


def instances(cls: type) -> st.SearchStrategy[Any]:
    if cls is ParameterValueStruct:
        return parameter_values()
    if cls is InformResponse:
        return st.just(InformResponse())
    return st.builds(cls, **{field.attribute: _values(field) for field in PLANS[cls].fields})


def faults() -> st.SearchStrategy[SoapFault]:
    return st.builds(
        SoapFault,
        st.integers(0, 9999),
        VERBATIM,
        st.sampled_from(("Client", "Server")),
        st.lists(instances(SetParameterValuesFault), max_size=3).map(tuple),
    )


def messages() -> st.SearchStrategy[Message]:
    return st.one_of([instances(cls) for cls in MESSAGES.values()] + [faults()])


def envelopes(message: st.SearchStrategy[Message] | None = None) -> st.SearchStrategy[Envelope]:
    return st.builds(
        Envelope,
        message if message is not None else messages(),
        st.none() | STRIPPED,
        st.sampled_from(NAMESPACES),
        st.booleans(),
        st.none() | st.integers(1, 2**31),
        st.lists(st.sampled_from(("1.0", "1.1", "1.2", "1.3", "1.4")), max_size=5).map(tuple),
        st.none() | st.sampled_from(("1.0", "1.4")),
    )
