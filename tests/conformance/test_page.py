"""docs/conformance.md says what is tested, and no item is missing."""

from tests.conformance.checklist import ITEMS
from tests.conformance.page import PAGE, items, page


def test_every_item_has_its_test() -> None:
    assert sorted(items()) == list(range(1, ITEMS + 1))


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `make docs`"


def test_an_item_that_does_not_apply_says_why() -> None:
    for item, _ in items().values():
        assert item.title
        assert item.section
        assert item.why_not == "" or len(item.why_not) > 20, item
