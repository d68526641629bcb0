"""What proves a reboot: every order of events that a CPE can produce, and never a second reboot."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.services.clock import Steadiness
from acs.services.reboot_evidence import Ruling, Sending, Sight, judge, why_never

T0 = datetime(2026, 1, 1, tzinfo=UTC)
SETTLE_S = 120.0
SLACK_S = 5.0


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def sight(
    after_s: float,
    *events: str,
    uptime_s: float | None = None,
    can_ask: bool = True,
    repeated: bool = False,
    key: str = "k1",
) -> Sight:
    listed = tuple((code, key if code.startswith("M ") else "") for code in events)
    return Sight(at(after_s), at(after_s), listed, uptime_s, can_ask, repeated)


def ruling(seen: Sight, *, answered: bool = False) -> Ruling:
    return judge(Sending("k1", T0, answered), seen, settle_s=SETTLE_S, slack_s=SLACK_S)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (sight(3600, "2 PERIODIC", uptime_s=9e6), Ruling.KEEP),
        (sight(3600, "2 PERIODIC", uptime_s=60), Ruling.KEEP),
        (sight(3600, "2 PERIODIC"), Ruling.KEEP),
        (sight(-3600, "1 BOOT", uptime_s=60), Ruling.SUCCEEDED),
        (sight(-3600, "M Reboot"), Ruling.SUCCEEDED),
    ],
)
def test_when_our_clock_was_set_only_events_prove(seen: Sight, expected: Ruling) -> None:
    assert ruling(replace(seen, clock_set=True)) is expected


def test_a_clock_that_is_set_is_noticed_in_both_directions() -> None:
    steadiness = Steadiness(5.0)
    for seconds in (0, 1000, 2003, 90_000):
        steadiness.look(at(seconds), seconds)
    assert steadiness.set_at is None
    steadiness.look(at(93_610), 90_010)
    assert steadiness.set_at == at(93_610)
    steadiness.look(at(93_700), 90_100)
    assert steadiness.set_at == at(93_610)
    steadiness.look(at(90_200), 90_200)
    assert steadiness.set_at == at(93_800)


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (sight(1, "1 BOOT", "M Reboot"), Ruling.SUCCEEDED),
        (sight(1, "M Reboot", uptime_s=9e6), Ruling.SUCCEEDED),
        (sight(60, "1 BOOT"), Ruling.SUCCEEDED),
        (sight(60, "1 BOOT", "M Reboot", key="another"), Ruling.SUCCEEDED),
        (sight(60, "1 BOOT", uptime_s=30), Ruling.SUCCEEDED),
        (sight(60, "2 PERIODIC", uptime_s=30), Ruling.SUCCEEDED),
        (sight(60, "1 BOOT", uptime_s=9000), Ruling.KEEP),
        (sight(60, "1 BOOT", repeated=True), Ruling.ASK_UPTIME),
        (sight(60, "1 BOOT", repeated=True, can_ask=False), Ruling.SUCCEEDED),
        (sight(60, "2 PERIODIC", uptime_s=9000), Ruling.KEEP),
        (sight(60, "2 PERIODIC"), Ruling.KEEP),
        (sight(60, "2 PERIODIC", uptime_s=58), Ruling.KEEP),
        (sight(-1, "1 BOOT"), Ruling.KEEP),
        (sight(500, "1 BOOT", uptime_s=9000), Ruling.KEEP),
        (sight(500, "2 PERIODIC"), Ruling.ASK_UPTIME),
        (sight(500, "2 PERIODIC", can_ask=False), Ruling.KEEP),
    ],
)
def test_what_a_session_proves(seen: Sight, expected: Ruling, answered: bool) -> None:
    assert ruling(seen, answered=answered) is expected


def test_only_an_unanswered_sending_is_sent_again() -> None:
    seen = sight(500, "2 PERIODIC", uptime_s=9000)
    assert ruling(seen) is Ruling.RESEND
    assert ruling(seen, answered=True) is Ruling.KEEP


def test_a_reason_is_given_at_the_deadline() -> None:
    assert "never rebooted" in why_never(Sending("k", T0, answered=True))
    assert "not sent again" in why_never(Sending("k", T0, answered=False))


@dataclass
class World:
    """A CPE and a server that follow the rules, whatever breaks between them."""

    arrives: bool
    answer_arrives: bool
    delay_s: float
    boot_event: bool
    m_event: bool
    earlier_boot_s: float
    boots: list[float] = field(default_factory=list)

    def uptime(self, now_s: float) -> float:
        booted = max((boot for boot in self.boots if boot <= now_s), default=-self.earlier_boot_s)
        return now_s - booted


@given(
    arrives=st.booleans(),
    answer_arrives=st.booleans(),
    delay_s=st.floats(6, SETTLE_S - 1),
    boot_event=st.booleans(),
    m_event=st.booleans(),
    earlier_boot_s=st.floats(10, 1e6),
    visits=st.lists(st.tuples(st.floats(1, 3000), st.booleans(), st.booleans()), min_size=1, max_size=8),
)
def test_no_order_of_events_leads_to_a_second_reboot(
    arrives: bool,
    answer_arrives: bool,
    delay_s: float,
    boot_event: bool,
    m_event: bool,
    earlier_boot_s: float,
    visits: list[tuple[float, bool, bool]],
) -> None:
    world = World(arrives, answer_arrives and arrives, delay_s, boot_event, m_event, earlier_boot_s)
    if arrives:
        world.boots.append(delay_s)
    undelivered = world.boots[:]
    sending = Sending("k1", T0, world.answer_arrives)
    for now_s, tells_uptime, repeated in sorted(visits):
        events: list[tuple[str, str]] = [("2 PERIODIC", "")]
        if undelivered and undelivered[0] <= now_s:
            undelivered.clear()
            events += [("1 BOOT", "")] * boot_event + [("M Reboot", "k1")] * m_event
        uptime = world.uptime(now_s) if tells_uptime else None
        seen = Sight(at(now_s), at(now_s), tuple(events), uptime, True, repeated)
        said = judge(sending, seen, settle_s=SETTLE_S, slack_s=SLACK_S)
        if said is Ruling.ASK_UPTIME:
            asked = Sight(at(now_s), at(now_s), tuple(events), world.uptime(now_s), False, repeated)
            said = judge(sending, asked, settle_s=SETTLE_S, slack_s=SLACK_S)
        if said is Ruling.SUCCEEDED:
            assert world.boots and world.boots[0] <= now_s, "called done before it rebooted"
            return
        if said is Ruling.RESEND:
            assert not arrives, "sent again although it had arrived"
            return


@given(
    sent_s=st.floats(0, 1000), seen_s=st.floats(1001, 1e6), uptime_s=st.one_of(st.none(), st.floats(0, 1e7))
)  # fmt: skip
def test_an_answered_reboot_is_never_sent_again(sent_s: float, seen_s: float, uptime_s: float | None) -> None:
    sending = Sending("k", at(sent_s), answered=True)
    seen = Sight(at(seen_s), at(seen_s), (("2 PERIODIC", ""),), uptime_s, True)
    assert judge(sending, seen, settle_s=0, slack_s=0) is not Ruling.RESEND
