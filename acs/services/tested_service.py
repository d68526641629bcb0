"""Which service a later test of a line is about: the one that the trouble was about.

The rule of this file: a test that asks whether it helped judges the service that was complained of, or it asks nothing.
"""

from acs.store import line_tests as test_store
from acs.store import tickets as ticket_store
from acs.store.transaction import Transaction


async def tested_service(tx: Transaction, ticket: str | None, before: str | None = None) -> str | None:
    """The service of a ticket's test, otherwise of the test before; None where neither was about one."""
    record = await ticket_store.get(tx, ticket) if ticket is not None else None
    for id_ in (record.line_test if record is not None else None, before):
        test = await test_store.get(tx, id_) if id_ is not None else None
        if test is not None and test.service is not None:
            return test.service
    return None
