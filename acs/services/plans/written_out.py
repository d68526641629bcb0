"""A plan that is written as one run of requests and answers, from the first to the last."""

from collections.abc import Generator

from acs.cwmp.messages import Message

#: gives requests, and is sent the answer to each
Run = Generator[Message, Message, None]


class WrittenOut:
    """The steps of a plan whose course is a generator."""

    def begin(self, run: Run) -> None:
        """Start the run; what it needs must be set before."""
        self._run = run
        self._next: Message | None = next(run, None)

    def request(self) -> Message | None:
        """The next request; None when it is over."""
        request, self._next = self._next, None
        return request

    def take(self, answer: Message) -> None:
        """The answer to it."""
        try:
            self._next = self._run.send(answer)
        except StopIteration:
            self._next = None
