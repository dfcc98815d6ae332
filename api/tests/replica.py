"""The app of one worker in this process, on a real PostgreSQL: with and without `Repeats` around falcon's."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from house import House
from rowhouse.app import HttpPolicy, create_app
from rowhouse.cache import NoCache, Verdict
from rowhouse.catalog import Catalog
from rowhouse.database import exporting_engine, serving_engine
from rowhouse.exports import Exports
from rowhouse.local_cache import LocalCache
from rowhouse.metrics import Metrics
from rowhouse.middleware import Farewell
from rowhouse.repeatable import Headers, Scope
from rowhouse.repeats import Admission, Repeats
from rowhouse.store import Store
from rowhouse.tally import Tally
from rowhouse.tiers import TieredCache

ORIGIN = "https://maps.example.org"


@dataclass(frozen=True)
class Reply:
    """What an app sent."""

    status: int
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """Return a field."""
        return dict(self.headers)[name.lower().encode()].decode()


@dataclass
class Replica:
    """One worker's parts.

    Attributes:
        repeats: What answers.
        asked: The paths that falcon was asked for.
    """

    store: Store
    local: LocalCache
    farewell: Farewell
    repeats: Repeats
    app: Any
    asked: list[str] = field(default_factory=list)

    async def falcon(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer by falcon, and remember it."""
        self.asked.append(scope["path"])
        await self.app(scope, receive, send)

    async def ask(
        self, target: str, method: str = "GET", headers: Iterable[tuple[str, str]] = (), *, repeats: bool = True
    ) -> Reply:
        """Ask for a path with or without a query string, by falcon alone or by what is around it."""
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode("latin-1"),
            "root_path": "",
            "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 4711),
        }
        sent: list[dict[str, Any]] = []

        received = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for event in received:
                return event
            # The client stays: nothing more comes from it.
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await (self.repeats if repeats else self.app)(scope, receive, send)
        return Reply(sent[0]["status"], sent[0]["headers"], b"".join(each.get("body", b"") for each in sent[1:]))


@asynccontextmanager
async def replica(
    house: House, size: int = 2**20, notes: int = 2**20, admission: Admission | None = None
) -> AsyncIterator[Replica]:
    """Open the parts, with so many bytes for answers and for what is known of them."""
    catalog = Catalog(house.schema)
    store = Store(serving_engine(house.settings), catalog, house.datasets, threads=2)
    exports = Exports(exporting_engine(house.settings), catalog, 2, 60, lambda: store.unavailable)
    metrics, farewell = Metrics(), Farewell()
    tally = Tally(metrics)
    local = LocalCache(size, 60)
    cache = TieredCache(local, NoCache(Verdict.MISS), metrics.count_source)
    app = create_app(house.datasets, store, cache, exports, tally, farewell, "build", HttpPolicy(0, ORIGIN), None)
    made: Replica

    async def falcon(scope: Scope, receive: Any, send: Any) -> None:
        await made.falcon(scope, receive, send)

    repeats = Repeats(falcon, store, local, tally, notes, lambda: farewell.has_begun, admission)
    made = Replica(store, local, farewell, repeats, app)
    exports.open()
    await store.open()
    try:
        yield made
        # What was noted is logged and counted.
        await asyncio.sleep(0)
    finally:
        exports.close()
        await store.close()
