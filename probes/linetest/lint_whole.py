"""Everything that a pack is told before it may decide: form, names, cards, bands, rivals, coverage, gates, cases.

The rule of this file: it only gathers; a fault is "key: fault; remedy", and no fault means that a person may approve.
"""

from collections.abc import Sequence

from probes.errors import PackError
from probes.linetest.form import PackFile
from probes.linetest.lint import lint
from probes.linetest.lint_bands import bands
from probes.linetest.lint_coverage import coverage
from probes.linetest.lint_dispatch import dispatches
from probes.linetest.lint_gates import counts, gates
from probes.linetest.lint_rivals import rivals
from probes.linetest.pack import compile_pack
from probes.linetest.pack_files import Tree, checked, default_own_tree, tree_hash
from probes.linetest.source_places import SourcePlaces
from probes.linetest.trials import Trial


def lint_whole(tree: Tree, trials: Sequence[Trial], places: SourcePlaces | None = None) -> list[str]:
    """Return every fault of a pack, each with its place and remedy; `trials` are its cases."""
    where = places or SourcePlaces("pack", {})
    try:
        file = checked(tree, where)
    except PackError as error:
        return str(error).splitlines()
    faults = lint(file)
    if not faults:
        pack = compile_pack(file, tree_hash(tree))
        for name, cause in file.cause.items():
            faults += bands(name, cause, file)
        faults += [
            *rivals(pack),
            *coverage(pack),
            *gates(file),
            *counts(file),
            *dispatches(file),
            *_cases(file, tree, trials),
        ]
    return [where.told(fault) for fault in faults]


def _cases(file: PackFile, tree: Tree, trials: Sequence[Trial]) -> list[str]:
    """Every cause has a case; of a pack that extends the packaged one, every cause that it changes or adds."""
    told = {trial.cause for trial in trials}
    base = default_own_tree().get("cause", {}) if file.pack.extends else {}
    own = [name for name in file.cause if name != "other" and tree["cause"][name] != base.get(name)]
    faults = [
        f"cause.{name}: no case expects it; add one to the pack's folder of cases" for name in own if name not in told
    ]
    unknown = sorted(told - set(file.cause) - {""})
    faults += [f"cases: {name!r} is expected, and is no cause of the pack; correct the case" for name in unknown]
    return faults
