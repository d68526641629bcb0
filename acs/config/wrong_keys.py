"""What is wrong with a key of a file, in a line: the key, what is wrong, what to do. Pure."""

from typing import Any


def place_of(item: dict[str, Any]) -> tuple[str | int, ...]:
    """Where an error of pydantic lies: names of keys and positions in lists."""
    return tuple(part for part in item["loc"] if not (isinstance(part, str) and part.startswith("function-")))


def told(item: dict[str, Any], place: tuple[str | int, ...], unknown: str, *, shown: bool = True) -> str:
    """An error of pydantic for whoever wrote the file.

    `place` is what is named of its place, `unknown` the remedy of a key that there is not; `shown`: the wrong value is
    no secret and may be told.
    """
    key = ".".join(map(str, place)) or "file"
    match item["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key; {unknown}"
        case "missing":
            return f"{key}: missing; write it"
        case "value_error":
            return f"{key}: {item['ctx']['error']}"
    said = item["msg"][0].lower() + item["msg"][1:]
    what = f"{said}, but it is {item['input']!r}" if shown else said
    return f"{key}: {what}; correct it or remove it"
