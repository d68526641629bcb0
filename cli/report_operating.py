"""`secondline report operating`: tests, verdicts, repairs from afar, visits, repeats, and the norms kept."""

import io
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import Client, connect
from cli.file_errors import not_written
from cli.options import server_options
from cli.texts import LANGUAGES, N_, _, language

_DIVISIONS = ("all", "region", "model", "cause", "verdict", "day")
_NORMS = {
    "answer_30s": N_("verdict in 30 s"),
    "first_line_5min": N_("first line, 5 min"),
    "second_line_10min": N_("second line, 10 min"),
    "restored_24h": N_("restored in 24 h"),
}


@click.command(help=_("Tests, verdicts, repairs from afar, visits, repeats, and the norms kept."))
@click.option("--days", type=click.FloatRange(0.01, 3_660), default=30.0, show_default=True)
@click.option("--by", type=click.Choice(_DIVISIONS), default="region", show_default=True)
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), help=_("Write a CSV file."))
@click.option("--html", "html_file", type=click.Path(path_type=Path, dir_okay=False), help=_("Write a page."))
@click.option("--page-lang", type=click.Choice(LANGUAGES), help=_("Language of the page; else that of the command."))
@server_options
def operating(
    days: float,
    by: str,
    csv_file: Path | None,
    html_file: Path | None,
    page_lang: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Print the report, or write it into files."""
    with connect(url, token_file) as client:
        shown = f"days={days}&by={by}"
        if csv_file is not None:
            _fetch(client, f"/reports/operating.csv?{shown}", csv_file)
        if html_file is not None:
            _fetch(client, f"/reports/operating.html?{shown}&lang={page_lang or language()}&alone=true", html_file)
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


def _fetch(client: Client, path: str, file: Path) -> None:
    """Write an answer into a file; where it cannot be written, or nothing came, there is none."""
    page = io.BytesIO()
    client.fetch_file(path, page)
    try:
        file.write_bytes(page.getvalue())
    except OSError as error:
        raise not_written(file, error) from error


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
