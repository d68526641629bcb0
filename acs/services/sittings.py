"""One line being judged while its sources are asked: at the beginning by the registries alone, on the way, at the end.

The rule of this file: what a registry says of a line is answered before anybody is asked; the rest of the test only
adds to it.
"""

from collections.abc import Sequence
from time import monotonic
from typing import Any

from acs.services.cases import Case
from acs.services.clock import Clock
from acs.services.gathering import Gathering, Source
from acs.services.line_judging import Judgement, facts_known, judge_line
from acs.services.stand_ins import judge_or_stand_in
from probes.linetest.pack import Pack

#: gate facts that other systems tell of a line: nothing has to be asked for them
REGISTRIES = frozenset({"incident.match", "planned.work", "account.state"})


class Sitting:
    """A case before its packs. `packs`: in the order in which they are asked; `failed`: why one before them is not."""

    def __init__(
        self,
        case: Case,
        packs: tuple[Sequence[Pack], str],
        sources: Sequence[Source],
        gathering: Gathering,
        clock: Clock,
        *,
        optical_class: str,
    ) -> None:
        self._packs, self._failed = packs
        self._sources = sources
        self._gathering = gathering
        self._clock = clock
        self._optical_class = optical_class
        self._began = monotonic()
        self.hear(case)

    def hear(self, case: Case) -> None:
        """What is known of the line has changed: judge this from now on."""
        self.case = case
        self._known = facts_known(case, optical_class=self._optical_class)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the sources were asked."""
        return monotonic() - self._began

    def judged(self) -> tuple[Judgement, Pack]:
        """The judgement from what is there now, and the pack that gave it."""
        elapsed_s = self.elapsed_s

        def by(pack: Pack, why: str) -> Judgement:
            now = self._clock()
            return judge_line(
                pack,
                self.case,
                self._known,
                self._gathering,
                self._sources,
                elapsed_s=elapsed_s,
                now=now,
                stands_in=why,
            )

        return judge_or_stand_in(self._packs, by, self.case.test.id, self._failed)

    def of_registries(self) -> dict[str, Any] | None:
        """The verdict, marked as partial, where an incident, planned work or the account decides; else None."""
        if not any(fact.name in REGISTRIES for fact in self.case.told):
            return None
        judgement, pack = self.judged()
        causes = {gate.cause for gate in pack.file.gate if REGISTRIES.issuperset(gate.when.facts())}
        return {**judgement.verdict, "partial": True} if judgement.verdict.get("cause") in causes else None
