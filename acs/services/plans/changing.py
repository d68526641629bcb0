"""A change of some settings as one thing: kept before, done step by step, read again, and taken back if a step fails.

    BackupPlan ─▶ step ─▶ step ─▶ … ─▶ read again ─▶ before and after
                    └─ refused ─▶ what was done before is taken back

The rule of this file: a change either holds as a whole, or what it did is taken back and said; a device that takes a
value and shows another has not taken it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from acs.secret_names import is_secret
from acs.services.plans.backup import BackupPlan
from acs.services.plans.base import Outcome, Plan, Reads
from acs.services.plans.reading import ReadPlan
from acs.services.plans.rows import AddPlan, DeletePlan
from acs.services.plans.setting import SetPlan
from acs.services.plans.written_out import Run, WrittenOut
from acs.services.provisioning_diff import same_value
from acs.services.provisioning_rules import Wish
from acs.store.records import Json

#: In the place of a secret.
HIDDEN = "(hidden)"


class ChangePlan(WrittenOut):
    """Runs the steps of an operation `change`; see `kinds/changing.py` for their form."""

    def __init__(
        self,
        steps: Sequence[Mapping[str, Any]],
        watch: Sequence[str],
        *,
        root: str,
        parameter_key: str,
        batch: int,
        budget: int,
        again: bool = False,
    ) -> None:
        self.reads = Reads()
        self.backup = BackupPlan(root, batch=batch, budget=budget)
        #: the configuration is read, and nothing was changed yet: it must be on disk before the next request leaves
        self.kept = False
        #: name → (value, type) that the device took; None: the parameter or row is gone
        self.applied: dict[str, tuple[str, str] | None] = {}
        self._asked, self._watch = list(steps), list(watch)
        self._root, self._key, self._batch, self._budget, self._again = root, parameter_key, batch, budget, again
        self._before: dict[str, str] = {}
        self._after: dict[str, str] = {}
        self._added: list[str] = []
        self._failed: Outcome | None = None
        self._undone: list[str] = []
        self._later = False
        self.begin(self._go())

    def outcome(self) -> Outcome:
        """Succeeded when every step was taken and the device shows it; `changes` are before and after."""
        result: dict[str, Json] = {"changes": self._changes()}
        if self._added:
            result["rows"] = list[Json](self._added)
        if self._undone:
            result["undone"] = list[Json](self._undone)
        if self._failed is not None:
            more = self._failed.result if isinstance(self._failed.result, dict) else {}
            why = self._failed.detail + ("; what had been changed was taken back" if self._undone else "")
            return Outcome(False, why, {**more, **result}, self._failed.fault_code, self._failed.fault_string)
        wrong = [] if self._later else self._not_kept()
        if wrong:
            result["why"] = "not_kept"
            return Outcome(False, f"the device took it, but still shows the former value of {', '.join(wrong)}", result)
        reread = tuple(name for name, entry in self.applied.items() if entry is not None) if self._later else ()
        return Outcome(True, "taken, applied later" if self._later else "applied", result, reread=reread)

    def _go(self) -> Run:
        yield from self._through(self.backup)
        self._before.update((name, value) for name, (value, _) in self.backup.values.items())
        self.kept = self.backup.complete
        if unseen := [name for name in self._watch if name not in self._before]:
            yield from self._read(unseen, self._before)
        done: list[tuple[Mapping[str, Any], Plan]] = []
        for n, step in enumerate(self._asked):
            plan = self._plan_of(step, n)
            yield from self._through(plan)
            outcome = plan.outcome()
            if not outcome.succeeded:
                self._failed = outcome
                self._note_row(plan)
                yield from self._take_back([*done, (step, plan)] if isinstance(plan, AddPlan) else done)
                break
            self._later = self._later or bool(outcome.reread)
            self._note(step, plan)
            done.append((step, plan))
        names = [*self._watch, *(name for name, entry in self.applied.items() if entry is not None)]
        if names:
            yield from self._read(names, self._after)

    def _read(self, names: Sequence[str], into: dict[str, str]) -> Run:
        reading = ReadPlan(list(dict.fromkeys(names)), batch=self._batch, budget=self._budget)
        yield from self._through(reading)
        into.update((name, value) for name, (value, _) in reading.reads.values.items())

    def _plan_of(self, step: Mapping[str, Any], n: int) -> Plan:
        key = f"{self._key[:28]}.{n}"
        if "add" in step:
            return AddPlan(
                str(step["add"]),
                step.get("values", {}),
                command_key=key,
                root=self._root,
                batch=self._batch,
                budget=self._budget,
                again=self._again,
            )
        if "delete" in step:
            return DeletePlan(str(step["delete"]), key)
        return SetPlan(step["values"], parameter_key=key, batch=self._batch, budget=self._budget)

    def _through(self, plan: Plan) -> Run:
        while (request := plan.request()) is not None:
            plan.take((yield request))
        self.reads.values.update(plan.reads.values)
        self.reads.whole.extend(plan.reads.whole)
        if isinstance(plan, DeletePlan):
            for name in [name for name in self.reads.values if name.startswith(tuple(plan.reads.whole) or ("\0",))]:
                del self.reads.values[name]

    def _note(self, step: Mapping[str, Any], plan: Plan) -> None:
        if isinstance(plan, SetPlan):
            for name, (value, _) in plan.before.items():
                self._before.setdefault(name, value)
            if not step.get("trigger"):
                self.applied.update(plan.applied)
        elif isinstance(plan, AddPlan):
            self._note_row(plan)
            self.applied.update(plan.applied)
        else:
            self.applied[str(step["delete"])] = None

    def _note_row(self, plan: Plan) -> None:
        if isinstance(plan, AddPlan) and plan.path:
            self._added.append(plan.path)

    def _take_back(self, done: Sequence[tuple[Mapping[str, Any], Plan]]) -> Run:
        """Undo in reverse order what can be undone: settings whose former value is known, rows that were added."""
        for n, (_, plan) in enumerate(reversed(done)):
            back: Plan | None = None
            what = ""
            if isinstance(plan, SetPlan):
                values = {name: value for name, (value, _) in plan.before.items() if not is_secret(name)}
                what = ", ".join(values)
                back = SetPlan(values, parameter_key=f"{self._key[:27]}.u{n}", batch=self._batch, budget=self._budget)
                if not values:
                    continue
            elif isinstance(plan, AddPlan) and plan.path:
                what, back = plan.path, DeletePlan(plan.path, f"{self._key[:27]}.u{n}")
            if back is None:
                continue
            yield from self._through(back)
            if back.outcome().succeeded:
                self._undone.append(what)
                self._forget(plan)

    def _forget(self, plan: Plan) -> None:
        if isinstance(plan, AddPlan):
            self.applied = {n: e for n, e in self.applied.items() if not n.startswith(plan.path)}
            self._added = [path for path in self._added if path != plan.path]
        elif isinstance(plan, SetPlan):
            for name in plan.applied:
                self.applied.pop(name, None)

    def _not_kept(self) -> list[str]:
        return [
            name
            for name, entry in self.applied.items()
            if entry is not None
            and not is_secret(name)
            and name in self._after
            and not same_value(self._after[name], entry[1], Wish(entry[0]))
        ]

    def _changes(self) -> list[Json]:
        gone = [name for name, entry in self.applied.items() if entry is None]
        names = dict.fromkeys([*(name for name in self.applied if name not in gone), *self._watch])
        rows: list[Json] = [self._row(name) for name in names]
        rows += [
            {"path": name, "before": _shown(name, value), "after": None}
            for row in gone
            for name, value in self._before.items()
            if name.startswith(row)
        ]
        return rows

    def _row(self, name: str) -> Json:
        after = self._after.get(name)
        entry = self.applied.get(name)
        if entry is not None and is_secret(name):
            return {"path": name, "before": HIDDEN, "after": HIDDEN, "secret": True}
        return {"path": name, "before": _shown(name, self._before.get(name)), "after": _shown(name, after)}


def _shown(name: str, value: str | None) -> Json:
    return HIDDEN if value and is_secret(name) else value
