"""Wiring: which route is answered by what."""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import falcon
import falcon.asgi
import orjson
from falcon.asgi import Request, Response

from rowhouse.cache import Cache
from rowhouse.dataset import Dataset
from rowhouse.errors import DatabaseUnavailableError, NotLoadedError, VersionGoneError
from rowhouse.problems import (
    MEDIA_TYPE,
    CursorExpiredProblem,
    HttpProblem,
    MethodNotAllowedProblem,
    Problem,
    RouteNotFoundProblem,
    UnavailableProblem,
)
from rowhouse.resources import (
    Answers,
    CollectionResource,
    HealthResource,
    LiveResource,
    ReadyResource,
    RowResource,
)
from rowhouse.store import Store

type ASGIApp = Callable[
    [dict[str, Any], Callable[..., Awaitable[Any]], Callable[..., Awaitable[None]]], Awaitable[None]
]

log = logging.getLogger(__name__)


def create_app(datasets: Iterable[Dataset], store: Store, cache: Cache, build: str) -> falcon.asgi.App:
    """Make the public app. It opens the store when it starts, and closes store and cache when it ends."""
    datasets = tuple(datasets)
    routes = [f"/{dataset.name}" for dataset in datasets] + ["/health"]
    app = _base_app([_Lifespan(store, cache), _AccessLog()], routes)
    answers = Answers(store, cache, build)
    for dataset in datasets:
        app.add_route(f"/{dataset.name}", CollectionResource(dataset, store, answers))
        app.add_route(f"/{dataset.name}/{{key}}", RowResource(dataset, store, answers))
    app.add_route("/health", HealthResource(store, datasets))
    return app


def create_admin_app(datasets: Iterable[Dataset], store: Store) -> falcon.asgi.App:
    """Make the app of the admin port, which shares the public one's store."""
    app = _base_app([], ["/livez", "/readyz"])
    app.add_route("/livez", LiveResource())
    app.add_route("/readyz", ReadyResource(store, datasets))
    return app


def by_port(public: ASGIApp, admin: ASGIApp, admin_port: int) -> ASGIApp:
    """Send what arrives on the admin port to the admin app, and everything else, the lifespan too, to the public one."""

    async def dispatch(
        scope: dict[str, Any], receive: Callable[..., Awaitable[Any]], send: Callable[..., Awaitable[None]]
    ) -> None:
        is_admin = scope["type"] == "http" and scope["server"][1] == admin_port
        await (admin if is_admin else public)(scope, receive, send)

    return dispatch


def _base_app(middleware: list[object], routes: list[str]) -> falcon.asgi.App:
    app = falcon.asgi.App(middleware=middleware)

    async def refuse_route(req: Request, _resp: Response, **_params: str) -> None:
        raise RouteNotFoundProblem(f"{req.path} does not exist; there is {', '.join(routes)}.", routes=routes)

    app.add_sink(refuse_route, "/")
    app.add_error_handler(Exception, _answer_unexpected)
    app.add_error_handler(falcon.HTTPError, _answer_http_error)
    app.add_error_handler(Problem, _answer_problem)
    app.add_error_handler((DatabaseUnavailableError, NotLoadedError), _answer_unavailable)
    app.add_error_handler(VersionGoneError, _answer_version_gone)
    return app


async def _answer_problem(_req: Request, resp: Response, error: Problem, _params: dict[str, Any]) -> None:
    resp.status = error.status
    resp.data = orjson.dumps(error.body())
    resp.content_type = MEDIA_TYPE
    resp.set_headers(error.headers)


async def _answer_unavailable(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    # The error's text may name hosts and roles: it is for the log, which the store writes.
    detail = f"{error}." if isinstance(error, NotLoadedError) else "The database cannot be asked. Try again soon."
    await _answer_problem(req, resp, UnavailableProblem(detail), params)


async def _answer_version_gone(req: Request, resp: Response, _error: Exception, params: dict[str, Any]) -> None:
    problem = CursorExpiredProblem("Newer data took its place. Start again from the first page.")
    await _answer_problem(req, resp, problem, params)


async def _answer_http_error(req: Request, resp: Response, error: falcon.HTTPError, params: dict[str, Any]) -> None:
    headers = dict(error.headers or {})
    problem: Problem
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        problem = MethodNotAllowedProblem(req.method, headers["Allow"].split(", "))
    else:
        status = falcon.http_status_to_code(error.status)
        problem = HttpProblem(status, error.title or "HTTP error", error.description or "", headers)
    await _answer_problem(req, resp, problem, params)


async def _answer_unexpected(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    log.error("Unexpected error", exc_info=error, extra={"method": req.method, "path": req.path})
    await _answer_problem(req, resp, Problem("It was logged. Try again, and report it if it stays."), params)


class _Lifespan:
    def __init__(self, store: Store, cache: Cache) -> None:
        self._store = store
        self._cache = cache

    async def process_startup(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        await self._store.open()

    async def process_shutdown(self, _scope: dict[str, Any], _event: dict[str, Any]) -> None:
        await self._store.close()
        await self._cache.close()


class _AccessLog:
    """One line a request. No query string: it may hold what a client would rather not see in logs."""

    async def process_request(self, req: Request, _resp: Response) -> None:
        req.context.started = time.perf_counter()

    async def process_response(self, req: Request, resp: Response, _resource: object, _succeeded: bool) -> None:
        log.info(
            "Answered",
            extra={
                "method": req.method,
                "path": req.path,
                "status": resp.status_code,
                "milliseconds": round((time.perf_counter() - req.context.started) * 1000, 2),
                "cache": resp.get_header("X-Cache"),
            },
        )
