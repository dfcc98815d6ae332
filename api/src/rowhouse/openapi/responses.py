"""What can come back, beside the rows themselves: headers, and problems by status."""

from collections.abc import Iterable, Mapping
from typing import Any

from rowhouse.cache import Verdict
from rowhouse.openapi.schemas import Schema
from rowhouse.problems import (
    MEDIA_TYPE,
    CursorExpiredProblem,
    FormatUnavailableProblem,
    HttpProblem,
    InvalidKeyProblem,
    InvalidParameterProblem,
    MethodNotAllowedProblem,
    NoObjectStoreProblem,
    NotAcceptableProblem,
    ObjectStoreRefusedProblem,
    Problem,
    RouteNotFoundProblem,
    RowNotFoundProblem,
    TooManyExportsProblem,
    TooManyRequestsProblem,
    UnavailableProblem,
    UnknownFormatProblem,
    UnknownParameterProblem,
)

type Response = dict[str, Any]
type Kinds = tuple[type[Problem], ...]

ALWAYS: Kinds = (UnknownParameterProblem, InvalidParameterProblem, MethodNotAllowedProblem, Problem, HttpProblem)
ANSWER: Kinds = (*ALWAYS, NotAcceptableProblem, TooManyRequestsProblem, UnavailableProblem)
QUERY: Kinds = (*ANSWER, CursorExpiredProblem)
EXPORT: Kinds = (TooManyExportsProblem,)
SUFFIX: Kinds = (FormatUnavailableProblem,)
ROW: Kinds = (*ANSWER, InvalidKeyProblem, RowNotFoundProblem, RouteNotFoundProblem)
UPLOAD: Kinds = (*ALWAYS, NoObjectStoreProblem, UnavailableProblem, ObjectStoreRefusedProblem)
# What paths are answered with that the document does not have.
ELSEWHERE: Kinds = (RouteNotFoundProblem, UnknownFormatProblem)

_TAG = '^(?:W/)?"[0-9a-f]{32}"$'
_RETRY = "Retry-After"
# Where limits are set.
_LIMITS = ("RateLimit", "RateLimit-Policy")
_CHALLENGE = "WWW-Authenticate"
# What a problem of a status has besides.
_HEADERS: Mapping[int, tuple[str, ...]] = {
    401: (_CHALLENGE,),
    403: (_CHALLENGE,),
    405: ("Allow",),
    429: (_RETRY, *_LIMITS),
    503: (_RETRY,),
}


def headers() -> dict[str, Response]:
    """Return all response headers, by name."""
    described: dict[str, tuple[str, Schema]] = {
        "ETag": (
            "Changes with the data, the query, the format, the coding and the program; weak where rows may be newer",
            _text(_TAG),
        ),
        "Last-Modified": ("When the version of the data was loaded", _text()),
        "Cache-Control": ("How long the answer may be used again", _text()),
        "Vary": ("What other request headers the answer depends on", _text()),
        "Link": ("RFC 8288. `rel=next` is the next page, and is not there on the last one", _text()),
        "X-Cache": ("Where the answer came from", {"type": "string", "enum": [*Verdict]}),
        "Age": ("Seconds since the answer was made, when it came from the cache", {"type": "integer", "minimum": 0}),
        "Content-Disposition": ("A name for a file", _text()),
        "Location": ("Path of the row that was added", _text()),
        "Content-Location": ("Path of the row that the body is", _text()),
        "Idempotency-Replayed": ("The answer to an earlier request with this key", {"const": "true"}),
        "X-Request-Id": ("The request's own, or one made for it; it is in the log", _text()),
        _RETRY: ("Seconds after which another try makes sense", {"type": "integer", "minimum": 1}),
        "Allow": ("The methods that there are", _text()),
        "RateLimit": ("Requests that are left, `r`, and seconds until all are there again, `t`", _text()),
        "RateLimit-Policy": ("How many requests, `q`, in how many seconds, `w`, are never too many", _text()),
        _CHALLENGE: ("What is wrong with the API key (RFC 6750)", _text()),
    }
    return {name: {"description": text, "schema": schema} for name, (text, schema) in described.items()}


def reference(kind: str, name: str) -> Response:
    """Return the reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def cacheable(success: Response) -> dict[str, Response]:
    """Return the responses of a path whose answer a client may have already, but for the problems."""
    return {"200": success, "304": reference("responses", "not-modified"), "414": reference("responses", "too-long")}


def with_headers(response: Response, required: Iterable[str], optional: Iterable[str] = ()) -> Response:
    """Return the response with these headers, and the request's id."""
    # A header that is required is told so where it is used, and so cannot be a reference.
    known = headers()
    listed = {name: known[name] | {"required": True} for name in ("X-Request-Id", *required)}
    others = [name for name in (*optional, *_LIMITS) if name not in listed]
    return response | {"headers": listed | {name: reference("headers", name) for name in others}}


def not_modified() -> Response:
    """Return what a client gets that has the answer already."""
    return with_headers({"description": "The client has this answer already"}, ("ETag", "Cache-Control", "Vary"))


def too_long() -> Response:
    """Return what the server itself answers, as no request can be made of what it was sent."""
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {"description": "The first line of the request is longer than the server reads", "content": content}


def problem_schema() -> Schema:
    """Return the schema of all problems (RFC 9457)."""
    kinds = sorted(Problem.kinds(), key=lambda kind: kind.name)
    texts: Schema = {"type": "array", "items": {"type": "string"}}
    return {
        "type": "object",
        "description": "RFC 9457. " + " ".join(f"`{kind.name}`: {_told(kind)}" for kind in kinds),
        "properties": {
            "type": {"enum": [kind.type_uri() for kind in kinds], "description": "Stays the same in all releases"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string", "description": "What is wrong this time and what would be right"},
            "request_id": {"type": "string"},
            "parameter": {"type": "string", "description": "The one that is wrong"},
            "allowed": texts | {"description": "What would be right in its place"},
            "available": texts | {"description": "Formats or codings that there are"},
            "routes": texts | {"description": "Paths that there are"},
            "column": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object"}, "description": "`member` and `detail` of each"},
            "scope": {"type": "string", "description": "The one that the API key needs"},
        },
        "required": ["type", "title", "status", "request_id"],
    }


class Problems:
    """Describes problems by status, each combination of kinds once."""

    def __init__(self) -> None:
        """Begin with those that no path of the document has."""
        self.components: dict[str, Response] = {}
        self.by_status(ELSEWHERE)

    def by_status(self, kinds: Kinds) -> dict[str, Response]:
        """Return references to the responses for these kinds."""
        found: dict[int, list[type[Problem]]] = {}
        for kind in sorted(set(kinds), key=lambda kind: kind.name):
            found.setdefault(kind.status, []).append(kind)
        return {str(int(status)): self._reference(status, found[status]) for status in sorted(found)}

    def _reference(self, status: int, kinds: list[type[Problem]]) -> Response:
        name = ".".join(kind.name for kind in kinds)
        if name not in self.components:
            content = {MEDIA_TYPE: {"schema": _narrowed(status, kinds)}}
            response = {"description": " ".join(_told(kind) for kind in kinds), "content": content}
            own = _HEADERS.get(status, ())
            # What is not set up will not be there soon.
            required, optional = ((), own) if NoObjectStoreProblem in kinds else (own, ())
            self.components[name] = with_headers(response, ("Cache-Control", *required), optional)
        return reference("responses", name)


def _narrowed(status: int, kinds: list[type[Problem]]) -> Schema:
    properties: Schema = {"type": {"enum": [kind.type_uri() for kind in kinds]}}
    # What the HTTP layer itself refuses has a status of its own.
    if HttpProblem not in kinds:
        properties["status"] = {"const": status}
    return {"allOf": [{"$ref": "#/components/schemas/Problem"}, {"properties": properties}]}


def _told(kind: type[Problem]) -> str:
    return f"{kind.title}."


def _text(pattern: str = "") -> Schema:
    return {"type": "string"} | ({"pattern": pattern} if pattern else {})
