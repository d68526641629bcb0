"""What happened, in words that an engineer can repeat to a subscriber, in both languages; the texts are in words.toml.

a refusal before anything was asked    Refused(code, …)
an operation that has ended            words_of(operation)
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from acs.errors import Conflict
from acs.store.records import Json, OperationRecord, OperationState

LANGUAGES = ("en", "ru")

#: fault of the CPE → text
_FAULTS: Mapping[int, str] = {
    9002: "busy",
    9004: "busy",
    9005: "refused_unknown",
    9006: "refused_value",
    9007: "refused_value",
    9008: "refused_read_only",
}
#: Names in one text.
_NAMED = 5
_RESTARTS = frozenset({"reboot", "factory_reset"})


@cache
def texts() -> Mapping[str, Mapping[str, str]]:
    """code → language → text."""
    return tomllib.loads((resources.files(__package__) / "words.toml").read_text("utf-8"))


def say(code: str, language: str = "en", **values: object) -> str:
    """The text of a code in a language; a value may itself be a mapping of languages."""
    shown = {
        name: value.get(language, value.get("en", "")) if isinstance(value, Mapping) else value
        for name, value in values.items()
    }
    return texts()[code][language if language in LANGUAGES else "en"].format_map(shown)


def in_every_language(code: str, **values: object) -> dict[str, str]:
    """The text of a code by language."""
    return {language: say(code, language, **values) for language in LANGUAGES}


class Refused(Conflict):
    """The state of the device or of the line forbids the action. The message is in English; `said` gives it in any."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(say(code, "en", **values))
        self.code = code
        self.values = values

    def said(self, language: str) -> str:
        """The refusal in a language."""
        return say(self.code, language, **self.values)

    def both(self) -> dict[str, str]:
        """The refusal in every language."""
        return in_every_language(self.code, **self.values)


def refusal_of(error: Exception) -> Json:
    """A refusal as the result of an operation, from which `words_of` finds its text; None for any other error."""
    if not isinstance(error, Refused):
        return None
    values: dict[str, Json] = {
        name: dict(value) if isinstance(value, Mapping) else value if isinstance(value, int | float) else str(value)
        for name, value in error.values.items()
    }
    return {"why": error.code, "values": values}


def words_of(operation: OperationRecord) -> dict[str, str] | None:
    """What became of an operation that did not succeed, or not wholly, by language; None for any other."""
    if operation.state is OperationState.CANCELLED:
        return _both("cancelled")
    if operation.state is OperationState.EXPIRED:
        return _both("no_answer" if operation.attempts else "offline")
    result: Mapping[str, Any] = operation.result if isinstance(operation.result, dict) else {}
    if operation.state is OperationState.SUCCEEDED and operation.kind == "restore" and result.get("unknown"):
        unknown = [str(name) for name in result["unknown"]]
        return _both("put_back_without", unknown=", ".join(unknown[:_NAMED]) + (" …" if unknown[_NAMED:] else ""))
    if operation.state is not OperationState.FAILED:
        return None
    code = str(result.get("why", ""))
    if code in texts():
        values = result.get("values")
        return _both(code, operation, **(values if isinstance(values, dict) else {}))
    if result.get("undone"):
        return _both("undone")
    return _both(_code_of(operation, result), operation)


def _code_of(operation: OperationRecord, result: Mapping[str, Any]) -> str:
    faults = result.get("faults")
    codes = [each.get("code") for each in faults.values() if isinstance(each, dict)] if isinstance(faults, dict) else []
    for code in (*codes, operation.fault_code):
        if isinstance(code, int) and code in _FAULTS:
            return _FAULTS[code]
    if operation.fault_code is not None:
        return "refused"
    if operation.kind in _RESTARTS and operation.sent_at is not None:
        return "never_restarted"
    return "failed"


def _both(code: str, operation: OperationRecord | None = None, **values: object) -> dict[str, str]:
    known: dict[str, object] = {}
    if operation is not None:
        fault = f"{operation.fault_code} {operation.fault_string or ''}".strip()
        known = {"detail": operation.detail, "fault": fault}
    return in_every_language(code, **{**known, **values})
