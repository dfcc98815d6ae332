"""Answers that are not data, as RFC 9457 problems: one class a kind, one shape for all."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus

from rowhouse.errors import RowhouseError

MEDIA_TYPE = "application/problem+json"
_TYPE_PREFIX = "urn:problem-type:rowhouse:"
_BEARER = 'Bearer realm="rowhouse"'


class Problem(RowhouseError):  # noqa: N818 - the name that RFC 9457 has for it
    """A problem to answer with.

    Attributes:
        status: HTTP status.
        name: Stable last part of `type`.
        title: The same text for every problem of the kind.
        headers: Response headers that belong to it.
        members: Further members of the body, such as the parameter that is wrong.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    name = "internal-error"
    title = "The server met an error that is not your fault"

    def __init__(self, detail: str = "", *, headers: Mapping[str, str] | None = None, **members: object) -> None:
        """Say in `detail` what is wrong this time and what would be right."""
        super().__init__(detail)
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = members

    def body(self) -> dict[str, object]:
        """Return the members of the problem's JSON object."""
        body: dict[str, object] = {"type": self.type_uri(), "title": self.title, "status": int(self.status)}
        if self.detail:
            body["detail"] = self.detail
        return body | self.members

    @classmethod
    def kinds(cls) -> Iterator[type["Problem"]]:
        """Yield this kind and those that are made from it: called on `Problem`, all that there are."""
        yield cls
        for kind in cls.__subclasses__():
            yield from kind.kinds()

    @classmethod
    def type_uri(cls) -> str:
        """Return the URI that stays the same, whatever becomes of titles and details."""
        return _TYPE_PREFIX + cls.name


class UnknownParameterProblem(Problem):
    """A query parameter that the route does not have."""

    status = HTTPStatus.BAD_REQUEST
    name = "unknown-parameter"
    title = "Unknown query parameter"


class InvalidParameterProblem(Problem):
    """A query parameter with a value that cannot be used."""

    status = HTTPStatus.BAD_REQUEST
    name = "invalid-parameter"
    title = "Invalid query parameter"


class InvalidKeyProblem(Problem):
    """A key in the path that no row can have."""

    status = HTTPStatus.BAD_REQUEST
    name = "invalid-key"
    title = "Invalid key"


class RowNotFoundProblem(Problem):
    """A well-formed key that no row has."""

    status = HTTPStatus.NOT_FOUND
    name = "row-not-found"
    title = "No row has this key"


class RouteNotFoundProblem(Problem):
    """A path that leads nowhere."""

    status = HTTPStatus.NOT_FOUND
    name = "route-not-found"
    title = "There is nothing here"


class UnknownFormatProblem(Problem):
    """A suffix that no format has."""

    status = HTTPStatus.NOT_FOUND
    name = "unknown-format"
    title = "Unknown format"


class FormatUnavailableProblem(Problem):
    """A format that these rows cannot be written in."""

    status = HTTPStatus.NOT_FOUND
    name = "format-unavailable"
    title = "Not available in this format"


class NotAcceptableProblem(Problem):
    """Accept or Accept-Encoding leaves nothing over that could be sent."""

    status = HTTPStatus.NOT_ACCEPTABLE
    name = "not-acceptable"
    title = "Nothing that the client accepts"


class MethodNotAllowedProblem(Problem):
    """A method that the route does not have."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    name = "method-not-allowed"
    title = "Method not allowed"

    def __init__(self, method: str, allowed: str) -> None:
        """Name the methods that the route has, as the header Allow lists them."""
        super().__init__(f"{method} is not allowed here. Allowed: {allowed}.", headers={"Allow": allowed})


class CursorExpiredProblem(Problem):
    """A cursor into a version that was dropped."""

    status = HTTPStatus.GONE
    name = "cursor-expired"
    title = "The cursor's version of the data is gone"


class ApiKeyRequiredProblem(Problem):
    """No key where one is needed."""

    status = HTTPStatus.UNAUTHORIZED
    name = "api-key-required"
    title = "An API key is required"
    _challenge = _BEARER

    def __init__(self, detail: str, **members: object) -> None:
        """Say what is needed."""
        # RFC 6750, 3: who has sent no key is not told of an error.
        super().__init__(detail, headers={"WWW-Authenticate": self._challenge}, **members)


class InvalidApiKeyProblem(ApiKeyRequiredProblem):
    """A key that is unknown, revoked or expired, or none at all."""

    name = "invalid-api-key"
    title = "Invalid API key"
    _challenge = f'{_BEARER}, error="invalid_token"'


class InsufficientScopeProblem(Problem):
    """A key that may do other things."""

    status = HTTPStatus.FORBIDDEN
    name = "insufficient-scope"
    title = "The API key may not do this"

    def __init__(self, key_id: str, scope: str) -> None:
        """Name the key, and the scope that it lacks."""
        challenge = f'{_BEARER}, error="insufficient_scope", scope="{scope}"'
        super().__init__(
            f"The key {key_id} lacks the scope {scope}.", headers={"WWW-Authenticate": challenge}, scope=scope
        )


class TooManyRequestsProblem(Problem):
    """More requests than the limit allows."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    name = "too-many-requests"
    title = "Too many requests"

    def __init__(self, whose: str, seconds: int) -> None:
        """Say whose limit it is, and after how many seconds the next request passes."""
        super().__init__(
            f"The limit of requests for {whose} is reached. Try again in {seconds} s.",
            headers={"Retry-After": str(seconds)},
        )


class UnavailableProblem(Problem):
    """Nothing to answer with at the moment; the same request may succeed later."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    name = "unavailable"
    title = "Not available at the moment"

    def __init__(self, detail: str) -> None:
        """Tell the client to come back soon."""
        super().__init__(detail, headers={"Retry-After": "1"})


class TooManyExportsProblem(Problem):
    """An export while every place for one is taken."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    name = "too-many-exports"
    title = "Too many exports at once"

    def __init__(self, places: int) -> None:
        """Name what is still to be had."""
        super().__init__(
            f"This process sends {places} exports already. Try again soon, or ask for pages by limit.",
            headers={"Retry-After": "5"},
        )


class NoObjectStoreProblem(Problem):
    """A request that writes to an object store where none is set up."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    name = "no-object-store"
    title = "No object store is configured"

    def __init__(self) -> None:
        """Say who can change that."""
        super().__init__("Whoever runs this API can name one: object_store_endpoint in its settings.")


class ObjectStoreRefusedProblem(Problem):
    """The object store answers, but not as it should: to no client's fault."""

    status = HTTPStatus.BAD_GATEWAY
    name = "object-store-refused"
    title = "The object store refuses what it is asked"

    def __init__(self) -> None:
        """Leave to the log what the store says, which names its host and who asks."""
        super().__init__("Its bucket or its keys are not what the settings say. The log has the store's own words.")


class HttpProblem(Problem):
    """An HTTP error that has no kind of its own here, such as a malformed request."""

    name = "http-error"

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str]) -> None:
        """Take over what the HTTP layer says."""
        super().__init__(detail, headers=headers)
        self.status = HTTPStatus(status)
        self.title = title
