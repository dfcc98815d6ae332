"""What goes along with every request, and with the life of the app."""

import logging
import time
from collections.abc import Mapping
from typing import Any

from falcon.asgi import Request, Response

from rowhouse.cache import Cache
from rowhouse.store import Store

log = logging.getLogger(__name__)


class Lifespan:
    """Opens the store in the process that serves, and closes store and cache at the end."""

    def __init__(self, store: Store, cache: Cache) -> None:
        """Take what is opened and closed."""
        self._store = store
        self._cache = cache

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Open the store."""
        await self._store.open()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Close both."""
        await self._store.close()
        await self._cache.close()


class AccessLog:
    """One line a request. No query string: it may hold what a client would rather not see in logs."""

    async def process_request(self, req: Request, _resp: Response) -> None:
        """Take the time."""
        req.context.started = time.perf_counter()

    async def process_response(self, req: Request, resp: Response, _resource: object, _succeeded: bool) -> None:
        """Log what was answered, and how long it took."""
        log.info(
            "Answered",
            extra={
                "method": req.method,
                "path": req.path,
                "status": resp.status_code,
                "milliseconds": round((time.perf_counter() - req.context.started) * 1000, 2),
                "cache": resp.get_header("X-Cache"),
            },
        )
