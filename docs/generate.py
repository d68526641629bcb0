"""Writes docs/reference/ from the code: every command, route, key, metric, fault, fact and cause, each from its home.

`make docs` runs it; `tests/docs` runs it too and fails when a page is not fresh or a thing has no description.
"""

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click

REFERENCE = Path(__file__).resolve().parent / "reference"
NOTE = "<!-- Written by `make docs` from the code; change the code, not this page. -->\n"


class Undocumented(Exception):
    """Something that people use has no description; the message names it."""


def commands() -> str:
    """Every command with its help, as `--help` prints it."""
    from cli.main import cli
    from cli.texts import choose

    choose("en")
    parts = ["# Commands", ""]
    for path, command in _walk(cli, ("secondline",)):
        if len(path) > 1 and not command.get_short_help_str():
            raise Undocumented(f"the command {' '.join(path)} has no help text")
        context = click.Context(
            command,
            info_name=" ".join(path),
            terminal_width=110,
            max_content_width=110,
            help_option_names=["-h", "--help"],  # as the root command has it; a command keeps the first it is told
        )
        parts += [f"## {' '.join(path)}", "", "```", command.get_help(context), "```", ""]
    return "\n".join(parts)


def _walk(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            if inner is not None and not inner.hidden:
                yield from _walk(inner, (*path, name))


def comments(kind: type) -> dict[str, str]:
    """Field or member name → the `#:` lines above it, in the source of a class."""
    found: dict[str, str] = {}
    pending: list[str] = []
    for line in inspect.getsource(kind).splitlines():
        text = line.strip()
        if text.startswith("#:"):
            pending.append(text[2:].strip())
        elif (match := re.match(r"(\w+)\s*(?::[^=]+)?(?:=|$)", text)) or (match := re.match(r"(\w+)\s*:", text)):
            if pending:
                found[match[1]] = " ".join(pending)
            pending = []
    return found


def exit_codes() -> str:
    """Every number that a command can end with."""
    from cli.exit_status import ExitStatus

    rows = [(str(int(status)), status.name, _described(comments(ExitStatus), status.name)) for status in ExitStatus]
    return _table("Exit codes", ("number", "name", "meaning"), rows)


def _described(texts: dict[str, str], name: str) -> str:
    if not texts.get(name):
        raise Undocumented(f"{name} has no #: line that says what it is")
    return texts[name]


def _table(title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]], intro: str = "") -> str:
    lines = [f"# {title}", ""] + ([intro, ""] if intro else [])
    lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join([*lines, ""])


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def write(pages: dict[str, Callable[[], str]], folder: Path) -> list[str]:
    """Write every page that is not fresh; return the names of those that were not."""
    folder.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, page in pages.items():
        text = NOTE + page()
        path = folder / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            path.write_text(text, encoding="utf-8")
    return stale


def configuration() -> str:
    """Every key of the configuration file, with default, unit and reason."""
    from acs.config import Config

    rows: list[tuple[str, ...]] = []
    _keys(Config, "", rows)
    return _table("Configuration keys", ("key", "default", "what it is, and why the default"), rows)


def _keys(model: Any, prefix: str, rows: list[tuple[str, ...]]) -> None:
    sections = [each for each in reversed(model.__mro__) if each.__module__.startswith("acs.")]
    texts = {name: text for each in sections for name, text in comments(each).items()}
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        inner = _section(field.annotation)
        if inner is not None:
            many = "tuple" in str(field.annotation) or "list" in str(field.annotation)
            _keys(inner, f"{key}[]." if many else f"{key}.", rows)
            continue
        rows.append((f"`{key}`", _default(field), _described(texts, name)))


def _section(annotation: Any) -> Any:
    """The section class inside an annotation such as tuple[X, ...] or dict[str, X]; None for a plain value."""
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if inspect.isclass(kind) and hasattr(kind, "model_fields"):
            return kind
    return None


def _default(field: Any) -> str:
    if field.is_required():
        return "(must be written)"
    value = field.get_default(call_default_factory=True)
    return f"`{value!s}`" if value not in (None, ()) else "–"


def metrics() -> str:
    """Every metric with its labels."""
    from acs.metrics import Metrics

    rows = []
    for family in Metrics().registry.collect():
        if not family.documentation:
            raise Undocumented(f"the metric {family.name} has no text")
        suffix = "_total" if family.type == "counter" else ""
        rows.append((f"`{family.name}{suffix}`", family.type, family.documentation))
    return _table("Metrics", ("name", "kind", "what it counts"), rows, "Read them at `GET /api/v1/metrics`.")


def facts() -> str:
    """Every fact name that other programs may rely on."""
    from probes.facts import FACTS

    rows = [
        (
            f"`{name}`",
            spec.kind.value,
            ", ".join(spec.values) or spec.unit or "–",
            "–" if spec.max_age_s is None else str(spec.max_age_s),
            "yes" if spec.gate else "",
            spec.title["en"],
            spec.title["ru"],
        )
        for name, spec in sorted(FACTS.items())
    ]
    head = ("fact", "kind", "unit or values", "greatest age, s", "gate", "meaning", "по-русски")
    return _table("Facts", head, rows)


def causes() -> str:
    """Every cause of the packaged pack."""
    from probes.linetest import load_pack

    pack = load_pack()
    rows = [
        (
            f"`{name}`",
            cause.title.en,
            cause.title.ru,
            ", ".join(cause.applies_to),
            cause.location,
            cause.verdict.value,
            cause.queue,
        )
        for name, cause in sorted(pack.file.cause.items())
    ]
    head = ("cause", "title", "по-русски", "technology", "location", "verdict", "queue")
    return _table("Causes of the line test", head, rows)


def faults() -> str:
    """Every CWMP fault code."""
    from acs.cwmp.faults import FAULTS

    rows = [(str(int(code)), f.sender, f.en, f.ru, f.retry.value) for code, f in sorted(FAULTS.items())]
    return _table("CWMP fault codes", ("code", "sent by", "meaning", "по-русски", "send again"), rows)


def events() -> str:
    """Every event code of an Inform."""
    from acs.cwmp.events import EVENTS

    rows = [(f"`{code}`", e.meaning, e.retention.value, e.completed_by) for code, e in EVENTS.items()]
    return _table("Inform event codes", ("code", "meaning", "kept by the CPE", "delivered by"), rows)


def quirks() -> str:
    """Every named deviation that a profile may switch on."""
    from acs.cwmp.quirks import QUIRKS

    rows = [(f"`{name.value}`", q.description, q.evidence, q.honoured_by) for name, q in QUIRKS.items()]
    return _table("Quirks of CPEs", ("quirk", "what it changes", "evidence", "honoured by"), rows)


def models() -> str:
    """Every profile of CPEs: what it was held against, and what nobody found out."""
    from acs.profiles.schema import load_profiles

    rows = []
    for profile in sorted(load_profiles(), key=lambda each: (each.kind, each.id)):
        proof = "; ".join(profile.proof) or "**unproven**: no tree or capture was seen"
        rows.append((f"`{profile.id}`", profile.title, profile.kind, proof, "; ".join(profile.unknown)))
    return _table("Profiles of CPEs", ("profile", "models", "kind", "held against", "not found out"), rows)


def tables() -> str:
    """Every table of a device and its columns."""
    from acs.profiles.columns import TABLES

    rows = []
    for name, table in TABLES.items():
        for column, spec in table.columns.items():
            unit = spec.unit or (" ".join(spec.values) if spec.values else "")
            what = f"{table.title['en']}: {spec.title['en']}"
            rows.append((f"`{name}`", f"`{column}`", what, spec.kind.value, unit, str(table.max_age_s)))
    return _table("Tables of a device", ("table", "column", "meaning", "kind", "unit", "fresh for, s"), rows)


def api() -> str:
    """Every route of the API."""
    from acs.api.application import create_app

    parts = ["# API", "", "All routes start with `/api/v1`; `/api/v1/openapi.json` has their schemas.", ""]
    for path, methods in create_app(None).openapi()["paths"].items():
        for method, route in methods.items():
            what = route.get("description") or route.get("summary") or ""
            if not route.get("description"):
                raise Undocumented(f"the route {method.upper()} {path} has no description")
            parts += [f"## {method.upper()} {path}", "", f"{route.get('summary', '')}. {what.strip()}", ""]
    return "\n".join(parts)


PAGES: dict[str, Callable[[], str]] = {
    "api": api,
    "causes": causes,
    "commands": commands,
    "configuration": configuration,
    "events": events,
    "exit-codes": exit_codes,
    "facts": facts,
    "faults": faults,
    "metrics": metrics,
    "models": models,
    "quirks": quirks,
    "tables": tables,
}


if __name__ == "__main__":
    sys.path.insert(0, str(REFERENCE.parents[1]))
    for changed in write(PAGES, REFERENCE):
        sys.stdout.write(f"docs/reference/{changed}.md written\n")
