"""The routes of a dataset: from a request to JSON."""

from urllib.parse import quote

import orjson
from falcon.asgi import Request, Response

from rowhouse.answers import Answers
from rowhouse.cache import Entry
from rowhouse.dataset import Dataset
from rowhouse.jsontext import dump
from rowhouse.parameters import parse_aggregate, parse_query, refuse_parameters
from rowhouse.query import Count, Query
from rowhouse.store import Store
from rowhouse.values import Value, format_value, parse_key
from rowhouse.versions import Version


class DatasetResource:
    """A route of one dataset."""

    def __init__(self, dataset: Dataset, store: Store, answers: Answers) -> None:
        """Serve one dataset."""
        self.dataset = dataset
        self._store = store
        self._answers = answers


class _PagesResource(DatasetResource):
    """A route that answers a query page by page."""

    async def _send(self, resp: Response, path: str, query: Query) -> None:
        """Answer with data, meta and links; the path tells the route's questions from those of others."""
        await self._answers.send(
            resp,
            self.dataset,
            f"{path}?{query.encode()}",
            lambda version: self._page(version, path, query),
            query.cursor.version if query.cursor else None,
        )

    async def _page(self, version: Version, path: str, query: Query) -> Entry:
        page = await self._store.page(version, query)
        following = f"{path}?{query.after(page.next).encode()}" if page.next else None
        accuracy = None if page.total is None else query.count or Count.EXACT
        body = {
            "data": orjson.Fragment(page.data),
            "meta": version.describe(self.dataset)
            | {"total": page.total, "total_is": accuracy, "count": page.count, "limit": query.limit},
            "links": {"self": f"{path}?{query.encode()}", "next": following},
        }
        return Entry(dump(body), following or "")


class CollectionResource(_PagesResource):
    """/DATASET: a page of rows."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with rows."""
        await self._send(resp, f"/{self.dataset.name}", parse_query(self.dataset, req.query_string))


class AggregateResource(_PagesResource):
    """/DATASET/aggregate: a page of groups of rows."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with groups."""
        await self._send(resp, f"/{self.dataset.name}/aggregate", parse_aggregate(self.dataset, req.query_string))


class RowResource(DatasetResource):
    """/DATASET/KEY: one row."""

    async def on_get(self, req: Request, resp: Response, key: str) -> None:
        """Answer with data, meta and links, or 404."""
        refuse_parameters(req.query_string)
        value = parse_key(self.dataset.key, key)
        # As a path, so that it never equals a collection's question.
        await self._answers.send(
            resp, self.dataset, f"/{format_value(value)}", lambda version: self._row(version, value)
        )

    async def _row(self, version: Version, key: Value) -> Entry:
        row = await self._store.row(self.dataset, version, key)
        collection = f"/{self.dataset.name}"
        if row is None:
            return Entry(f"{collection} has no row whose {self.dataset.key.name} is {key}.".encode(), missing=True)
        body = {
            "data": orjson.Fragment(row),
            "meta": version.describe(self.dataset),
            "links": {"self": f"{collection}/{quote(format_value(key), safe='')}", "collection": collection},
        }
        return Entry(dump(body))
