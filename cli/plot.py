"""`secondline device plot`: the history of one fact of a device, drawn in the terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.card import in_language, measured
from cli.chart import Dot, draw
from cli.client import connect, segment
from cli.options import server_options
from cli.sparks import sparkline
from cli.texts import _
from probes.facts import FACTS

#: points that are asked for: more than any terminal shows
POINTS = 2_000
#: bars of a fact's course where every fact is shown
BARS = 24


@click.command(help=_("Draw the history of a fact of the device; without FACT, list the facts that have one."))
@click.argument("key", metavar="DEVICE")
@click.argument("fact", metavar="[FACT]", required=False)
@click.option("--days", type=click.FloatRange(0, 3_650, min_open=True), default=7.0, show_default=True)
@click.option("--all", "every", is_flag=True, help=_("A line for each fact that was measured in this time."))
@click.option("--height", type=click.IntRange(3, 60), default=12, show_default=True, help=_("Lines of a drawing."))
@server_options
def plot(
    key: str,
    fact: str | None,
    days: float,
    every: bool,
    height: int,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Draw history."""
    device = f"/devices/{segment(key)}"
    if every and fact is not None:
        raise click.UsageError(_("--all is for every fact; leave {fact} out, or --all").format(fact=fact))
    with connect(url, token_file) as client:
        if every:
            _every(client.get(f"{device}/readings/all", days=days, points=BARS), as_json)
            return
        if fact is None:
            _list(client.get(f"{device}/readings/facts"), as_json)
            return
        found = client.get(f"{device}/readings", fact=fact, days=days, points=POINTS)
    if as_json:
        output.print_json(found)
        return
    if not found["curves"]:
        output.print_line(_("Nothing was measured of {fact} in this time.").format(fact=fact))
    for curve in found["curves"]:
        _draw(found, curve, height)


def _list(names: Sequence[str], as_json: bool) -> None:
    if as_json:
        output.print_json(names)
        return
    rows = [[name, in_language(FACTS[name].title) if name in FACTS else ""] for name in names]
    output.print_table([_("fact"), _("what it is")], rows)


def _every(found: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    if not found:
        output.print_line(_("Nothing was measured in this time."))
        return
    heads = [_("fact"), _("source"), _("least"), _("greatest"), _("now"), _("course")]
    output.print_table(heads, [_one_line(each["fact"], curve) for each in found for curve in each["curves"]])


def _one_line(fact: str, curve: Mapping[str, Any]) -> list[str]:
    unit = FACTS[fact].unit if fact in FACTS else ""
    points = curve["points"]
    least, greatest = min(point["low"] for point in points), max(point["high"] for point in points)
    shown = [measured(value, unit) for value in (least, greatest, points[-1]["value"])]
    return [fact, curve["source"], *shown, sparkline([point["value"] for point in points], BARS)]


def _draw(found: Mapping[str, Any], curve: Mapping[str, Any], height: int) -> None:
    spec = FACTS.get(found["fact"])
    unit = spec.unit if spec is not None else ""
    start, end = (datetime.fromisoformat(found[name]).timestamp() for name in ("since", "until"))
    dots: list[Dot] = [
        (datetime.fromisoformat(point["at"]).timestamp(), point["value"], point["low"], point["high"])
        for point in curve["points"]
    ]
    width = max(20, output.width() - 14)
    chart = draw(dots, start=start, end=end, width=width, height=height)
    labels = {0: measured(round(chart.top, 2), unit), height - 1: measured(round(chart.bottom, 2), unit)}
    measurements = sum(point["n"] for point in curve["points"])
    title = in_language(spec.title) if spec is not None else found["fact"]
    head = _("{title}: {value} now; {count} measurements by {source}").format(
        title=title, value=measured(dots[-1][1], unit), count=measurements, source=curve["source"]
    )
    output.print_line(head, style="bold")
    for n, line in enumerate(chart.lines):
        output.print_line(f"{labels.get(n, ''):>12} {line.rstrip()}", style="cyan")
    left, right = output.instant(found["since"]) or "", output.instant(found["until"]) or ""
    output.print_line(f"{'':>12} {left}{right:>{max(1, width - len(left))}}", style="dim")
