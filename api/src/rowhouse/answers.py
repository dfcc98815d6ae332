"""Gives answers out of the cache or the store, with the headers that all of them have."""

import time
from collections.abc import Awaitable, Callable

from falcon import MEDIA_JSON
from falcon.asgi import Response

from rowhouse.cache import Cache, Entry, Verdict
from rowhouse.dataset import Dataset
from rowhouse.errors import VersionGoneError
from rowhouse.problems import RowNotFoundProblem
from rowhouse.store import Store
from rowhouse.versions import Version


class Answers:
    """Gives a dataset's answers out of the cache or the store; what the two dataset routes share."""

    def __init__(self, store: Store, cache: Cache, build: str) -> None:
        """Take what the answers come from.

        Args:
            store: What is asked on a miss.
            cache: What is asked first.
            build: Tells this program's answers in the cache from those of another.
        """
        self._store = store
        self._cache = cache
        self._build = build

    async def send(
        self,
        resp: Response,
        dataset: Dataset,
        question: str,
        make: Callable[[Version], Awaitable[Entry]],
        number: int | None = None,
    ) -> None:
        """Send the answer to a question about one version.

        Args:
            resp: Where to.
            dataset: What about.
            question: The rest of the cache key; equal questions have equal texts.
            make: Makes the answer.
            number: The version that is asked about; None is the current one.

        Raises:
            RowNotFoundProblem: The answer is that there is none.
        """
        try:
            entry, verdict = await self._fetch(dataset, number, question, make)
        except VersionGoneError:
            # Dropped, or loaded, since this process looked: another replica may have handed out the cursor.
            await self._store.catch_up()
            entry, verdict = await self._fetch(dataset, number, question, make)
        resp.set_header("X-Cache", verdict)
        if verdict is Verdict.HIT:
            self._tell_age(resp, entry)
        if entry.missing:
            # Made anew each time, as it holds the request's id.
            raise RowNotFoundProblem(entry.body.decode())
        resp.data = entry.body
        resp.content_type = MEDIA_JSON
        if entry.next:
            resp.set_header("Link", f'<{entry.next}>; rel="next"')

    def _tell_age(self, resp: Response, entry: Entry) -> None:
        # Another replica's clock may be ahead.
        resp.set_header("Age", str(max(0, int(time.time()) - entry.made)))
        if self._store.unavailable:
            # Whether this is still the current version cannot be known. RFC 9111 took back `Warning: 110`, which once
            # said so; Cache-Status (RFC 9211) is the field in which caches now explain themselves.
            resp.set_header("Cache-Status", "rowhouse; hit; detail=database-away")

    async def _fetch(
        self, dataset: Dataset, number: int | None, question: str, make: Callable[[Version], Awaitable[Entry]]
    ) -> tuple[Entry, Verdict]:
        version = self._store.version(dataset, number)
        # The time tells it from the same number in a database that was lost and filled anew.
        state = f"{dataset.schema_hash}:{dataset.name}:{version.number}:{version.loaded_at.timestamp()}"
        key = f"{self._build}:{state}:{question}"
        return await self._cache.fetch(key, lambda: make(version))
