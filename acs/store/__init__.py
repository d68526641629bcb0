"""The only SQL of the product: SQLite by default, PostgreSQL for fleets.

`Store.open(url, vault=…)` gives the store; `store.transaction()` one transaction for the typed function modules
(`devices`, `operations`, `lines`, …), whose first argument it is; `store.sessions` the two batched calls of the CPE
session hot path.
"""

from acs.store.migrate import upgrade
from acs.store.store import Store
from acs.store.transaction import Transaction
from acs.store.vault import Vault

__all__ = ["Store", "Transaction", "Vault", "upgrade"]
