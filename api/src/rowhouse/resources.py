"""The routes: from a request to JSON, through the cache."""

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import quote

import orjson
from falcon import HTTP_503, MEDIA_JSON
from falcon.asgi import Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from rowhouse import __version__
from rowhouse.cache import Cache, Entry, Verdict
from rowhouse.dataset import Dataset
from rowhouse.errors import NotLoadedError, VersionGoneError
from rowhouse.metrics import Exposition
from rowhouse.problems import RowNotFoundProblem, UnavailableProblem
from rowhouse.query import KeyValue, Query, parse_key, parse_query, refuse_parameters
from rowhouse.store import Store, Version


class Answers:
    """Gives a dataset's answers out of the cache or the store; what the two dataset routes share."""

    def __init__(self, store: Store, cache: Cache, build: str, count_verdict: Callable[[Verdict], None]) -> None:
        """Take what the answers come from, and whom to tell of it.

        Args:
            store: What is asked on a miss.
            cache: What is asked first.
            build: Tells this program's answers in the cache from those of another.
            count_verdict: Hears where each answer came from.
        """
        self._store = store
        self._cache = cache
        self._build = build
        self._count_verdict = count_verdict

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
        """
        try:
            entry, verdict = await self._fetch(dataset, number, question, make)
        except VersionGoneError:
            # Dropped, or loaded, since this process looked: another replica may have handed out the cursor.
            await self._store.catch_up()
            entry, verdict = await self._fetch(dataset, number, question, make)
        resp.data = entry.body
        resp.content_type = MEDIA_JSON
        resp.set_header("X-Cache", verdict)
        self._count_verdict(verdict)
        if verdict is Verdict.HIT:
            self._tell_age(resp, entry)
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


class DatasetResource:
    """A route of one dataset."""

    def __init__(self, dataset: Dataset, store: Store, answers: Answers) -> None:
        """Serve one dataset."""
        self.dataset = dataset
        self._store = store
        self._answers = answers


class CollectionResource(DatasetResource):
    """/DATASET: a page of rows."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with data, meta and links."""
        query = parse_query(self.dataset, req.query_string)
        cursor = query.cursor
        await self._answers.send(
            resp,
            self.dataset,
            query.encode(),
            lambda version: self._page(version, query),
            cursor.version if cursor else None,
        )

    async def _page(self, version: Version, query: Query) -> Entry:
        page = await self._store.page(self.dataset, version, query.limit, query.cursor.after if query.cursor else None)
        following = self._link(query.after(page.next)) if page.next else None
        body = {
            "data": orjson.Fragment(page.data),
            "meta": _meta(self.dataset, version) | {"total": version.rows, "count": page.count, "limit": query.limit},
            "links": {"self": self._link(query), "next": following},
        }
        return Entry(_dump(body), following or "")

    def _link(self, query: Query) -> str:
        return f"/{self.dataset.name}?{query.encode()}"


class RowResource(DatasetResource):
    """/DATASET/KEY: one row."""

    async def on_get(self, req: Request, resp: Response, key: str) -> None:
        """Answer with data, meta and links, or 404."""
        refuse_parameters(req.query_string)
        value = parse_key(self.dataset.key, key)
        # As a path, so that it never equals a collection's question.
        await self._answers.send(resp, self.dataset, f"/{value}", lambda version: self._row(version, value))

    async def _row(self, version: Version, key: KeyValue) -> Entry:
        row = await self._store.row(self.dataset, version, key)
        collection = f"/{self.dataset.name}"
        if row is None:
            raise RowNotFoundProblem(f"{collection} has no row whose {self.dataset.key.name} is {key}.")
        body = {
            "data": orjson.Fragment(row),
            "meta": _meta(self.dataset, version),
            "links": {"self": f"{collection}/{quote(str(key), safe='')}", "collection": collection},
        }
        return Entry(_dump(body))


class HealthResource:
    """/health: what is served, for people and their monitors."""

    def __init__(self, store: Store, datasets: Iterable[Dataset]) -> None:
        """Speak for these datasets."""
        self._store = store
        self._datasets = tuple(datasets)

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer 200 when everything works, 503 with the reasons when something does not."""
        refuse_parameters(req.query_string)
        reasons = [self._store.unavailable] if self._store.unavailable else []
        datasets = []
        for dataset in self._datasets:
            try:
                datasets.append(_meta(dataset, version := self._store.version(dataset)) | {"rows": version.rows})
            except NotLoadedError as error:
                reasons.append(str(error))
        if reasons:
            resp.status = HTTP_503
        resp.data = _dump(
            {
                "status": "degraded" if reasons else "ok",
                "reasons": reasons,
                "release": __version__,
                "datasets": datasets,
            }
        )
        resp.content_type = MEDIA_JSON


class LiveResource:
    """/livez: the process answers."""

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Answer 200."""
        resp.media = {"status": "ok"}


class ReadyResource:
    """/readyz: requests can be answered.

    Ready is whoever knows a version of each dataset. PostgreSQL going away later does not end that: cached answers are
    still given, and taking every replica out of service at once would end those too.
    """

    def __init__(self, store: Store, datasets: Iterable[Dataset]) -> None:
        """Be ready when these datasets are."""
        self._store = store
        self._datasets = tuple(datasets)

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Answer 200, or 503 with the reason."""
        try:
            for dataset in self._datasets:
                self._store.version(dataset)
        except NotLoadedError as error:
            raise UnavailableProblem(f"{self._store.unavailable or error}.") from error
        resp.media = {"status": "ok"}


class MetricsResource:
    """/metrics: what Prometheus asks for."""

    def __init__(self, exposition: Exposition) -> None:
        """Take what is said."""
        self._exposition = exposition

    async def on_get(self, _req: Request, resp: Response) -> None:
        """Answer in Prometheus' text format."""
        resp.data = self._exposition.text()
        resp.content_type = CONTENT_TYPE_LATEST


def _meta(dataset: Dataset, version: Version) -> dict[str, object]:
    return {"dataset": dataset.name, "version": version.number, "loaded_at": version.loaded_at}


def _dump(body: Mapping[str, object]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)
