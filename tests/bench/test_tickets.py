"""The benches of tickets count what they say: verdicts by ticket, the order of each line, percentiles, repetitions."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bench import ticket_events
from bench.ticket_events import Due, Sent, Tally, TicketEvents
from bench.ticket_outcomes import CpuTrack, Outcome, collect
from bench.ticket_system import BenchTicketSystem
from bench.ticket_town import PER_PON, scenarios
from bench.tickets import Measured, figures, report, tickets_due, times
from bench.tickets_away import PER_LINE, Arrivals, arrivals_of, rounds_due
from cli.ports import free_port
from cli.simulator.scenario_files import Scenario

AT = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
SCENARIO = scenarios(1, 0)[0]
LINES = [(Scenario(f"L{number}", "-", "Slow.", {}), number < 3) for number in range(10)]


def test_a_town_has_a_pon_for_every_31_lines() -> None:
    made = scenarios(PER_PON + 1, PER_PON)
    assert [one.id for one in made] == ["cut00", "well00", "well01"]
    assert [bool(one.down) for one in made] == [True, False, False]


@pytest.mark.parametrize(
    ("took_s", "expected"),
    [
        ([], (0.0, 0.0, 0.0, 0.0)),
        ([3.0], (3.0, 3.0, 3.0, 3.0)),
        ([float(n) for n in range(100, -1, -1)], (50.0, 95.0, 99.0, 100.0)),
    ],
)
def test_percentiles(took_s: list[float], expected: tuple[float, ...]) -> None:
    assert tuple(times(took_s).values()) == pytest.approx(expected)


def test_every_line_has_one_ticket_and_the_district_comes_among_the_others() -> None:
    due = tickets_due(LINES, 20.0, seed=1)
    assert due == tickets_due(LINES, 20.0, seed=1) != tickets_due(LINES, 20.0, seed=2)
    assert [one.at_s for one in due] == pytest.approx([2.0 * n for n in range(10)])
    assert {(one.ticket, one.line.id, one.cut) for one in due} == {(f"TT-{of.id}", of.id, cut) for of, cut in LINES}
    assert [one.cut for one in due] not in ([cut for _, cut in LINES], [cut for _, cut in reversed(LINES)])


def test_every_line_has_its_tickets_in_rounds() -> None:
    due = rounds_due(LINES, 60.0, seed=1)
    assert [one.at_s for one in due] == pytest.approx([2.0 * n for n in range(10 * PER_LINE)])
    assert len({one.ticket for one in due}) == len(due)
    rounds = [[one.line.id for one in due[n : n + 10]] for n in range(0, len(due), 10)]
    assert [sorted(one) for one in rounds] == [sorted(line.id for line, _ in LINES)] * PER_LINE
    assert rounds[0] != rounds[1]


def outcome(
    number: int, after_s: float | None = 5.0, *, cut: bool = False, fails: bool = False, said_of: str = ""
) -> Outcome:
    verdict = said_of or ("ATTACH_OUTAGE" if cut else "NFF")
    said = None if fails else {"verdict": verdict, "cause": "x"}
    done = {
        "state": "failed" if fails else "done",
        "verdict": said,
        "finished_at": (AT + timedelta(seconds=after_s or 0)).isoformat(),
    }
    running = {"state": "running", "verdict": None, "finished_at": None}
    return Outcome(Sent(f"T{number}", f"L{number}", cut, AT, f"t{number}"), running if after_s is None else done)


def measured(outcomes: list[Outcome], per_ticket: Counter[int]) -> Measured:
    return Measured(Tally(sent=30, twice=10, took_s=[0.5]), outcomes, per_ticket, 60.0, 2.0, 40, 32, 2)


def test_an_outcome_is_told_from_when_its_ticket_was_due() -> None:
    assert (outcome(1, 7.5).took_s, outcome(1).verdict) == (7.5, "NFF x")
    unsaid = outcome(1, None)
    assert unsaid.verdict == "no verdict: running"
    assert unsaid.took_s == pytest.approx((datetime.now(UTC) - AT).total_seconds(), abs=60)


@pytest.mark.parametrize(
    ("outcomes", "per_ticket", "kept"),
    [
        ([outcome(n) for n in range(20)], Counter({1: 20}), True),
        ([*(outcome(n) for n in range(19)), outcome(19, 31.0)], Counter({1: 20}), True),
        ([*(outcome(n) for n in range(18)), outcome(18, 31.0), outcome(19, 31.0)], Counter({1: 20}), False),
        ([outcome(n) for n in range(20)], Counter({1: 19, 2: 1}), False),
        ([outcome(n) for n in range(20)], Counter({1: 19, 0: 1}), False),
        ([outcome(n) for n in range(19)], Counter({1: 20}), False),
        ([*(outcome(n) for n in range(19)), outcome(19, fails=True)], Counter({1: 20}), False),
        ([*(outcome(n) for n in range(19)), outcome(19, said_of="ATTACH_OUTAGE")], Counter({1: 20}), False),
    ],
    ids=["well", "one-late", "two-late", "tested-twice", "not-tested", "lost", "no-verdict", "wrong"],
)
def test_the_aim_is_kept_where_every_ticket_has_one_verdict_in_time(
    outcomes: list[Outcome], per_ticket: Counter[int], kept: bool
) -> None:
    run = measured(outcomes, per_ticket)
    counted = figures(run, 20)
    assert counted["kept"] is kept
    assert counted["tests"] == sum(tests * of for tests, of in per_ticket.items())
    assert counted["late"] == sum(one.took_s > 30 for one in outcomes)
    assert counted["without_verdict"] == sum(one.test["verdict"] is None for one in outcomes)
    assert counted["cpu_ms_per_ticket"] == 100.0
    assert report(run, counted)[-1].endswith(": kept" if kept else ": NOT kept")


@pytest.mark.parametrize(
    ("cut", "said", "wrong"),
    [
        (False, "NFF", False),
        (False, "INCONCLUSIVE", False),
        (False, "ATTACH_OUTAGE", True),
        (False, "DISPATCH_HOME", True),
        (True, "OPEN_OUTAGE", False),
        (True, "ATTACH_OUTAGE", False),
        (True, "INCONCLUSIVE", False),
        (True, "NFF", True),
        (True, "DISPATCH_HOME", True),
    ],
)
def test_a_line_is_judged_wrongly_where_its_verdict_is_of_the_other_side(cut: bool, said: str, wrong: bool) -> None:
    assert outcome(1, cut=cut, said_of=said).wrong is wrong
    assert not outcome(1, cut=cut, fails=True).wrong


def test_cpu_is_counted_to_the_last_verdict() -> None:
    track = CpuTrack()
    for second in range(5):
        track.look(10.0 + second, AT + timedelta(seconds=second))
    assert track.until(AT + timedelta(seconds=2)) == 2.0
    assert track.until(AT + timedelta(seconds=2.5)) == 3.0
    assert track.until(AT + timedelta(seconds=60)) == 4.0


class Server:
    """Line tests of which one more has ended at each question for the last one."""

    def __init__(self, tests: list[dict[str, Any]]) -> None:
        self.tests, self.asked = tests, Counter[str]()

    def get(self, path: str, *, limit: int = 0, before: str | None = None) -> Any:
        self.asked[path] += 1
        if path != "/line-tests":
            next(one for one in self.tests if one["state"] == "running")["state"] = "done"
            return next(one for one in self.tests if path.endswith(one["id"]))
        newest = sorted(self.tests, key=lambda one: one["id"], reverse=True)
        return [one for one in newest if before is None or one["id"] < before][:limit]


def test_outcomes_are_read_once_nothing_runs_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.ticket_outcomes._ASKED_S", 0.0)
    monkeypatch.setattr("bench.ticket_outcomes._PAGE", 2)
    said = {"verdict": {"verdict": "NFF", "cause": "nff"}, "finished_at": AT.isoformat()}
    tests = [{"id": f"t{n}", "ticket": f"T{n}", "state": "running", **said} for n in range(3)]
    server = Server([*tests, {"id": "t3", "ticket": None, "state": "done", **said}])
    sent = [Sent(f"T{n}", f"L{n}", False, AT + timedelta(seconds=n), f"t{n}") for n in range(3)]
    outcomes, per_ticket = collect(server, [*sent, Sent("T9", "L9", False, AT, "t9")])  # type: ignore[arg-type]
    assert [one.verdict for one in outcomes] == ["NFF nff"] * 3 + ["no verdict: lost"]
    assert per_ticket == Counter(["T0", "T1", "T2"])
    assert server.asked == Counter({"/line-tests/t2": 3, "/line-tests": 3})


def test_the_report_tells_the_district_from_the_others() -> None:
    run = measured([outcome(0, 9.0, cut=True), outcome(1, 3.0)], Counter({1: 2}))
    told = report(run, figures(run, 2))
    assert "2 tickets, 1 of them in the district" in told[0]
    [district] = [line for line in told if line.startswith("district ")]
    [others] = [line for line in told if line.startswith("others ")]
    assert "median 9.00 s" in district and "median 3.00 s" in others


#: two lines with two tickets each, and the tests that were given their verdicts in this order
AWAY = [Due(ticket, Scenario(line, "-", "", {}), False, 0.0) for ticket, line in zip("abcd", "xyxy", strict=True)]
TESTS = {ticket: f"test-{ticket}" for ticket in "abcd"}
DELIVERIES = [
    *({"id": f"0{n}", "ticket": ticket, "event_type": "line_test.verdict"} for n, ticket in enumerate("abcd", 1)),
    {"id": "00", "ticket": "d", "event_type": "line_test.started"},
]


def arrived(told: str, **other: str) -> Arrivals:
    """What is counted where the notes came in this order; `other` names another test than the ticket's."""
    notes = [(ticket, other.get(ticket, TESTS[ticket])) for ticket in told]
    return arrivals_of(notes, AWAY, TESTS, list(reversed(DELIVERIES)))


def test_verdicts_in_their_order_are_as_they_should_be() -> None:
    assert arrived("abcd") == Arrivals(Counter({1: 4}), 0, 0)
    assert arrived("abcd").kept
    assert arrived("abcd").said().endswith(": kept")


def test_lines_may_overtake_each_other() -> None:
    assert arrived("bdac") == Arrivals(Counter({1: 4}), 0, 2)
    assert arrived("bdac").kept


@pytest.mark.parametrize(
    ("told", "other", "expected"),
    [
        ("cbad", {}, Arrivals(Counter({1: 4}), 1, 2)),
        ("cdab", {}, Arrivals(Counter({1: 4}), 2, 2)),
        ("abc", {}, Arrivals(Counter({1: 3, 0: 1}), 0, 0)),
        ("abccd", {}, Arrivals(Counter({1: 3, 2: 1}), 0, 1)),
        ("abcd", {"d": "test-of-before"}, Arrivals(Counter({1: 3, 0: 1}), 0, 0)),
        ("", {}, Arrivals(Counter({0: 4}), 0, 0)),
    ],
    ids=["one-line", "both-lines", "missing", "twice", "another-test", "none"],
)
def test_what_is_wrong_is_counted(told: str, other: dict[str, str], expected: Arrivals) -> None:
    assert arrived(told, **other) == expected
    assert not expected.kept
    assert expected.said().endswith(": NOT kept")


def events(answer: Callable[[httpx.Request], httpx.Response], twice: float = 0.0) -> TicketEvents:
    return TicketEvents("http://acs.example", "t", twice=twice, transport=httpx.MockTransport(answer))


def taken(test: str = "t1") -> httpx.Response:
    return httpx.Response(202, json={"line_test": test})


def due(*tickets: str) -> list[Due]:
    return [Due(ticket, SCENARIO, False, 0.0) for ticket in tickets]


async def test_an_event_is_repeated_until_it_is_taken() -> None:
    answers = iter(
        [httpx.Response(429, headers={"Retry-After": "0"}), httpx.Response(503, headers={"Retry-After": "0"})]
    )
    sender = events(lambda _: next(answers, None) or taken())
    [sent] = await sender.send(due("TT-1"))
    assert (sent.ticket, sent.line, sent.test) == ("TT-1", SCENARIO.id, "t1")
    assert (sender.tally.sent, sender.tally.lost) == (3, 0)
    assert sender.tally.refused == Counter({"HTTP 429": 1, "HTTP 503": 1})
    assert len(sender.tally.took_s) == 3


async def test_an_answer_that_is_lost_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_events, "PAUSE_S", 0.0)
    tries: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        tries.append(request)
        if len(tries) == 1:
            raise httpx.ReadTimeout("late")
        return taken()

    sender = events(answer)
    assert len(await sender.send(due("TT-1"))) == 1
    assert (sender.tally.sent, sender.tally.refused) == (2, Counter({"ReadTimeout": 1}))


async def test_an_event_that_is_refused_is_lost() -> None:
    sender = events(lambda _: httpx.Response(404))
    assert await sender.send(due("TT-1", "TT-2")) == []
    assert (sender.tally.sent, sender.tally.lost, sender.tally.refused) == (2, 2, Counter({"HTTP 404": 2}))


async def test_a_second_time_that_gives_another_test_is_counted() -> None:
    tests = iter(["t1", "t2"])
    sender = events(lambda _: taken(next(tests)), twice=1.0)
    [sent] = await sender.send(due("TT-1"))
    assert sent.test in ("t1", "t2")
    assert (sender.tally.sent, sender.tally.twice, sender.tally.other_test) == (2, 1, 1)
    same = events(lambda _: taken(), twice=1.0)
    await same.send(due("TT-1"))
    assert (same.tally.twice, same.tally.other_test) == (1, 0)


async def test_the_ticket_system_notes_what_it_is_told_once_it_is_back() -> None:
    system = BenchTicketSystem(free_port(), {"TT-1": {"id": "TT-1", "note": []}})
    note: dict[str, Any] = {"text": "the fibre is cut [secondline:t1]"}
    async with httpx.AsyncClient(trust_env=False) as http:
        system.go_away(deaf=False)
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{system.url}/troubleTicket/TT-1")
        await system.come_back()
        try:
            assert (await http.get(f"{system.url}/troubleTicket/TT-2")).status_code == 404
            for body in (
                {"note": [note]},
                {"note": [note]},
                {"note": [note, {"text": "thanks"}]},
                {"note": [note, note]},
            ):
                answer = await http.patch(f"{system.url}/troubleTicket/TT-1", json=body)
                assert answer.json()["note"] == body["note"]
        finally:
            await system.stop()
    assert system.told == [("TT-1", "t1"), ("TT-1", "t1")]
    assert system.calls == 5
