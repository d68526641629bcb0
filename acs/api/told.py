"""Texts of answers that are ours and say what became of something: each in the language of who asks.

The rule of this file: what is stored is English, and nothing but an answer of the API is translated.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from acs.api.language import current
from acs.services.translation import translated


def told(text: str) -> str:
    """A text in the language of the request that is being answered."""
    return translated(text, current())


#: a field of an answer that holds such a text
Told = Annotated[str, AfterValidator(told)]


def told_within(value: Any, keys: frozenset[str], language: str | None = None) -> Any:
    """A document with the texts under these keys in a language, at any depth; None: that of the request."""
    wanted = language or current()
    if wanted == "en":
        return value
    if isinstance(value, Mapping):
        return {
            key: translated(inner, wanted)
            if key in keys and isinstance(inner, str)
            else told_within(inner, keys, wanted)
            for key, inner in value.items()
        }
    return [told_within(inner, keys, wanted) for inner in value] if isinstance(value, list) else value
