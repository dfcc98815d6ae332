"""Wiring: which route is answered by what."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import falcon.asgi
from falcon.asgi import Request, Response

from rowhouse.answers import Answers
from rowhouse.cache import Cache
from rowhouse.dataset import Dataset
from rowhouse.handlers import add_handlers
from rowhouse.metrics import Exposition, Metrics
from rowhouse.middleware import Farewell, Lifespan, Observation
from rowhouse.operations import HealthResource, LiveResource, MetricsResource, ReadyResource
from rowhouse.resources import AggregateResource, CollectionResource, RowResource
from rowhouse.store import Store

type ASGIApp = Callable[
    [dict[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[None]]], Awaitable[None]
]


def create_app(
    datasets: Iterable[Dataset], store: Store, cache: Cache, metrics: Metrics, farewell: Farewell, build: str
) -> falcon.asgi.App[Request, Response]:
    """Make the public app. It opens the store when it starts, and closes store and cache when it ends.

    Args:
        datasets: What is served.
        store: Where the rows come from.
        cache: Where ready-made answers are kept.
        metrics: Where requests are counted.
        farewell: Ends connections when the process ends.
        build: Tells this program's answers in the cache from those of another.
    """
    datasets = tuple(datasets)
    app = falcon.asgi.App(middleware=[Lifespan(store, cache), farewell, Observation(metrics)])
    add_handlers(app, [f"/{dataset.name}" for dataset in datasets] + ["/health"])
    answers = Answers(store, cache, build)
    for dataset in datasets:
        app.add_route(f"/{dataset.name}", CollectionResource(dataset, store, answers))
        app.add_route(f"/{dataset.name}/aggregate", AggregateResource(dataset, store, answers))
        app.add_route(f"/{dataset.name}/{{key}}", RowResource(dataset, store, answers))
    app.add_route("/health", HealthResource(store, datasets))
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


def by_port(public: ASGIApp, admin: ASGIApp, admin_port: int) -> ASGIApp:
    """Send what arrives on the admin port to the admin app, and all else, the lifespan too, to the public one."""

    async def dispatch(
        scope: dict[str, Any], receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[None]]
    ) -> None:
        is_admin = scope["type"] == "http" and scope["server"][1] == admin_port
        await (admin if is_admin else public)(scope, receive, send)

    return dispatch
