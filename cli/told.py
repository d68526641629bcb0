"""Words of the core in the language of the command line: what is wrong with a file, read without a server."""

from cli.texts import language


def told(text: str) -> str:
    """A text of the core in the language in use, line by line; one that is not ours stays as it is."""
    from acs.services.translation import translated

    return translated(text, language())
