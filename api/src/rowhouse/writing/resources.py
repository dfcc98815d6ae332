"""The routes of a writable dataset: those of others, and what writes."""

import asyncio
from collections.abc import Sequence
from typing import Any

from falcon import HTTP_201, HTTP_204
from falcon.asgi import Request, Response

from rowhouse.choice import require_json
from rowhouse.dataset import Dataset
from rowhouse.exports import Exports
from rowhouse.parameters import refuse_parameters
from rowhouse.problems import RowNotFoundProblem
from rowhouse.resources import CollectionResource, DatasetResource, row_path
from rowhouse.store import Store
from rowhouse.values import missing_row, parse_key
from rowhouse.variants import Variant, choose_variant
from rowhouse.writing.body import JSON_TYPE, MERGE_PATCH_TYPE, parse_object, read_body
from rowhouse.writing.idempotency import Answer, KeyedRequest
from rowhouse.writing.live import LiveAnswers
from rowhouse.writing.rows import RowReader
from rowhouse.writing.tags import Preconditions
from rowhouse.writing.writer import Writer

_POST = {"Accept-Post": JSON_TYPE}
_PATCH = {"Accept-Patch": f"{MERGE_PATCH_TYPE}, {JSON_TYPE}"}


class Desk:
    """Takes what clients write about one dataset, and answers with what has become of it."""

    def __init__(self, dataset: Dataset, writer: Writer, answers: LiveAnswers) -> None:
        """Take who writes, and who answers."""
        self.rows = RowReader(dataset)
        self.writer = writer
        self._dataset = dataset
        self._answers = answers

    @staticmethod
    def open(req: Request) -> Variant:
        """See that the answer can be given, before anything is written.

        Raises:
            UnknownParameterProblem: There are parameters.
            NotAcceptableProblem: The client does not take JSON, or no coding that there is.
        """
        refuse_parameters(req.query_string)
        require_json(req)
        return choose_variant(req)

    @staticmethod
    async def read(req: Request, media_types: Sequence[str], accept: str) -> tuple[dict[str, Any], KeyedRequest | None]:
        """Return the members that were sent; raises as `read_body`, `parse_object` and `KeyedRequest.of` do."""
        body = await read_body(req, media_types, accept)
        # In a thread: of a megabyte it takes milliseconds.
        members = await asyncio.to_thread(parse_object, body)
        return members, KeyedRequest.of(req, body)

    async def answer(self, req: Request, resp: Response, answer: Answer, variant: Variant) -> None:
        """Answer with the row, or with nothing when it is gone."""
        if answer.is_replayed:
            resp.set_header("Idempotency-Replayed", "true")
        if answer.row is None:
            resp.status = HTTP_204
            return
        path = row_path(self._dataset, answer.row.key)
        await self._answers.send_row(req, resp, self._dataset, answer.row, variant)
        # It is the row itself that is sent, and not a report; so it may have the row's tag, after PUT too.
        resp.set_header("Content-Location", path)
        resp.set_header("Cache-Control", "no-store")
        if answer.is_created:
            resp.status = HTTP_201
            resp.set_header("Location", path)


class WritableCollectionResource(CollectionResource):
    """/DATASET: rows, and where new ones are sent to."""

    def __init__(self, dataset: Dataset, store: Store, answers: LiveAnswers, exports: Exports, desk: Desk) -> None:
        """Serve one dataset."""
        super().__init__(dataset, store, answers, exports)
        self._desk = desk

    async def on_post(self, req: Request, resp: Response) -> None:
        """Add a row."""
        variant = self._desk.open(req)
        members, request = await self._desk.read(req, [JSON_TYPE], "Accept-Post")
        values = self._desk.rows.whole(members)
        answer = await self._desk.writer.create(values, Preconditions.of(req), request)
        await self._desk.answer(req, resp, answer, variant)

    async def on_options(self, _req: Request, resp: Response, **_params: str) -> None:
        """Answer with the methods, and with what may be sent."""
        _options(resp, "GET, HEAD, POST, OPTIONS", _POST)


class WritableRowResource(DatasetResource):
    """/DATASET/KEY: one row, to be read, put, changed and deleted."""

    def __init__(self, dataset: Dataset, store: Store, answers: LiveAnswers, desk: Desk) -> None:
        """Serve one dataset."""
        super().__init__(dataset, store, answers)
        self._live = answers
        self._desk = desk

    async def on_get(self, req: Request, resp: Response, key: str) -> None:
        """Answer with data, meta and links, or 404."""
        variant = self._desk.open(req)
        value = parse_key(self.dataset.key, key)
        row = await self._store.written_row(self.dataset, value)
        if row is None:
            raise RowNotFoundProblem(missing_row(self.dataset, value))
        await self._live.send_row(req, resp, self.dataset, row, variant)

    on_head = on_get

    async def on_put(self, req: Request, resp: Response, key: str) -> None:
        """Put a row in the place of the one with this key, or where none is."""
        variant = self._desk.open(req)
        value = parse_key(self.dataset.key, key)
        members, request = await self._desk.read(req, [JSON_TYPE], "Accept")
        values = self._desk.rows.whole(members, value)
        answer = await self._desk.writer.replace(value, values, Preconditions.of(req), request)
        await self._desk.answer(req, resp, answer, variant)

    async def on_patch(self, req: Request, resp: Response, key: str) -> None:
        """Change some columns of a row."""
        variant = self._desk.open(req)
        value = parse_key(self.dataset.key, key)
        members, request = await self._desk.read(req, [MERGE_PATCH_TYPE, JSON_TYPE], "Accept-Patch")
        patch = self._desk.rows.change(members, value)
        answer = await self._desk.writer.change(value, patch, Preconditions.of(req), request)
        await self._desk.answer(req, resp, answer, variant)

    async def on_delete(self, req: Request, resp: Response, key: str) -> None:
        """Remove a row."""
        variant = self._desk.open(req)
        value = parse_key(self.dataset.key, key)
        answer = await self._desk.writer.delete(value, Preconditions.of(req), KeyedRequest.of(req, b""))
        await self._desk.answer(req, resp, answer, variant)

    async def on_options(self, _req: Request, resp: Response, **_params: str) -> None:
        """Answer with the methods, and with what may be sent."""
        _options(resp, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS", _PATCH)


def _options(resp: Response, allowed: str, more: dict[str, str]) -> None:
    resp.status = HTTP_204
    resp.set_header("Allow", allowed)
    resp.set_headers(more)
