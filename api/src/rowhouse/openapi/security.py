"""API keys: the scheme, what the routes of a dataset need of one, and how they refuse."""

from typing import Any

from rowhouse.access.scopes import Right
from rowhouse.access.token import PREFIX
from rowhouse.dataset import Dataset
from rowhouse.openapi.responses import Kinds
from rowhouse.problems import ApiKeyRequiredProblem, InsufficientScopeProblem, InvalidApiKeyProblem

_NAME = "api_key"


def schemes() -> dict[str, Any]:
    """Return the one scheme that there is."""
    about = "An API key in the header Authorization. Which scope of the key a route needs is told with the route."
    return {_NAME: {"type": "http", "scheme": "bearer", "bearerFormat": f"{PREFIX}…", "description": about}}


def operation_of(dataset: Dataset, right: Right = Right.READ) -> dict[str, Any]:
    """Return the members of an operation that tell whose it is, and what it needs."""
    key = {_NAME: [f"{dataset.name}:{right}"]}
    return {"tags": [dataset.name], "security": [key] if _is_needed(dataset, right) else [{}, key]}


def refusals(dataset: Dataset, right: Right = Right.READ) -> Kinds:
    """Return the problems for those whose key is missing, wrong, or not enough."""
    if _is_needed(dataset, right):
        return ApiKeyRequiredProblem, InvalidApiKeyProblem, InsufficientScopeProblem
    return (InvalidApiKeyProblem,)


def _is_needed(dataset: Dataset, right: Right) -> bool:
    return dataset.private or right is Right.WRITE
