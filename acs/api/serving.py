"""The API on the loop of the process. Imported only by roles that serve it: it brings FastAPI and uvicorn along."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from acs.api.application import create_app
from acs.api.one_piece import OnePiece
from acs.config import ApiSection
from acs.services.northbound import Northbound

#: Seconds that requests at the API get to end; event streams are cut.
GRACE_S = 2
#: proxies on our own machine are believed
_OURS = ("127.0.0.1", "::1")


class ApiServer(uvicorn.Server):
    """uvicorn without its own signal handlers: the process has one place that ends it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def api_server(services: Northbound, config: ApiSection | None = None) -> ApiServer:
    """The server of the API over these services; it listens to nothing yet."""
    settings = uvicorn.Config(
        create_app(services, config),
        http=OnePiece,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE_S,
        forwarded_allow_ips=[*_OURS, *(str(one) for one in config.proxies)] if config else list(_OURS),
    )
    return ApiServer(settings)
