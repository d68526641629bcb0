"""`secondline report operating`: tests, verdicts, repairs from afar, visits, repeats, and the norms kept."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect
from cli.options import server_options
from cli.texts import LANGUAGES, N_, _

_DIVISIONS = ("all", "region", "model", "cause", "verdict", "day")
_NORMS = {
    "answer_30s": N_("verdict in 30 s"),
    "first_line_5min": N_("first line, 5 min"),
    "second_line_10min": N_("second line, 10 min"),
    "restored_24h": N_("restored in 24 h"),
}


@click.command(help=N_("Tests, verdicts, repairs from afar, visits, repeats, and the norms kept."))
@click.option("--days", type=click.FloatRange(0.01, 3_660), default=30.0, show_default=True)
@click.option("--by", type=click.Choice(_DIVISIONS), default="region", show_default=True)
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help=_("Write a CSV file."))
@click.option("--html", "html_file", type=click.Path(path_type=Path, dir_okay=False), help=_("Write a page."))
@click.option("--page-lang", type=click.Choice(LANGUAGES), default="en", show_default=True)
@server_options
def operating(
    days: float,
    by: str,
    csv_file: Path | None,
    html_file: Path | None,
    page_lang: str,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Print the report, or write it into files."""
    with connect(url, token_file) as client:
        for path, kind, more in ((csv_file, "csv", ""), (html_file, "html", f"&lang={page_lang}")):
            if path is not None:
                with path.open("wb") as target:
                    client.fetch_file(f"/reports/operating.{kind}?days={days}&by={by}{more}", target)
        if csv_file is not None or html_file is not None:
            return
        found = client.get("/reports/operating", days=days, by=by)
    if as_json:
        output.print_json(found)
        return
    parts = found["parts"] if by != "all" else []
    rows = [_row(one) for one in (*parts, {**found["total"], "name": _("all")})]
    columns = [by, _("tests"), _("tickets"), _("fixed remotely"), _("dispatched"), _("repeats"), _("median, s")]
    output.print_table([*columns, *(_(text) for text in _NORMS.values())], rows)


def _row(one: dict[str, Any]) -> list[object]:
    shares = [_share(one[name]) for name in ("fixed_remotely", "dispatched", "repeats")]
    median = one["verdict_median_s"]
    norms = [_share(one["norms"][norm]) for norm in _NORMS]
    return [
        one["name"] or "–",
        one["tests"],
        one["tickets"],
        *shares,
        None if median is None else round(median, 1),
        *norms,
    ]


def _share(part: dict[str, Any]) -> str | None:
    return None if part["share"] is None else f"{part['part']}/{part['whole']} ({part['share']:.0%})"
