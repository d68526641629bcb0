"""The texts of what became of something: details of operations and deliveries, problems of sources, reasons of rules.

    python -m tests.detail_texts      says what acs/api/details.ru.toml lacks, and what it has too many

A text is found where it is handed to what keeps it (`Outcome(False, "…")`, `detail="…"`), and anywhere in the files
that are there to say such things. The rule of this file: a text that nobody reads stands in OTHERS, none is forgotten.
"""

import ast
import re
from collections.abc import Iterable, Iterator

from tests.error_texts import raised, template
from tests.russian_texts import ROOT, lacking, russian, tell, too_many

#: what a text is handed to, wherever that is
_TAKERS = {
    "Attempt", "CallFailed", "NotTaken", "Outcome", "OperationTransition", "Partly", "ProbeRefused", "ProbeTimeout",
    "ProbeUnreadable", "NoSuchHost", "ProbeError", "Skipped", "became_unknown", "impossible",
}  # fmt: skip
#: keywords that carry such a text, whatever takes them
_KEYWORDS = {"detail", "explanation", "problem", "reason"}
#: files and folders where every text is one
_FILES = (
    "acs/server/outbound.py", "acs/server/stun.py", "acs/server/worker.py", "acs/services/abilities.py",
    "acs/services/access_lines.py", "acs/services/adapter_sender.py", "acs/services/addressing.py",
    "acs/services/approvals.py", "acs/services/automation.py", "acs/services/backup_desk.py",
    "acs/services/campaign_steps.py", "acs/services/campaign_turns.py", "acs/services/clones.py",
    "acs/services/connection_requests.py", "acs/services/context_sources.py",
    "acs/services/deliveries.py", "acs/services/device_cards.py", "acs/services/first_contact.py",
    "acs/services/follow_ups.py", "acs/services/gathering.py", "acs/services/kinds/", "acs/services/operations.py",
    "acs/services/outage_cases.py", "acs/services/outgoing.py", "acs/services/own_credentials.py",
    "acs/services/path_sources.py", "acs/services/plans/", "acs/services/provisioning.py",
    "acs/services/provisioning_jobs.py", "acs/services/provisioning_rules.py", "acs/services/quality_watch.py",
    "acs/services/reboot_evidence.py",
    "acs/services/report_evidence.py", "acs/services/reports.py", "acs/services/reset_evidence.py",
    "acs/services/review.py", "acs/services/security_conditions.py", "acs/services/sessions.py",
    "acs/services/sources.py", "acs/services/surveys.py",
    "acs/services/takeovers.py", "acs/services/targets.py", "acs/services/tickets.py", "acs/services/tmf/alarms.py",
    "acs/services/tmf_hubs.py",
    "acs/services/tmf_listener.py", "acs/services/tmf_sender.py", "acs/services/topology.py",
    "acs/services/transfers.py", "acs/services/unmeasured.py", "acs/services/waking/", "probes/access/olt.py",
    "probes/access/ports.py", "probes/access/rows.py", "probes/dns.py", "probes/icmp.py", "probes/pacing.py",
    "probes/snmp/client.py", "probes/snmp/library.py", "probes/snmp/tables.py", "probes/snmp/walking.py",
)  # fmt: skip
#: file → its one function that says such a thing
_TELLERS = {"acs/services/cpe_auth.py": "refuses"}
#: what stops a start or is of a tool: no source of a line test says it
_ELSEWHERE = (
    "acs/config/", "acs/store/migrations/", "probes/access/cable.py", "probes/capture.py", "probes/discoveries.py",
    "probes/gentle.py", "probes/http.py", "probes/linetest/", "probes/profiles/", "probes/snmp/names.py",
    "probes/snmp/pysnmp_parts.py", "probes/snmp/trap_socket.py", "probes/snmp/write.py", "probes/tcp.py",
    "probes/tr143/", "probes/trace/", "probes/traps.py", "probes/wire.py",
)  # fmt: skip
#: texts of those files that are no sentence for a person: names of things, patterns, words for the log
OTHERS = {
    " ont {0}", "(made then)", "1 At Any Time", "1 Firmware Upgrade Image", "1 Vendor Configuration File",
    "2 Immediately", "2 Vendor Log File", "2 Web Content", "3 Vendor Configuration File", "3 When Idle",
    "4 Confirmation Needed", "4 Tone File", "5 Ringer File", "Informs that tell of a start", "Invalid parameter name",
    "M Reboot", "M ScheduleInform", "Value error, ", "_Waiter | None", "`M ScheduleInform`", "access node",
    "as read from the port", "asyncio.Task[list[Fact]] | None", "automatic fixes", "deliveries to {0}", "dns {0}",
    "expected sources", "icmp echo with DF", "ifIndex {0}", "last reading of the line", "no verdict",
    "old secrets", "old ticket events", "operator's resolvers", "ping {0}", "profile {0}", "source {0}", "ticket {0}",
    "told by ", "{0} {1} {2} ms: {3}", "Communications Alarm", "Equipment Alarm",
    "Quality of Service Alarm", "cause:{0}", "precision of causes",
    "Security Service or Mechanism Violation", "firmware:{0} {1}",
}  # fmt: skip
_PROSE = re.compile(r"[a-z]{2}")


def told() -> Iterator[str]:
    """Every text that says what became of something, each as often as it stands in the code."""
    errors = {*raised(), *russian("errors", "parts")}
    for path in sorted([*(ROOT / "acs").rglob("*.py"), *(ROOT / "probes").rglob("*.py")]):
        place = path.relative_to(ROOT).as_posix()
        if place.startswith(_ELSEWHERE):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from _single_words(tree)
        nodes: Iterable[ast.AST] = (tree,) if place.startswith(_FILES) else _handed_over(tree, _TELLERS.get(place))
        for node in nodes:
            found = (text for text in sentences(node) if text not in OTHERS)
            yield from (text for text in map(_whole, found) if text not in errors)


def _handed_over(tree: ast.AST, teller: str | None) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == teller:
            yield from node.body
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name | ast.Attribute) and _name(node.func) in _TAKERS:
            yield from node.args
        yield from (each.value for each in node.keywords if each.arg in _KEYWORDS)


def _single_words(tree: ast.AST) -> Iterator[str]:
    """Details of one word: "sent", "applied"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Outcome":
            texts = (each.value for part in node.args[1:2] for each in ast.walk(part) if isinstance(each, ast.Constant))
            yield from (text for text in texts if isinstance(text, str) and text.isalpha())


def _whole(text: str) -> str:
    """A text as it is looked up: one that goes on where another ends, without the joint or with a place before it."""
    if not text.startswith(" "):
        return text.lstrip(",; ").removesuffix("; ").removesuffix(", ")
    return "{0}" + re.sub(r"\{(\d+)\}", lambda place: f"{{{int(place[1]) + 1}}}", text)


def _name(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


def sentences(node: ast.AST) -> Iterator[str]:
    """Yield the sentences below a node: texts of at least two words that are no docstring and go into no log."""
    if (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) or _is_log(node):
        return
    if isinstance(node, ast.Constant | ast.JoinedStr):
        text = template(node)
        if text is not None and " " in text.strip() and _PROSE.search(re.sub(r"\{\d+\}", "", text)):
            yield text
        # within an f-string only what stands in its values is a text of its own
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        inner: Iterable[ast.AST] = [each.value for each in parts if isinstance(each, ast.FormattedValue)]
    else:
        inner = ast.iter_child_nodes(node)
    for each in inner:
        yield from sentences(each)


def _is_log(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "log"
    )


def main() -> None:
    """Say which lines the Russian of details lacks, and which it has too many."""
    known, wanted = russian("details"), {*told()}
    tell(lacking(known, wanted) + too_many(known, wanted))


if __name__ == "__main__":
    main()
