"""Who must wait after wrong passwords, and for how long."""

from acs.config import GuardSection
from acs.services import guard as guards
from acs.services.guard import Guard

HERE, THERE = "192.0.2.1", "198.51.100.1"
CONFIG = GuardSection(failures=3, failures_per_address=10, failures_per_name=6, delay_s=2.0, delay_max_s=10.0)


def failed(guard: Guard, times: int, *, address: str = HERE, name: str = "n", now: float = 0.0, **more: bool) -> None:
    for _ in range(times):
        guard.failed(address, name, now, **more)


def test_a_few_wrong_passwords_cost_nothing_and_more_cost_ever_more() -> None:
    guard = Guard(CONFIG)
    waits = []
    for _ in range(7):
        failed(guard, 1)
        waits.append(guard.wait_s(HERE, "n", 0.0))
    assert waits == [0.0, 0.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    assert guard.wait_s(HERE, "n", 10.5) == 0.0
    assert guard.wait_s(HERE, "other", 0.0) == 0.0


def test_wrong_passwords_are_forgotten() -> None:
    guard = Guard(CONFIG)
    failed(guard, 2)
    failed(guard, 1, now=CONFIG.forget_s + 1)
    assert guard.wait_s(HERE, "n", CONFIG.forget_s + 1) == 0.0


def test_a_right_password_ends_the_wait() -> None:
    guard = Guard(CONFIG)
    failed(guard, 3)
    guard.succeeded(HERE, "n")
    assert guard.wait_s(HERE, "n", 0.0) == 0.0


def test_an_address_that_tries_many_names_is_held_up_as_a_whole() -> None:
    guard = Guard(CONFIG)
    for n in range(10):
        failed(guard, 1, name=f"n{n}")
    assert guard.wait_s(HERE, "never tried", 0.0) > 0.0
    assert guard.wait_s(THERE, "never tried", 0.0) == 0.0


def test_a_name_that_is_tried_everywhere_is_held_up_but_not_where_it_lives() -> None:
    guard = Guard(CONFIG)
    guard.succeeded(HERE, "n")
    for n in range(6):
        failed(guard, 1, address=f"203.0.113.{n}")
    assert guard.wait_s(THERE, "n", 0.0) > 0.0
    assert guard.wait_s(HERE, "n", 0.0) == 0.0


def test_a_shared_name_is_never_held_up_everywhere() -> None:
    guard = Guard(CONFIG)
    for n in range(30):
        failed(guard, 1, address=f"203.0.113.{n}", shared=True)
    assert guard.wait_s(THERE, "n", 0.0) == 0.0


def test_what_is_remembered_is_bounded() -> None:
    guard = Guard(CONFIG)
    for n in range(guards.REMEMBERED):
        failed(guard, 1, address=f"a{n}", name=f"n{n}")
    assert len(guard._failures) == guards.REMEMBERED
    for n in range(guards.KNOWN_ADDRESSES + 5):
        guard.succeeded("x", f"n{n}")
    assert len(guard._came_from) == guards.KNOWN_ADDRESSES


def test_informs_are_counted_by_device_and_minute() -> None:
    guard = Guard(GuardSection(informs_per_device=2))
    assert [guard.too_many_informs("k", 59.0) for _ in range(3)] == [False, False, True]
    assert not guard.too_many_informs("other", 59.0)
    assert not guard.too_many_informs("k", 60.0)
