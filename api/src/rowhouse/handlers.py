"""Turns whatever is raised while answering into a problem."""

import logging
from typing import Any

import falcon
import falcon.asgi
import orjson
from falcon.asgi import Request, Response

from rowhouse.errors import DatabaseUnavailableError, NotLoadedError, OutOfRangeError, VersionGoneError
from rowhouse.logs import request_id
from rowhouse.problems import (
    MEDIA_TYPE,
    CursorExpiredProblem,
    HttpProblem,
    InvalidParameterProblem,
    MethodNotAllowedProblem,
    Problem,
    RouteNotFoundProblem,
    UnavailableProblem,
)

log = logging.getLogger(__name__)


def add_handlers(app: falcon.asgi.App[Any, Response], routes: list[str]) -> None:
    """Make every error of the app a problem; `routes` is what a lost client is shown."""

    async def refuse_route(req: Request, resp: Response | None, **kwargs: Any) -> None:  # noqa: ARG001
        raise RouteNotFoundProblem(f"{req.path} does not exist; there is {', '.join(routes)}.", routes=routes)

    app.add_sink(refuse_route, "/")
    app.add_error_handler(Exception, _unexpected)
    app.add_error_handler(falcon.HTTPError, _http_error)
    app.add_error_handler(Problem, _problem)
    app.add_error_handler(DatabaseUnavailableError, _database_unavailable)
    app.add_error_handler(OutOfRangeError, _out_of_range)
    app.add_error_handler(NotLoadedError, _not_loaded)
    app.add_error_handler(VersionGoneError, _version_gone)


async def _problem(_req: Request, resp: Response, error: Problem, _params: dict[str, Any]) -> None:
    resp.status = error.status
    identifier = request_id.get()
    resp.data = orjson.dumps(error.body() | ({"request_id": identifier} if identifier else {}))
    resp.content_type = MEDIA_TYPE
    # Without it, some kinds could be kept by rule of thumb (RFC 9111, 4.2.2), and then outlive their cause.
    resp.set_header("Cache-Control", "no-store")
    resp.set_headers(error.headers)


async def _database_unavailable(
    req: Request, resp: Response, _error: DatabaseUnavailableError, params: dict[str, Any]
) -> None:
    # The error's own text may name hosts and roles: it is in the log.
    await _problem(req, resp, UnavailableProblem("The database cannot be asked. Try again soon."), params)


async def _not_loaded(req: Request, resp: Response, error: NotLoadedError, params: dict[str, Any]) -> None:
    await _problem(req, resp, UnavailableProblem(f"{error}. Try again soon."), params)


async def _out_of_range(req: Request, resp: Response, _error: OutOfRangeError, params: dict[str, Any]) -> None:
    detail = (
        "select asks for a sum or mean of values so large that it lies beyond 64-bit floating point. Filter them out."
    )
    await _problem(req, resp, InvalidParameterProblem(detail, parameter="select"), params)


async def _version_gone(req: Request, resp: Response, _error: VersionGoneError, params: dict[str, Any]) -> None:
    detail = "Newer data took its place. Start again from the first page."
    await _problem(req, resp, CursorExpiredProblem(detail), params)


async def _http_error(req: Request, resp: Response, error: falcon.HTTPError, params: dict[str, Any]) -> None:
    headers = dict(error.headers or {})
    problem: Problem
    if isinstance(error, falcon.HTTPMethodNotAllowed):
        problem = MethodNotAllowedProblem(req.method, headers["Allow"])
    else:
        status = falcon.http_status_to_code(error.status)
        problem = HttpProblem(status, error.title or "HTTP error", error.description or "", headers)
    await _problem(req, resp, problem, params)


async def _unexpected(req: Request, resp: Response, error: Exception, params: dict[str, Any]) -> None:
    log.error("Unexpected error", exc_info=error, extra={"method": req.method, "route": req.uri_template})
    await _problem(req, resp, Problem("It was logged. Try again, and report it if it stays."), params)
