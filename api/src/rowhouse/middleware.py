"""What goes along with every request, and with the life of the app."""

import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from falcon.asgi import Request, Response

from rowhouse.cache import Cache
from rowhouse.exports import Exports
from rowhouse.logs import REQUEST_ID, Identifiers, request_id
from rowhouse.resources import DatasetResource
from rowhouse.store import Store
from rowhouse.tally import Labels, Tally

# Every path that leads nowhere.
_NO_ROUTE = "none"
# Of answers, whose labels are kept. Clients can make up methods.
_KINDS = 1024

log = logging.getLogger(__name__)


class Lifespan:
    """Opens store and exports in the process that serves, and closes them and the cache at the end."""

    def __init__(self, store: Store, cache: Cache, exports: Exports) -> None:
        """Take what is opened and closed."""
        self._store = store
        self._cache = cache
        self._exports = exports

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Open what needs it."""
        self._exports.open()
        await self._store.open()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:  # noqa: ARG002
        """Close all."""
        self._exports.close()
        await self._store.close()
        await self._cache.close()


class Farewell:
    """Ends each client's connection with an answer that says so, once this process is about to end."""

    def __init__(self) -> None:
        """Keep connections open for now."""
        self._has_begun = False

    @property
    def has_begun(self) -> bool:
        """Whether the end is announced."""
        return self._has_begun

    def begin(self) -> None:
        """Announce the end from now on."""
        self._has_begun = True

    async def process_response(self, _req: Request, resp: Response, _resource: object, _succeeded: bool) -> None:
        """Tell the client not to ask again on this connection."""
        if self._has_begun:
            resp.set_header("Connection", "close")


class Observation:
    """An id, one line in the log and one count for each request.

    The line names the route and not the path, whose key is a value of a row, nor the query string: they may hold what a
    client would rather not see in logs. At the level debug they have a line of their own.
    """

    def __init__(self, tally: Tally) -> None:
        """Take what logs and counts."""
        self._tally = tally
        self._labels = lru_cache(maxsize=_KINDS)(Labels)
        self._identifiers = Identifiers()

    async def process_request(self, req: Request, resp: Response) -> None:
        """Take the time and the client's id, or make one."""
        req.context.started = time.perf_counter()
        given = req.get_header("X-Request-Id")
        identifier = given if given and REQUEST_ID.fullmatch(given) else self._identifiers.new()
        request_id.set(identifier)
        req.context.identifier = identifier
        resp.set_header("X-Request-Id", identifier)
        if log.isEnabledFor(logging.DEBUG):
            log.debug("Asked", extra={"path": req.path, "query": req.query_string})

    async def process_response(self, req: Request, resp: Response, resource: object, _succeeded: bool) -> None:
        """Log and count what was answered, and how long it took."""
        seconds = time.perf_counter() - req.context.started
        key = getattr(req.context, "key", None)
        labels = self._labels(
            req.method,
            req.uri_template or _NO_ROUTE,
            resource.dataset.name if isinstance(resource, DatasetResource) else None,
            resp.status_code,
            resp.get_header("X-Cache"),
            key and key.id,
        )
        self._tally.begin()
        self._tally.add(labels, req.context.identifier, seconds)
