"""Texts against patterns, as every file of ours writes them: `*` at will, without regard to case. Pure."""

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase


def like(text: str, patterns: Iterable[str]) -> bool:
    """Whether a text is like one of the patterns."""
    lower = text.lower()
    return any(fnmatchcase(lower, pattern.lower()) for pattern in patterns)


def none_or_like(texts: Iterable[str], patterns: Collection[str]) -> bool:
    """Whether one of the texts is like one of the patterns; where there are no patterns, everything is."""
    return not patterns or any(like(text, patterns) for text in texts)


def tagged(tags: Collection[str], wanted: Iterable[str], unwanted: Collection[str]) -> bool:
    """Whether every wanted pattern has a tag, and no tag is like an unwanted one."""
    return all(any(like(tag, (pattern,)) for tag in tags) for pattern in wanted) and not any(
        like(tag, unwanted) for tag in tags
    )
