"""/openapi.json: the document, with rows of the current versions as its examples."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import orjson
from falcon import MEDIA_JSON
from falcon.asgi import Request, Response

from rowhouse.dataset import Dataset
from rowhouse.documents import Document, Documents
from rowhouse.errors import DatabaseUnavailableError, VersionGoneError
from rowhouse.formats import Row
from rowhouse.jsontext import dump
from rowhouse.methods import answer_options
from rowhouse.openapi.document import document
from rowhouse.openapi.samples import Sample, write_forms
from rowhouse.overview import Overview
from rowhouse.parameters import refuse_parameters
from rowhouse.query import Query
from rowhouse.store import Store
from rowhouse.versions import Version

_ROWS = 2
# Rows may have megabytes, which would stand in the document several times.
_MAXIMUM_BYTES = 1 << 16


class OpenApiResource:
    """/openapi.json."""

    def __init__(self, datasets: Iterable[Dataset], store: Store, documents: Documents) -> None:
        """Describe these datasets."""
        self._overview = Overview(datasets, store)
        self._store = store
        self._documents = documents

    async def on_get(self, req: Request, resp: Response) -> None:
        """Answer with the document; without PostgreSQL and the cache, with one that has no rows in it."""
        refuse_parameters(req.query_string)
        # Everybody may read the document, and what clients write may be about people.
        shown = [dataset for dataset in self._overview.datasets if not (dataset.private or dataset.writable)]
        versions = self._overview.versions(shown)
        try:
            await self._send(req, resp, versions)
        except (DatabaseUnavailableError, VersionGoneError):
            # It has a key of its own, so that it never stands for the one with rows.
            await self._send(req, resp, {})

    on_head = on_get
    on_options = answer_options

    async def _send(self, req: Request, resp: Response, versions: Mapping[str, Version]) -> None:
        datasets = self._overview.datasets

        async def make() -> bytes:
            samples = {
                dataset.name: await self._sample(dataset, versions[dataset.name])
                for dataset in datasets
                if dataset.name in versions
            }
            # In a thread: for many datasets it takes a while.
            return await asyncio.to_thread(lambda: dump(document(datasets, samples)))

        key = f"openapi:{self._overview.key(versions)}"
        # RFC 8631
        link = {"Link": '</docs>; rel="service-doc"; type="text/html"'}
        await self._documents.send(req, resp, Document(key=key, content_type=MEDIA_JSON, headers=link, make=make))

    async def _sample(self, dataset: Dataset, version: Version) -> Sample:
        def write(rows: Sequence[Row]) -> bytes:
            return write_forms(dataset, rows)

        page = await self._store.page(version, Query(dataset, limit=_ROWS), write)
        if len(page.data) > _MAXIMUM_BYTES:
            return Sample(version)
        return Sample(version, orjson.loads(page.data), page.next.encode() if page.next else "")
