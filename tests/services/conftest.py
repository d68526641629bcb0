"""Services over a real store, as the API tests have them."""

from tests.api.conftest import (
    app,
    app_on_both,
    postgres_server,
    postgres_template,
    sqlite_template,
    store_url,
    url,
    vault,
)

__all__ = ["app", "app_on_both", "postgres_server", "postgres_template", "sqlite_template", "store_url", "url", "vault"]
