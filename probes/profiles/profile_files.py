"""A file of a profile read into its form; what is wrong with it is told with file, key and remedy."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from probes.errors import ProfileError

_Form = TypeVar("_Form", bound=BaseModel)


def tables(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; errors are those that `read_as` tells."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def read_as(form: type[_Form], path: Path, read: Callable[[Path], dict[str, Any]] = tables) -> _Form:
    """A file in its form; `read` gives its tables, those of other files that it rests on included.

    Raises:
        ProfileError: it cannot be read, is not TOML, or holds what the form does not allow.
    """
    try:
        return form.model_validate(read(path))
    except OSError as error:
        raise ProfileError(f"{path}: {error.strerror}; give the path of a readable profile") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: not TOML: {error}; correct that line") from error
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'profile'}: {one['msg']}" for one in error.errors(include_url=False)
        )
        raise ProfileError(f"{path}: {wrong}; correct these keys") from error
