"""The texts of what is wrong with a file: findings of the linters of rule packs, cases, provisioning rules, adapters.

    python -m tests.finding_texts      says what acs/api/findings.ru.toml lacks, and what it has too many

The rule of this file: every sentence of those files is one, but for those in OTHERS and those that errors have already.
"""

import ast
from collections.abc import Iterator

from tests.detail_texts import sentences
from tests.russian_texts import ROOT, lacking, russian, tell, too_many

#: files where every text is one
FILES = (
    "acs/config/wrong_keys.py", "acs/services/adapters/paths.py", "acs/services/adapters/schema.py",
    "acs/services/provisioning_form.py",
    "acs/services/rule_files.py", "probes/linetest/case_files.py", "probes/linetest/cases.py",
    "probes/linetest/conditions.py", "probes/linetest/form.py", "probes/linetest/lint.py",
    "probes/linetest/lint_bands.py", "probes/linetest/lint_coverage.py", "probes/linetest/lint_gates.py",
    "probes/linetest/lint_rivals.py", "probes/linetest/lint_whole.py", "probes/linetest/pack_files.py",
    "probes/linetest/trials.py",
)  # fmt: skip
#: texts of those files that are no sentence, places before one, and what the start of a server says
OTHERS = {
    "Bearer {key}", "between {0}", "cause.{0}.evidence: {1}: {2}", "cause.{0}: {1}", "post_check: {0}", "rule {0}: ",
    "secret_file {0}", "unreadable: {0}",
    "provisioning.directory: {0} cannot be read ({1}); create it, or name another",
}  # fmt: skip


def found() -> Iterator[str]:
    """Every text that says what is wrong with a file, each as often as it stands in the code."""
    known = {*russian("errors", "errors", "parts", "checks"), *russian("details")}
    for name in FILES:
        tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
        yield from (text for text in sentences(tree) if text not in OTHERS and text not in known)


def main() -> None:
    """Say which lines the Russian of findings lacks, and which it has too many."""
    known, wanted = russian("findings"), {*found()}
    tell(lacking(known, wanted) + too_many(known, wanted))


if __name__ == "__main__":
    main()
