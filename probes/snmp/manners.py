"""What an agent has shown that it can do: how many rows and how many varbinds it answers at once.

The rule: it is learned from answers alone and belongs to one agent. Whoever keeps it (`probes.gentle` does, for each
node) asks the next time as the agent likes to be asked; whoever keeps none starts carefully.
"""

from dataclasses import dataclass

#: varbinds in one GET: what access nodes answer in one frame with room to spare [E]
MAX_VARBINDS = 24
#: rows of one GETBULK: what fits an Ethernet frame; beyond it an agent only works for nothing [E]
MOST_REPETITIONS = 50
#: an agent that loses long answers gets questions of this size at last [E]
LEAST_REPETITIONS = 4
#: full answers in a row after which the next question is larger [E]
_FULL_ANSWERS = 3
#: errors in a row, with no value between them, after which an agent is not read but broken [E]
_ERRORS = 12
#: an agent that lost an answer gets this part of the question [E]
_SMALLER = 4


@dataclass(slots=True)
class Manners:
    """How one agent wants to be asked. `repetitions` 0 means that nothing is known yet."""

    repetitions: int = 0
    varbinds: int = MAX_VARBINDS
    #: a long answer was lost: it is never asked for so much again
    ceiling: int = MOST_REPETITIONS
    _full: int = 0
    _errors: int = 0

    def begin(self, repetitions: int) -> int:
        """The repetitions to begin a walk with: those that are known to work, else the ones given."""
        if not self.repetitions:
            self.repetitions = max(1, repetitions)
        return self.repetitions

    def answered(self, rows: int) -> None:
        """An answer of so many rows came; several full ones in a row earn a larger question."""
        self._full = self._full + 1 if rows >= self.repetitions else 0
        if self._full >= _FULL_ANSWERS and self.repetitions < self.ceiling:
            self.repetitions = min(self.ceiling, self.repetitions * 2)
            self._full = 0

    def choked(self) -> bool:
        """A long answer did not come, or was refused as too big; False when smaller questions make no sense."""
        self._full = 0
        if self.repetitions <= LEAST_REPETITIONS:
            return False
        self.repetitions = self.ceiling = max(LEAST_REPETITIONS, self.repetitions // _SMALLER)
        return True

    def only_errors(self, *, failed: bool) -> bool:
        """A question was answered, with an error and nothing else or not; True once the agent does nothing but fail."""
        self._errors = self._errors + 1 if failed else 0
        return self._errors >= _ERRORS

    def too_many(self, varbinds: int) -> None:
        """A GET of so many varbinds was too big."""
        self.varbinds = max(1, min(self.varbinds, varbinds // 2))
