"""Two ways to ask the table of `table.py`: the store by itself, and an API somewhere that serves it as `rows`."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Thread
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
import orjson
from house import House, json_page
from model import Row
from rowhouse.catalog import Catalog
from rowhouse.database import serving_engine
from rowhouse.dataset import Dataset
from rowhouse.parameters import parse_aggregate, parse_query
from rowhouse.store import Page, Store


class Asked(Protocol):
    """Answers queries, whose parameters are given as a client writes them."""

    def walk(self, texts: Mapping[str, str], *, aggregate: bool = False) -> list[Row]:
        """Return all rows of a query, page by page, by the links as they stand in answers."""

    def total(self, texts: Mapping[str, str]) -> int | None:
        """Return meta.total."""


@dataclass(frozen=True)
class AskedStore:
    """Asks the store.

    Attributes:
        run: Runs what the store does, in its event loop.
        store: Open.
        dataset: What is asked.
    """

    run: Callable[[Coroutine[Any, Any, Page]], Page]
    store: Store
    dataset: Dataset

    def walk(self, texts: Mapping[str, str], *, aggregate: bool = False) -> list[Row]:
        """See Asked; each link is also seen to say the query that it was made from."""
        version = self.store.version(self.dataset)
        parse = parse_aggregate if aggregate else parse_query
        query = parse(self.dataset, urlencode(texts))
        found: list[Row] = []
        while True:
            page = self.run(json_page(self.store, version, query))
            rows = orjson.loads(page.data)
            assert len(rows) == page.count
            found += rows
            if page.next is None:
                return found
            assert page.count == query.limit
            assert page.next != query.cursor
            following = parse(self.dataset, query.encode_after(page.next))
            assert following == replace(query, cursor=page.next)
            query = following

    def total(self, texts: Mapping[str, str]) -> int | None:
        """See Asked."""
        query = parse_query(self.dataset, urlencode(texts))
        return self.run(json_page(self.store, self.store.version(self.dataset), query)).total


@dataclass(frozen=True)
class AskedApi:
    """Asks an API."""

    client: httpx.Client

    def walk(self, texts: Mapping[str, str], *, aggregate: bool = False) -> list[Row]:
        """See Asked."""
        link = f"/rows{'/aggregate' if aggregate else ''}?{urlencode(texts)}"
        found: list[Row] = []
        while link:
            body = self._get(link)
            found += body["data"]
            link = body["links"]["next"]
        return found

    def total(self, texts: Mapping[str, str]) -> int | None:
        """See Asked."""
        total: int | None = self._get(f"/rows?{urlencode(texts)}")["meta"]["total"]
        return total

    def _get(self, link: str) -> dict[str, Any]:
        response = self.client.get(link)
        assert response.status_code == 200, f"{link}: {response.text}"
        body: dict[str, Any] = orjson.loads(response.content)
        return body


@contextmanager
def asked_store(house: House) -> Iterator[AskedStore]:
    """Open the store of a house with one dataset."""
    store = Store(serving_engine(house.settings), Catalog(house.schema), house.datasets, threads=1)
    loop = asyncio.new_event_loop()
    # It runs all the time: one that stood still between two examples would take PostgreSQL for silent.
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run[T](work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result()

    run(store.open())
    yield AskedStore(run, store, house.datasets[0])
    run(store.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
