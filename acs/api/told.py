"""Texts of answers that are ours and say what became of something: each in the language of who asks.

The rule of this file: what is stored is English; what leaves us is translated as it leaves, here an answer of the API.
"""

from typing import Annotated, Any

from pydantic import AfterValidator

from acs.api.language import current
from acs.services.translation import translated, translated_within


def told(text: str) -> str:
    """A text in the language of the request that is being answered."""
    return translated(text, current())


#: a field of an answer that holds such a text
Told = Annotated[str, AfterValidator(told)]


def told_within(value: Any, keys: frozenset[str], language: str | None = None) -> Any:
    """A document with the texts under these keys in a language, at any depth; None: that of the request."""
    return translated_within(value, keys, language or current())
