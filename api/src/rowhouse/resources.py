"""The routes of a dataset: from a request to rows in one of the formats."""

import io
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote

import orjson
from falcon.asgi import Request, Response

from rowhouse.answers import Answers, Made, Question
from rowhouse.cache import Entry
from rowhouse.choice import choose_format, require_json
from rowhouse.compression import Coding
from rowhouse.dataset import Dataset
from rowhouse.exports import Export, Exports, WatchedRequest
from rowhouse.formats import JSON, Format, ObjectFormat, Row, Selection
from rowhouse.jsontext import dump
from rowhouse.methods import answer_options
from rowhouse.parameters import parse_aggregate, parse_query, refuse_parameters
from rowhouse.query import DEFAULT_LIMIT, Count, Query
from rowhouse.store import Store
from rowhouse.values import Value, format_value, missing_row, parse_key
from rowhouse.versions import Version


class DatasetResource:
    """A route of one dataset."""

    def __init__(self, dataset: Dataset, store: Store, answers: Answers) -> None:
        """Serve one dataset."""
        self.dataset = dataset
        self._store = store
        self._answers = answers

    on_options = answer_options


class _SelectionResource(DatasetResource):
    """A route that answers a query: a page, or all of it."""

    def __init__(self, dataset: Dataset, store: Store, answers: Answers, exports: Exports) -> None:
        """Serve one dataset, pages and exports."""
        super().__init__(dataset, store, answers)
        self._exports = exports

    async def _send(self, req: WatchedRequest, resp: Response, path: str, suffix: str | None, query: Query) -> None:
        """Answer with rows; in JSON with meta and links around them."""
        selection = Selection(self.dataset, query.columns)
        form = choose_format(req, selection, suffix)
        path += f".{suffix}" if suffix else ""
        # JSON is for pages. In all other formats a request that names no limit means everything.
        is_export = query.limit is None and form is not JSON
        if query.limit is None and not is_export:
            query = replace(query, limit=DEFAULT_LIMIT)
        question = Question(
            dataset=self.dataset,
            # The path is in the links.
            text=f"{path}?{query.encode()}",
            format=form,
            is_negotiated=suffix is None,
            number=query.cursor.version if query.cursor else None,
        )
        if is_export:

            async def begin(version: Version, coding: Coding | None) -> Export:
                return await self._exports.begin(req, version.number, query, selection, form, coding)

            await self._answers.stream(req, resp, question, begin)
        else:
            await self._answers.send(
                req, resp, question, lambda version: self._page(version, question.text, query, selection, form)
            )

    async def _page(self, version: Version, own: str, query: Query, selection: Selection, form: Format) -> Made:
        def write(rows: Sequence[Row]) -> bytes:
            output = io.BytesIO()
            form.write(selection, [rows], output)
            return output.getvalue()

        if isinstance(form, ObjectFormat):
            page = await self._store.objects(version, query, form.join)
        else:
            page = await self._store.page(version, query, write)
        following = f"{own.partition('?')[0]}?{query.encode_after(page.next)}" if page.next else None
        if form is not JSON:
            return Made(Entry(page.data, following or ""), page.version)
        accuracy = None if page.total is None else query.count or Count.EXACT
        body = {
            "data": orjson.Fragment(page.data),
            "meta": page.version.describe(self.dataset)
            | {"total": page.total, "total_is": accuracy, "count": page.count, "limit": query.limit},
            "links": {"self": own, "next": following},
        }
        return Made(Entry(dump(body), following or ""), page.version)


class CollectionResource(_SelectionResource):
    """/DATASET and /DATASET.FORMAT: rows."""

    async def on_get(self, req: WatchedRequest, resp: Response, suffix: str | None = None) -> None:
        """Answer with rows."""
        query = parse_query(self.dataset, req.query_string)
        await self._send(req, resp, f"/{self.dataset.name}", suffix, query)

    on_head = on_get


class AggregateResource(_SelectionResource):
    """/DATASET/aggregate and /DATASET/aggregate.FORMAT: groups of rows."""

    async def on_get(self, req: WatchedRequest, resp: Response, suffix: str | None = None) -> None:
        """Answer with groups."""
        query = parse_aggregate(self.dataset, req.query_string)
        await self._send(req, resp, f"/{self.dataset.name}/aggregate", suffix, query)

    on_head = on_get


class RowResource(DatasetResource):
    """/DATASET/KEY: one row."""

    async def on_get(self, req: Request, resp: Response, key: str) -> None:
        """Answer with data, meta and links, or 404."""
        require_json(req)
        refuse_parameters(req.query_string)
        value = parse_key(self.dataset.key, key)
        # As a path, so that it never equals a collection's question.
        question = Question(dataset=self.dataset, text=f"/{format_value(value)}", is_certain=False)
        await self._answers.send(req, resp, question, lambda version: self._row(version, value))

    on_head = on_get

    async def _row(self, version: Version, key: Value) -> Made:
        row = await self._store.row(self.dataset, version, key)
        if row is None:
            return Made(Entry(missing_row(self.dataset, key).encode(), missing=True), version)
        return Made(Entry(single_row(self.dataset, version, key, row)), version)


def row_path(dataset: Dataset, key: Value) -> str:
    """Return the path of one row."""
    return f"/{dataset.name}/{quote(format_value(key), safe='')}"


def single_row(dataset: Dataset, version: Version, key: Value, row: bytes) -> bytes:
    """Return the answer that is one row."""
    body = {
        "data": orjson.Fragment(row),
        "meta": version.describe(dataset),
        "links": {"self": row_path(dataset, key), "collection": f"/{dataset.name}"},
    }
    return dump(body)
