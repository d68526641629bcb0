"""`secondline pack`: rule packs, from a file on the desk to what decides, and back."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option, server_options
from cli.texts import _
from cli.told import told

_PATH = click.Path(path_type=Path)


@click.group(help=_("Rule packs of line tests: check, compare, try silently, approve, activate, roll back."))
def pack() -> None:
    """Group of the pack commands."""


@pack.command(help=_("Check a pack for every fault, with place and remedy; needs no server."))
@click.argument("path", type=_PATH, required=False)
@click.option("--cases", type=_PATH, help=_("Cases (a file or folder); else the pack's folder of cases."))
@json_option
@click.pass_context
def lint(context: click.Context, path: Path | None, cases: Path | None, as_json: bool) -> None:
    """Print the faults of a pack; exit code 1 where there are any."""
    from probes.errors import PackError
    from probes.linetest.lint_whole import lint_whole
    from probes.linetest.pack_files import load_tree, places_of

    try:
        trials = _trials(path, cases)
        faults = lint_whole(load_tree(path), trials, places_of(path))
    except PackError as error:
        faults = str(error).splitlines()
    faults = [told(fault) for fault in faults]
    if as_json:
        output.print_json({"faults": faults})
    else:
        for fault in faults:
            output.print_line(fault)
        if not faults:
            output.print_line(_("No fault."))
    context.exit(ExitStatus.FAILURE if faults else ExitStatus.OK)


@pack.command(help=_("Hold a pack against its cases; needs no server."))
@click.argument("path", type=_PATH, required=False)
@click.option("--cases", type=_PATH, help=_("Cases (a file or folder); else the pack's folder of cases."))
@json_option
@click.pass_context
def test(context: click.Context, path: Path | None, cases: Path | None, as_json: bool) -> None:
    """Print the cases that a pack fails; exit code 1 where there are any."""
    from probes.errors import PackError
    from probes.linetest import load_pack
    from probes.linetest.trials import run

    try:
        loaded, trials = load_pack(path), _trials(path, cases)
    except PackError as error:
        raise CliError(told(str(error)), ExitStatus.USAGE) from error
    if not trials:
        raise CliError(_("There is no case; name a file or folder with --cases"), ExitStatus.USAGE)
    try:
        failed = [{"case": trial.name, "wrong": wrong} for trial, _verdict, wrong in run(loaded, trials) if wrong]
    except PackError as error:
        raise CliError(str(error), ExitStatus.USAGE) from error
    if as_json:
        output.print_json({"cases": len(trials), "failed": failed, "pack": _ref(loaded)})
    else:
        for each in failed:
            output.print_line(f"{each['case']}: {'; '.join(map(told, each['wrong']))}")
        output.print_line(_("{cases} cases, {failed} failed.").format(cases=len(trials), failed=len(failed)))
    context.exit(ExitStatus.FAILURE if failed else ExitStatus.OK)


@pack.command(help=_("Compare two packs: files, hashes, active or packaged; --replay 30d judges stored tests."))
@click.argument("old")
@click.argument("new")
@click.option("--replay", help=_("Judge the tests of so long by both, such as 30d or 12h; needs a server."))
@server_options
def diff(old: str, new: str, replay: str | None, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Print the keys that differ and, with --replay, which tests would change."""
    days = _days(replay) if replay else 0.0
    if Path(old).exists() and Path(new).exists() and not days:
        compared = _local_diff(Path(old), Path(new))
    else:
        compared = _server_diff(old, new, days, url, token_file)
    if as_json:
        output.print_json(compared)
        return
    _print_keys(compared["keys"])
    if compared.get("replay"):
        _print_replay(compared["replay"])


@pack.command(help=_("Hand a pack to the server, with its cases; a pack with any fault is refused."))
@click.argument("path", type=_PATH)
@click.option("--cases", type=_PATH, help=_("Cases (a folder of TOML files); else the pack's folder of cases."))
@click.option("--note", default="", help=_("What the change is for."))
@server_options
def propose(path: Path, cases: Path | None, note: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Store a new version on the server."""
    from probes.errors import PackError
    from probes.linetest.pack_files import CASES, case_texts, pack_texts

    try:
        folder = cases or (path / CASES if (path / CASES).is_dir() else None)
        texts = case_texts(folder) if folder is not None else {}
        body = {"files": pack_texts(path), "cases": texts, "note": note}
    except PackError as error:
        raise CliError(told(str(error)), ExitStatus.USAGE) from error
    with connect(url, token_file) as client:
        _show(client.post("/packs", body), as_json)


@pack.command("list", help=_("List the packs of the server, newest first."))
@server_options
def list_packs(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List versions."""
    with connect(url, token_file) as client:
        found = client.get("/packs")
    if as_json:
        output.print_json(found)
        return
    rows = [
        [row["hash"], row["id"], row["version"], row["author"], output.instant(row["created_at"]), _where(row)]
        for row in output.items(found)
    ]
    output.print_table([_("hash"), _("pack"), _("version"), _("author"), _("at"), _("decides in")], rows)


@pack.command(help=_("Show one pack: a hash, active or packaged."))
@click.argument("digest", metavar="PACK", default="active")
@server_options
def show(digest: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show how a version stands."""
    with connect(url, token_file) as client:
        _show(client.get(f"/packs/{segment(digest)}"), as_json)


@pack.command(help=_("Approve a pack; two people must."))
@click.argument("digest", metavar="PACK")
@click.option("--note", default="", help=_("What was looked at."))
@server_options
def approve(digest: str, note: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Give one person's word."""
    with connect(url, token_file) as client:
        _show(client.post(f"/packs/{segment(digest)}/approvals", {"note": note}), as_json)


@pack.command(help=_("Let a pack judge silently; --report shows what it says, --stop ends it."))
@click.argument("digest", metavar="PACK")
@click.option("--scope", default="", help=_("Only below this topology path."))
@click.option("--report", is_flag=True, help=_("Show in which tests it would have decided differently."))
@click.option("--stop", is_flag=True, help=_("Let it judge no more."))
@server_options
def shadow(
    digest: str, scope: str, report: bool, stop: bool, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Start, report or end a silent pack."""
    place = f"/packs/{segment(digest)}/shadow"
    with connect(url, token_file) as client:
        if not report:
            _show(client.delete(place) if stop else client.post(place, {"scope": scope}), as_json)
            return
        found = client.get(place)
    if as_json:
        output.print_json(found)
        return
    text = _("{judged} tests judged silently, {differed} of them differently.")
    output.print_line(text.format(judged=found["judged"], differed=found["differed"]))
    if found["failed"]:
        output.print_line(_("It could not judge {failed} more.").format(failed=found["failed"]))
    rows = [[row["line_test"], _said(row["live"]), _said(row["said"])] for row in found["differences"]]
    output.print_table([_("test"), _("decided"), _("silent pack")], rows)


@pack.command(help=_("Let a pack decide from the next test on."))
@click.argument("digest", metavar="PACK")
@click.option("--reason", required=True, help=_("Why; it is kept."))
@click.option("--scope", default="", help=_("Only below this topology path."))
@click.option("--without-shadow", default="", help=_("Why it need not judge silently first; it is kept."))
@server_options
def activate(
    digest: str,
    reason: str,
    scope: str,
    without_shadow: str,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Activate a version."""
    body = {"scope": scope, "reason": reason, "without_shadow": without_shadow}
    with connect(url, token_file) as client:
        _show(client.post(f"/packs/{segment(digest)}/activations", body), as_json)


@pack.command(help=_("Let the pack before decide again, at once."))
@click.option("--reason", required=True, help=_("Why; it is kept."))
@click.option("--scope", default="", help=_("Only below this topology path."))
@server_options
def rollback(reason: str, scope: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Roll back."""
    with connect(url, token_file) as client:
        done = client.post("/packs/rollback", {"scope": scope, "reason": reason})
    if as_json:
        output.print_json(done)
        return
    output.print_line(_("Deciding now: {pack}").format(pack=done.get("hash") or _("the wider scope's pack")))


@pack.command(help=_("Show the scopes that have rules of their own, as differences."))
@server_options
def overrides(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show per-site rules."""
    with connect(url, token_file) as client:
        found = client.get("/packs/overrides")
    if as_json:
        output.print_json(found)
        return
    for row in output.items(found):
        named: Any = row["pack"]
        output.print_line(f"{row['scope']}: {named['id']} {named['version']} ({named['hash']})")
        _print_keys(row["keys"])


def _trials(path: Path | None, cases: Path | None) -> list[Any]:
    from probes.linetest.case_files import load_trials
    from probes.linetest.pack_files import CASES

    folder = cases or (path / CASES if path is not None and (path / CASES).is_dir() else None)
    return load_trials(folder) if folder is not None else []


def _days(text: str) -> float:
    units = {"d": 1.0, "h": 1 / 24}
    try:
        return float(text[:-1]) * units[text[-1:]]
    except (ValueError, KeyError) as error:
        raise CliError(
            _("--replay {text} is no time; write it like 30d or 12h").format(text=text), ExitStatus.USAGE
        ) from error


def _local_diff(old: Path, new: Path) -> dict[str, Any]:
    from probes.errors import PackError
    from probes.linetest.pack_diff import pack_diff
    from probes.linetest.pack_files import load_tree

    try:
        return {"keys": pack_diff(load_tree(old), load_tree(new))}
    except PackError as error:
        raise CliError(told(str(error)), ExitStatus.USAGE) from error


def _server_diff(old: str, new: str, days: float, url: str | None, token_file: Path | None) -> dict[str, Any]:
    from probes.errors import PackError
    from probes.linetest.pack_files import pack_texts

    body: dict[str, Any] = {"old": old, "new": new, "days": days}
    if Path(old).exists():
        raise CliError(_("OLD is a pack of the server here: a hash, active or packaged"), ExitStatus.USAGE)
    if Path(new).exists():
        try:
            body |= {"new": "packaged", "new_files": pack_texts(Path(new))}
        except PackError as error:
            raise CliError(told(str(error)), ExitStatus.USAGE) from error
    with connect(url, token_file) as client:
        compared: dict[str, Any] = client.post("/packs/compare", body)
    return compared


def _print_keys(keys: Any) -> None:
    if not keys:
        output.print_line(_("The rules are the same."))
    for row in keys:
        output.print_line(f"  {row['key']}: {row['old']} → {row['new']}")


def _print_replay(told: dict[str, Any]) -> None:
    text = _("{judged} tests judged by both, {changed} decide differently, {skipped} could not be judged again.")
    output.print_line(text.format(**{key: told[key] for key in ("judged", "changed", "skipped")}))
    if told.get("truncated"):
        output.print_line(_("Older tests were left out (packs.replay_tests)."))
    spent = _("Carrying out the verdicts costs {old} with the old pack and {new} with the new one.")
    output.print_line(spent.format(old=f"{told['spent_old']:.0f}", new=f"{told['spent_new']:.0f}"))
    wrong = _(
        "Where tickets are closed ({closed}), being wrong costs {old} with the old pack and {new} with the new one."
    )
    figures = {"old": f"{told['wrong_old']:.0f}", "new": f"{told['wrong_new']:.0f}"}
    output.print_line(wrong.format(closed=told["closed"], **figures))
    rows = [
        [row["line_test"], row["line"], _said(row["old"]), _said(row["new"]), row["cost"], row["wrong"]]
        for row in told["tests"]
    ]
    output.print_table([_("test"), _("line"), _("old"), _("new"), _("cost"), _("cost of being wrong")], rows)


def _said(verdict: dict[str, Any]) -> str:
    problem = verdict.get("problem")
    if problem is not None:
        return _("could not judge: {problem}").format(problem=problem)
    return f"{verdict.get('verdict')} ({verdict.get('cause')})"


def _where(row: dict[str, Any]) -> str:
    return ", ".join(scope or _("everywhere") for scope in row.get("decides_in") or ())


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    silent = found.get("shadow")
    pairs: list[tuple[str, object]] = [
        (_("hash"), found["hash"]),
        (_("pack"), f"{found['id']} {found['version']}"),
        (_("owner"), found["owner"]),
        (_("author"), found["author"]),
        (_("approved by"), ", ".join(each["actor"] for each in found["approvals"]) or None),
        (_("silent since"), output.instant(silent["started_at"]) if silent else None),
        (_("judged silently"), found["shadow_judged"] if silent else None),
        (_("decides in"), _where(found) or None),
    ]
    output.print_pairs([*pairs, *((_("lacks"), each) for each in found["lacks"])])


def _ref(loaded: Any) -> dict[str, str]:
    return {"id": loaded.ref.id, "version": loaded.ref.version, "hash": loaded.ref.hash}
