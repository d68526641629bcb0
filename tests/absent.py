"""What a test does when something it needs is not on this machine."""

import os
from typing import NoReturn

import pytest


def absent(message: str) -> NoReturn:
    """Skip for a stranger; fail under CI=true, where everything that tests need must be."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)
