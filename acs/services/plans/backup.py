"""Reading a device's configuration: which parameters can be written, and what they hold. Pure.

    GetParameterNames ─▶ those that can be written and are settings of the line ─▶ GetParameterValues

The rule of this file: only the device itself says what can be written; nothing is taken from a table.
"""

from acs.cwmp.messages import GetParameterNamesResponse, Message
from acs.profiles.protection import is_setting
from acs.profiles.protection.ways import line_is_up, tells_of_a_line
from acs.services.plans.base import Outcome, Reads
from acs.services.plans.listing import NamesPlan
from acs.services.plans.reading import LONGEST_NAME, ReadPlan
from acs.store.records import Json


class BackupPlan:
    """Reads everything that could be put back."""

    def __init__(self, root: str, *, batch: int, budget: int) -> None:
        self.reads = Reads()
        self._root, self._batch, self._budget = root, batch, budget
        self._listing = NamesPlan(root, next_level=False, root=root, budget=budget)
        self._writable: list[str] = []
        self._telling: list[str] = []
        self._tables: list[str] = []
        self._names: list[str] = []
        self._reading: ReadPlan | None = None
        self._over = False

    @property
    def complete(self) -> bool:
        """Whether it is over, and anything was read that can be kept."""
        return self._over and bool(self.values)

    @property
    def whole(self) -> bool:
        """Whether nothing is missing that the device could have given: only then has it no row that is not here."""
        return self.complete and self._listing.whole and self._reading is not None and self._reading.whole

    @property
    def values(self) -> dict[str, tuple[str, str]]:
        """name → (value, type) of what could be put back."""
        read = {} if self._reading is None else self._reading.reads.values
        return {name: read[name] for name in self._names if name in read}

    @property
    def line_is_up(self) -> bool | None:
        """Whether the line said just now that it is up; None where it does not say."""
        read = {} if self._reading is None else self._reading.reads.values
        return line_is_up({name: value for name, (value, _) in read.items() if tells_of_a_line(name)})

    def request(self) -> Message | None:
        """The next request; None when everything was read."""
        if self._reading is None:
            request = self._listing.request()
            if request is not None:
                return request
            self._names = sorted(name for name in self._writable if is_setting(name))
            names = sorted({*self._names, *self._telling}) if self._names else []
            self._reading = ReadPlan(names, batch=self._batch, budget=self._budget)
            self.reads = self._reading.reads
        request = self._reading.request()
        self._over = request is None
        return request

    def take(self, answer: Message) -> None:
        """Names or values, or a fault that makes the next request smaller."""
        if self._reading is not None:
            self._reading.take(answer)
            return
        if isinstance(answer, GetParameterNamesResponse):
            for info in answer.parameter_list:
                if tells_of_a_line(info.name):
                    self._telling.append(info.name)
                if info.writable and info.name.startswith(self._root) and len(info.name) <= LONGEST_NAME:
                    (self._tables if info.name.endswith(".") else self._writable).append(info.name)
        self._listing.take(answer)

    def outcome(self) -> Outcome:
        """Succeeded when anything was read."""
        if not self._writable:
            listed = self._listing.outcome()
            if not listed.succeeded:
                return listed
            return Outcome(False, "the device lists no parameter that can be written, so there is nothing to keep")
        assert self._reading is not None
        read = self._reading.outcome()
        if not read.succeeded:
            return read
        result: dict[str, Json] = {"parameters": len(self.values), "requests": self._reading.requests}
        return Outcome(True, f"{len(self.values)} settings kept", result)
