"""What may be wrong with a write."""

from collections.abc import Mapping
from http import HTTPStatus

from rowhouse.problems import Problem

# Of names that clients choose.
_SHOWN = 100


class MalformedBodyProblem(Problem):
    """A body that is no JSON object."""

    status = HTTPStatus.BAD_REQUEST
    name = "malformed-body"
    title = "The body is not a JSON object"


class BodyTooLargeProblem(Problem):
    """A body of more bytes than are read."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    name = "body-too-large"
    title = "The body is too large"

    def __init__(self, detail: str) -> None:
        """End the connection, on which the rest of the body may still be under way."""
        super().__init__(detail, headers={"Connection": "close"})


class UnsupportedMediaTypeProblem(Problem):
    """A body in another form than the route takes."""

    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    name = "unsupported-media-type"
    title = "The body has a form that is not taken here"


class InvalidRowProblem(Problem):
    """Members of a row that are not what dataset.yml says."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "invalid-row"
    title = "The row is not what the dataset takes"

    def __init__(self, errors: Mapping[str, str]) -> None:
        """Take what is wrong, by the member's name, each to be read behind that."""
        listed = [
            {"member": name[:_SHOWN], "detail": f"{name if name.isidentifier() else repr(name[:_SHOWN])} {text}"}
            for name, text in errors.items()
        ]
        detail = "; ".join(item["detail"] for item in listed)
        super().__init__(detail if detail.endswith("?") else f"{detail}.", errors=listed)


class ConflictProblem(Problem):
    """A value that no two rows may have, and another has."""

    status = HTTPStatus.CONFLICT
    name = "conflict"
    title = "Another row has this value"


class PreconditionFailedProblem(Problem):
    """If-Match, If-None-Match or If-Unmodified-Since rules out the state that there is."""

    status = HTTPStatus.PRECONDITION_FAILED
    name = "precondition-failed"
    title = "Not the state that the request asks for"


class InvalidIdempotencyKeyProblem(Problem):
    """An Idempotency-Key that cannot be one."""

    status = HTTPStatus.BAD_REQUEST
    name = "invalid-idempotency-key"
    title = "Invalid Idempotency-Key"


class IdempotencyKeyReusedProblem(Problem):
    """An Idempotency-Key that came with another request before."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    name = "idempotency-key-reused"
    title = "The Idempotency-Key belongs to another request"


class IdempotencyKeyInUseProblem(Problem):
    """An Idempotency-Key whose request is still being answered."""

    status = HTTPStatus.CONFLICT
    name = "idempotency-key-in-use"
    title = "The request with this Idempotency-Key is still under way"
