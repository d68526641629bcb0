"""What the commands of `secondline probe` share: facts as rows and as JSON, communities from files, probe errors."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_read
from cli.texts import _, language

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.errors import ProbeError
    from probes.facts import Fact


def community_of(path: Path) -> str:
    """The community in a file."""
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise not_read(path, error) from error
    if not text:
        raise CliError(_("The community file is empty: write the community into it."), ExitStatus.USAGE)
    return text


def cli_error(error: "ProbeError") -> CliError:
    """What a person reads of a failed probe, with the exit status of its kind."""
    from probes.errors import NoSuchHost, ProbeRefused, ProbeTimeout, ProfileError

    for kind, status in (
        (ProbeTimeout, ExitStatus.UNREACHABLE),
        (NoSuchHost, ExitStatus.UNREACHABLE),
        (ProbeRefused, ExitStatus.REFUSED),
        (ProfileError, ExitStatus.USAGE),
    ):
        if isinstance(error, kind):
            return CliError(str(error), status)
    return CliError(str(error))


def fact_row(fact: "Fact", now: datetime) -> tuple[object, ...]:
    """A fact as a row of a table: name, title, value, unit, source, age."""
    from probes.facts import FACTS, Quality

    spec = FACTS.get(fact.name)
    title = spec.title[language()] if spec is not None else ""
    value = fact.value if fact.quality is Quality.OK else f"{fact.quality} ({fact.raw})"
    age = f"{max(0, round((now - fact.at).total_seconds()))} s"
    source = f"{fact.source}, {fact.method}" if fact.method else fact.source
    return fact.name, title, value, spec.unit if spec is not None else "", source, age


def fact_json(fact: "Fact") -> dict[str, Any]:
    """A fact as JSON."""
    from probes.facts import FACTS

    unit = FACTS[fact.name].unit if fact.name in FACTS else ""
    shown = asdict(fact) | {"at": fact.at.isoformat(), "quality": str(fact.quality), "unit": unit}
    return {key: shown[key] for key in ("name", "value", "unit", "at", "source", "method", "quality", "raw")}
