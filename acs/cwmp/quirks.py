"""Named deviations of real CPEs that a profile may switch on. What is harmless is tolerated always and is not here.

The one rule: a quirk is data. Each has a description, the evidence for it, and exactly one place that honours it, named
in `honoured_by`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Quirk(StrEnum):
    """The names that a profile uses."""

    NO_XML_DECLARATION = "no_xml_declaration"
    BOOLEAN_WORDS = "boolean_words"
    BOOLEAN_DIGITS = "boolean_digits"
    LINE_BREAKS = "line_breaks"
    NO_PARAMETER_KEY = "no_parameter_key"
    OMIT_EMPTY_ARGUMENTS = "omit_empty_arguments"
    NONCE_COUNT_FIXED = "nonce_count_fixed"
    EMPTY_ANSWER = "empty_answer"
    SINGLE_NAMES = "single_names"
    FEW_NAMES = "few_names"


#: A CPE that does as the standard says.
NO_QUIRKS: Final[frozenset[Quirk]] = frozenset()


@dataclass(frozen=True, slots=True)
class QuirkInfo:
    """What a quirk changes, where it was seen, and which room of ours honours it."""

    description: str
    evidence: str
    honoured_by: str


QUIRKS: Final[Mapping[Quirk, QuirkInfo]] = MappingProxyType(
    {
        Quirk.NO_XML_DECLARATION: QuirkInfo(
            "Messages to the CPE begin without <?xml …?>; its parser breaks on it.",
            "seen with two running open-source CPE clients; another vendor's CPEs need the declaration",
            "codec",
        ),
        Quirk.BOOLEAN_WORDS: QuirkInfo(
            "Booleans are written true and false; without it arguments are 1 and 0, and values as given.",
            "field reports of values that must be words",
            "codec",
        ),
        Quirk.BOOLEAN_DIGITS: QuirkInfo(
            "Boolean parameter values are written 1 and 0, also where the caller wrote true and false.",
            "field report: SetParameterValues refused with words",
            "codec",
        ),
        Quirk.LINE_BREAKS: QuirkInfo(
            "Every element starts on a line of its own; without it there is no white space between elements.",
            "an older ACS carries a prettyprint switch for such CPEs",
            "codec",
        ),
        Quirk.NO_PARAMETER_KEY: QuirkInfo(
            "SetParameterValues, AddObject and DeleteObject are sent without ParameterKey, which breaks the parser.",
            "seen with a running client",
            "codec",
        ),
        Quirk.OMIT_EMPTY_ARGUMENTS: QuirkInfo(
            "Empty text arguments of Download and Upload are left out; sent empty they are refused with 9002.",
            "seen with a running open-source CPE client; others need every argument",
            "codec",
        ),
        Quirk.NONCE_COUNT_FIXED: QuirkInfo(
            "The digest nonce count always says 00000001, so that it is not compared with the one before.",
            "seen with running clients",
            "server",
        ),
        Quirk.EMPTY_ANSWER: QuirkInfo(
            "An empty POST in the place of an answer is a refusal also where the RPC may happen all the same, such as "
            "Reboot; for all other RPCs it is one always.",
            "seen with a running client (SetParameterAttributes)",
            "session",
        ),
        Quirk.SINGLE_NAMES: QuirkInfo(
            "GetParameterValues asks for one name at a time: one unknown name makes a longer call fail.",
            "field reports",
            "operations",
        ),
        Quirk.FEW_NAMES: QuirkInfo(
            "GetParameterValues asks for at most 20 names at a time; more give 9002 or a crash.",
            "field reports; a crash was seen with a running client",
            "operations",
        ),
    }
)
