"""The routes of a dataset: from a request to JSON."""

from urllib.parse import quote

import orjson
from falcon.asgi import Request, Response

from rowhouse.answers import Answers
from rowhouse.cache import Entry
from rowhouse.dataset import Dataset
from rowhouse.jsontext import dump
from rowhouse.query import KeyValue, Query, parse_key, parse_query, refuse_parameters
from rowhouse.store import Store, Version


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
            "meta": version.describe(self.dataset) | {"total": version.rows, "count": page.count, "limit": query.limit},
            "links": {"self": self._link(query), "next": following},
        }
        return Entry(dump(body), following or "")

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
            return Entry(f"{collection} has no row whose {self.dataset.key.name} is {key}.".encode(), missing=True)
        body = {
            "data": orjson.Fragment(row),
            "meta": version.describe(self.dataset),
            "links": {"self": f"{collection}/{quote(str(key), safe='')}", "collection": collection},
        }
        return Entry(dump(body))
