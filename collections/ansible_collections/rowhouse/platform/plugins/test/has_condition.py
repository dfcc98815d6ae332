"""Test `has_condition`: whether a condition of a Kubernetes object holds."""

from collections.abc import Callable, Iterable, Mapping


def has_condition(conditions: Iterable[Mapping[str, str]], kind: str) -> bool:
    """Tell whether the condition of the kind is among them with status True."""
    return any(condition["type"] == kind and condition["status"] == "True" for condition in conditions)


class TestModule:
    def tests(self) -> dict[str, Callable[..., bool]]:
        return {"has_condition": has_condition}
