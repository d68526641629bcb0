"""The fixtures of the API's tests, for those of the TM Forum interfaces."""

from tests.api.conftest import (
    app,
    app_on_both,
    client,
    postgres_server,
    postgres_template,
    sqlite_template,
    store_url,
    url,
    vault,
)

__all__ = [
    "app",
    "app_on_both",
    "client",
    "postgres_server",
    "postgres_template",
    "sqlite_template",
    "store_url",
    "url",
    "vault",
]
