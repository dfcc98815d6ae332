"""Lets requests pass or refuses them, by their API key (RFC 6750: the header, never the query string)."""

from collections.abc import Mapping
from typing import Any

from falcon.asgi import Request, Response

from rowhouse.access.keys import Key, Keys
from rowhouse.access.scopes import Right
from rowhouse.access.token import PREFIX
from rowhouse.dataset import Dataset
from rowhouse.problems import ApiKeyRequiredProblem, InsufficientScopeProblem, InvalidApiKeyProblem, Problem

_READING = ("GET", "HEAD")


class Guard:
    """Finds out whose request it is, and whether its key may do what it asks for.

    On the route of a dataset whatever is not GET, HEAD or OPTIONS needs a key that may write. GET and HEAD need one
    that may read where the dataset is private. A key that is wrong is refused where none is needed too: whoever sends
    one means it. What else may be in the header is somebody else's, such as a proxy's.
    """

    def __init__(self, keys: Keys) -> None:
        """Take the keys."""
        self._keys = keys

    async def process_request(self, req: Request, resp: Response) -> None:  # noqa: ARG002 - as falcon calls it
        """Put the request's key into its context, or why there is none."""
        header = req.get_header("Authorization")
        req.context.key = req.context.refusal = None
        if header is not None and (text := _token(header)).startswith(PREFIX):
            req.context.key, req.context.refusal = self._judge(text)

    async def process_resource(
        self,
        req: Request,
        resp: Response,  # noqa: ARG002 - as falcon calls it
        resource: object,
        params: Mapping[str, Any],  # noqa: ARG002 - as falcon calls it
    ) -> None:
        """Refuse what the key may not do.

        Raises:
            ApiKeyRequiredProblem: There is no key.
            InsufficientScopeProblem: The key may not do it.
            InvalidApiKeyProblem: There is no such key.
            UnavailableProblem: The keys are not known.
        """
        dataset: Dataset | None = getattr(resource, "dataset", None)
        if dataset is None or req.method == "OPTIONS":
            return
        if req.context.refusal:
            raise req.context.refusal
        is_reading = req.method in _READING
        if is_reading and not dataset.private:
            return
        # Which methods there are is no secret: that one is missing is said first, to whomever.
        if not hasattr(resource, f"on_{req.method.lower()}"):
            return
        _refuse(req, dataset, Right.READ if is_reading else Right.WRITE)

    def _judge(self, text: str) -> tuple[Key | None, Problem | None]:
        try:
            return self._keys.find(text), None
        except Problem as problem:
            return None, problem


def _refuse(req: Request, dataset: Dataset, right: Right) -> None:
    """Raise a problem unless the request's key has the right."""
    scope = f"{dataset.name}:{right}"
    key: Key | None = req.context.key
    if key is None:
        if _token(req.get_header("Authorization") or ""):
            raise InvalidApiKeyProblem(f"That is no API key: one begins with {PREFIX}.")
        raise ApiKeyRequiredProblem(
            f"This needs an API key with the scope {scope}, in the header Authorization: Bearer {PREFIX}…", scope=scope
        )
    if not key.may(right, dataset.name):
        raise InsufficientScopeProblem(key.id, scope)


def _token(header: str) -> str:
    """Return what a header of the scheme Bearer holds; empty for other schemes."""
    scheme, _, text = header.partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""
