"""Wiring: which route is answered by what."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import falcon.asgi
from falcon.asgi import Request, Response

from rowhouse.answers import Answers
from rowhouse.cache import Cache
from rowhouse.cors import CrossOrigin
from rowhouse.dataset import ColumnType, Dataset
from rowhouse.diagnostics import MirrorResource, PartsResource, UploadResource
from rowhouse.docs.files import docs_page
from rowhouse.documents import Documents
from rowhouse.explorer.files import explorer_page
from rowhouse.explorer.resource import RootResource
from rowhouse.exports import Exports, WatchedRequest
from rowhouse.handlers import add_handlers
from rowhouse.metrics import Exposition
from rowhouse.middleware import Farewell, Lifespan, Observation
from rowhouse.objectstore import ObjectStore
from rowhouse.openapi.resource import OpenApiResource
from rowhouse.operations import HealthResource, LiveResource, MetricsResource, ReadyResource
from rowhouse.pages import AssetResource, PageResource
from rowhouse.repeats import Repeats
from rowhouse.resources import AggregateResource, CollectionResource, RowResource
from rowhouse.store import Store
from rowhouse.tally import Tally
from rowhouse.writing.live import LiveAnswers
from rowhouse.writing.resources import Desk, WritableCollectionResource, WritableRowResource

type ASGIApp = Callable[
    [dict[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[None]]], Awaitable[None]
]

# Beside those of the datasets.
_ROUTES = ("/", "/api/health", "/api/mirror", "/api/upload-random", "/docs", "/health", "/openapi.json")


class Guarding(Protocol):
    """Middleware that may refuse a request by raising a problem, before it is known what answers it."""

    async def process_request(self, req: Any, resp: Response) -> None:
        """Look at a request."""


@dataclass(frozen=True)
class HttpPolicy:
    """What others may do with answers.

    Attributes:
        max_age_seconds: How long they may use one again without asking.
        cors_origins: Origins whose pages may read them, with spaces between; `*`: all.
    """

    max_age_seconds: int
    cors_origins: str


def create_app(
    datasets: Iterable[Dataset],
    store: Store,
    cache: Cache,
    exports: Exports,
    tally: Tally,
    farewell: Farewell,
    build: str,
    policy: HttpPolicy,
    object_store: ObjectStore | None,
    guards: Iterable[Guarding] = (),
) -> falcon.asgi.App[Any, Response]:
    """Make the public app. It opens store and exports when it starts, and closes them and the cache when it ends.

    Args:
        datasets: What is served.
        store: Where the rows come from.
        cache: Where ready-made answers are kept.
        exports: What sends whole datasets.
        tally: Logs and counts the answers.
        farewell: Ends connections when the process ends.
        build: Tells this program's answers in the cache from those of another.
        policy: What others may do with the answers.
        object_store: Where an installation may see whether it can write; None when it has none.
        guards: Middleware that may refuse requests, in this order. Without the guard of API keys nobody needs one.
    """
    datasets = tuple(datasets)
    # What comes first is done last, when an answer is there.
    app: falcon.asgi.App[Any, Response] = falcon.asgi.App(
        middleware=[
            CrossOrigin(policy.cors_origins),
            Lifespan(store, cache, exports),
            farewell,
            Observation(tally),
            *guards,
        ],
        request_type=WatchedRequest,
    )
    add_handlers(app, [f"/{dataset.name}" for dataset in datasets] + list(_ROUTES))
    answers = Answers(store, cache, build, policy.max_age_seconds)
    live = LiveAnswers(store, build)
    for dataset in datasets:
        given = live if dataset.writable else answers
        collection = CollectionResource(dataset, store, given, exports)
        aggregate = AggregateResource(dataset, store, given, exports)
        for path, resource in ((f"/{dataset.name}", collection), (f"/{dataset.name}/aggregate", aggregate)):
            if not (dataset.writable and resource is collection):
                app.add_route(path, resource)
            app.add_route(f"{path}.{{suffix}}", resource)
        # A text may hold slashes, which arrive decoded.
        key = "{key:path}" if dataset.key.type is ColumnType.TEXT else "{key}"
        if dataset.writable:
            desk = Desk(dataset, store.writer(dataset), live)
            app.add_route(f"/{dataset.name}", WritableCollectionResource(dataset, store, live, exports, desk))
            app.add_route(f"/{dataset.name}/{key}", WritableRowResource(dataset, store, live, desk))
        else:
            app.add_route(f"/{dataset.name}/{key}", RowResource(dataset, store, answers))
    app.add_route("/health", HealthResource(store, datasets))
    app.add_route("/api/health", PartsResource(store, datasets, cache, object_store, build))
    app.add_route("/api/mirror", MirrorResource())
    app.add_route("/api/upload-random", UploadResource(object_store))
    documents = Documents(cache, build)
    app.add_route("/openapi.json", OpenApiResource(datasets, store, documents))
    docs, explorer = docs_page(), explorer_page()
    app.add_route("/docs", PageResource(docs, documents))
    app.add_route("/docs/{digest}/{name}", AssetResource(docs, documents))
    app.add_route("/", RootResource(datasets, store, documents, explorer))
    app.add_route("/explorer/{digest}/{name}", AssetResource(explorer, documents))
    return app


def create_admin_app(
    datasets: Iterable[Dataset], store: Store, exposition: Exposition
) -> falcon.asgi.App[Request, Response]:
    """Make the app of the admin port, which shares the public one's store."""
    app = falcon.asgi.App()
    add_handlers(app, ["/livez", "/readyz", "/metrics"])
    app.add_route("/livez", LiveResource())
    app.add_route("/readyz", ReadyResource(store, datasets))
    app.add_route("/metrics", MetricsResource(exposition))
    return app


class Ports:
    """Sends what arrives on the admin port to the admin app, and all else, the lifespan too, to the public one."""

    def __init__(self, public: Repeats, admin: ASGIApp, admin_port: int) -> None:
        """Take both apps."""
        self._public = public
        self._admin = admin
        self._admin_port = admin_port

    async def __call__(
        self, scope: dict[str, Any], receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[None]]
    ) -> None:
        """Answer."""
        is_admin = scope["type"] == "http" and scope["server"][1] == self._admin_port
        await (self._admin if is_admin else self._public)(scope, receive, send)

    def repeats_on(self, port: int) -> Repeats | None:
        """Return what answers again on a port."""
        return None if port == self._admin_port else self._public
