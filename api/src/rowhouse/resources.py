"""The routes: from a request to JSON, through the cache."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from urllib.parse import quote

import orjson
from falcon import HTTP_503, MEDIA_JSON
from falcon.asgi import Request, Response

from rowhouse import __version__
from rowhouse.cache import Cache, Entry, Verdict
from rowhouse.dataset import Dataset
from rowhouse.errors import NotLoadedError, VersionGoneError
from rowhouse.problems import RowNotFoundProblem, UnavailableProblem
from rowhouse.query import KeyValue, Query, parse_key, parse_query, refuse_parameters
from rowhouse.store import Store, Version


class Answers:
    """Gives a dataset's answers out of the cache or the store; what the two dataset routes share."""

    def __init__(self, store: Store, cache: Cache, build: str) -> None:
        """Take what the answers come from; `build` tells this program's answers from those of another."""
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
        if entry.next:
            resp.set_header("Link", f'<{entry.next}>; rel="next"')

    async def _fetch(
        self, dataset: Dataset, number: int | None, question: str, make: Callable[[Version], Awaitable[Entry]]
    ) -> tuple[Entry, Verdict]:
        version = self._store.version(dataset, number)
        key = f"{self._build}:{dataset.schema_hash}:{dataset.name}:{version.number}:{question}"
        return await self._cache.fetch(key, lambda: make(version))


class CollectionResource:
    """/DATASET: a page of rows."""

    def __init__(self, dataset: Dataset, store: Store, answers: Answers) -> None:
        """Serve one dataset."""
        self._dataset = dataset
        self._store = store
        self._answers = answers

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with data, meta and links."""
        query = parse_query(self._dataset, req.query_string)
        cursor = query.cursor
        await self._answers.send(
            resp,
            self._dataset,
            query.encode(),
            lambda version: self._page(version, query),
            cursor.version if cursor else None,
        )

    async def _page(self, version: Version, query: Query) -> Entry:
        page = await self._store.page(self._dataset, version, query.limit, query.cursor.after if query.cursor else None)
        following = self._link(query.after(page.next)) if page.next else None
        body = {
            "data": orjson.Fragment(page.data),
            "meta": _meta(self._dataset, version) | {"total": version.rows, "count": page.count, "limit": query.limit},
            "links": {"self": self._link(query), "next": following},
        }
        return Entry(_dump(body), following or "")

    def _link(self, query: Query) -> str:
        return f"/{self._dataset.name}?{query.encode()}"


class RowResource:
    """/DATASET/KEY: one row."""

    def __init__(self, dataset: Dataset, store: Store, answers: Answers) -> None:
        """Serve one dataset."""
        self._dataset = dataset
        self._store = store
        self._answers = answers

    async def on_get(self, req: Request, resp: Response, key: str) -> None:
        """Answer with data, meta and links, or 404."""
        refuse_parameters(req.query_string)
        value = parse_key(self._dataset.key, key)
        # As a path, so that it never equals a collection's question.
        await self._answers.send(resp, self._dataset, f"/{value}", lambda version: self._row(version, value))

    async def _row(self, version: Version, key: KeyValue) -> Entry:
        row = await self._store.row(self._dataset, version, key)
        collection = f"/{self._dataset.name}"
        if row is None:
            raise RowNotFoundProblem(f"{collection} has no row whose {self._dataset.key.name} is {key}.")
        body = {
            "data": orjson.Fragment(row),
            "meta": _meta(self._dataset, version),
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


def _meta(dataset: Dataset, version: Version) -> dict[str, object]:
    return {"dataset": dataset.name, "version": version.number, "loaded_at": version.loaded_at}


def _dump(body: Mapping[str, object]) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)
