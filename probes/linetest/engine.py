"""judge: facts → verdict."""

from datetime import datetime

from probes.facts import Facts
from probes.linetest.model import Verdict
from probes.linetest.pack import Pack


def judge(technology: str, facts: Facts, *, pack: Pack, now: datetime, strict_gates: bool) -> Verdict:
    """Return the verdict that the pack gives for these facts at this instant; it never raises for any facts."""
    raise AssertionError
