"""What stands between the likeliest cause and saying it: coverage, history, actions already tried, cost, safety.

The rule of this file: a post-gate may silence, soften or hand to a person; it never makes a cause more likely.
"""

from collections.abc import Iterable

from probes.linetest.costs import money_of
from probes.linetest.form import Cause, Instead
from probes.linetest.model import AUTOMATIC, VerdictKind
from probes.linetest.pack import Pack
from probes.linetest.view import View

_SERVICE_ADDS = {"iptv": "iptv_adds", "voip": "voip_adds"}


def coverage(pack: Pack, technology: str, view: View) -> tuple[str, ...] | None:
    """Return what "nothing found" needs for this technology and service; None where it may never be said."""
    rules = pack.file.coverage["nff"]
    base: tuple[str, ...] = getattr(rules, technology, ()) if technology != "any" else ()
    if not base:
        return None
    adds: tuple[str, ...] = getattr(rules, _SERVICE_ADDS.get(str(view.values.get("ticket.service")), ""), ())
    also = [name for item in rules.also if pack.met(item.when, view.results) for name in item.facts]
    return tuple(dict.fromkeys((*base, *adds, *also)))


def gate_facts(pack: Pack, technology: str) -> tuple[str, ...]:
    """Return the gate facts of a technology; those of another technology do not apply."""
    lists = pack.file.gate_facts
    own: tuple[str, ...] = getattr(lists, technology, lists.any)
    return tuple(dict.fromkeys((*lists.common, *own)))


def unmet_needs(cause: Cause, view: View, *, strict_gates: bool) -> tuple[str, ...]:
    """Return the first fact of every group of which none is known.

    Without strict gates the siblings count as known and quiet when nothing at all was said about them.
    """
    quiet = () if strict_gates else _quiet(view)
    lacking = []
    for group in cause.needs:
        if any(view.known(name) for name in group) or any(name.startswith(quiet) for name in group):
            continue
        lacking.append(group[0])
    return tuple(lacking)


def _quiet(view: View) -> tuple[str, ...]:
    said = {name.split(".")[0] for name in (*view.values, *view.stale, *view.unreadable)}
    return tuple(f"{family}." for family in ("sib",) if family not in said)


def instead(pack: Pack, cause: Cause, view: View) -> Instead | None:
    """Return what the cause becomes on this line: repeats, another's router, services restored."""
    for item in cause.instead:
        if pack.met(item.when, view.results):
            return item
    return None


def dear(pack: Pack, verdict: VerdictKind, posterior: float, *, business: bool = False) -> bool:
    """Return whether this belief is too weak for what the verdict costs when it is wrong.

    A visit pays when P > C/(C+L); a line crew goes first only when P > C_line/(C_line+C_home).
    """
    money = money_of(pack.file.engine, business=business)
    if verdict is VerdictKind.DISPATCH_HOME:
        return posterior <= money.visit_home / (money.visit_home + money.day_lost)
    if verdict is VerdictKind.DISPATCH_LINE:
        return posterior <= money.visit_line / (money.visit_line + money.visit_home)
    return False


def remote_pays(pack: Pack, action: str) -> bool:
    """Return whether trying from here first is cheaper than a visit: p_fix · C_visit > C_remote."""
    rule = pack.file.action.get(action)
    return rule is None or rule.p_fix * pack.file.engine.cost_visit_home > rule.cost


def tried(action: str, view: View) -> bool:
    """Return whether this action was already done for the ticket (fact actions.tried: names separated by commas)."""
    done = str(view.values.get("actions.tried", "")).replace(";", ",").split(",")
    return bool(action) and action in {item.strip() for item in done}


def often(pack: Pack, view: View) -> bool:
    """Return whether the subscriber has come so often that no further try from here goes first (design §6)."""
    contacts = view.values.get("contacts_14d", 0)
    return isinstance(contacts, int | float) and contacts >= pack.file.engine.repeat_contacts


def human_reasons(
    pack: Pack, verdict: VerdictKind, action: str, view: View, unknown_gates: Iterable[str], *, strict_gates: bool
) -> tuple[str, ...]:
    """Return the codes of why a person must confirm; empty when the verdict may be carried out as it is."""
    reasons = []
    if verdict is not VerdictKind.ATTACH_OUTAGE and strict_gates:
        reasons += [f"gate_unknown:{name}" for name in unknown_gates]
    if verdict is VerdictKind.REMOTE_FIX:
        reasons += unsafe(pack, action, view)
        if tried(action, view):
            reasons.append("action_already_tried")
        if often(pack, view):
            reasons.append("repeated_contacts")
        if not remote_pays(pack, action):
            reasons.append("visit_is_cheaper")
    if verdict in AUTOMATIC and tried(action, view):
        reasons.append("action_already_tried")
    return tuple(reasons)


def unsafe(pack: Pack, action: str, view: View) -> list[str]:
    """Return the codes of why an action may not be done now: a call, an upgrade, no way to it, too often today."""
    rule = pack.file.action.get(action)
    if rule is None:
        return []
    reasons = [f"unsafe:{name}" for name in rule.forbid_if if view.values.get(name) is True]
    if rule.needs and view.values.get(rule.needs) is False:
        reasons.append(f"needs:{rule.needs}")
    count = view.values.get(rule.limit_fact) if rule.limit_fact else None
    if rule.limit_24h is not None and isinstance(count, int | float) and count >= rule.limit_24h:
        reasons.append(f"limit_24h:{action}")
    return reasons
