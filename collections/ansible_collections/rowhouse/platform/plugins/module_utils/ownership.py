"""Whose an object and its fields are, as server-side apply keeps it in `metadata.managedFields`.

https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

type Object = Mapping[str, Any]
type Fields = dict[str, Any]

# `kubectl rollout restart` asks for something once; it is no edit of what the object should be.
_REQUESTS = frozenset({"f:kubectl.kubernetes.io/restartedAt"})


@dataclass(frozen=True)
class Edit:
    """Fields of an object that somebody else set."""

    manager: str
    paths: tuple[str, ...]


def is_applied_by(manager: str, item: Object) -> bool:
    """Return whether the manager has applied the object."""
    return any(_is_own(manager, entry) for entry in item["metadata"].get("managedFields", []))


def edits(manager: str, item: Object) -> list[Edit]:
    """Return what others than the manager set, beside metadata (which other controllers write to) and status."""
    return [
        Edit(entry["manager"], tuple(sorted(_paths(foreign))))
        for entry in item["metadata"].get("managedFields", [])
        if (foreign := _split(manager, entry)[1])
    ]


def taken_over(manager: str, item: Object) -> list[dict[str, Any]]:
    """Return managedFields in which the manager owns what `edits` finds: what it does not apply then goes.

    The way of https://pkg.go.dev/k8s.io/client-go/util/csaupgrade, for any other manager.
    """
    kept = []
    added: Fields = {}
    for entry in item["metadata"]["managedFields"]:
        own, foreign = _split(manager, entry)
        added = _union(added, foreign)
        if own:
            kept.append({**entry, "fieldsV1": own})
    return [
        {**entry, "fieldsV1": _union(entry["fieldsV1"], added)} if _is_own(manager, entry) else entry for entry in kept
    ]


def _is_own(manager: str, entry: Object) -> bool:
    return bool(entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource"))


def _split(manager: str, entry: Object) -> tuple[Fields, Fields]:
    """Return what stays with the entry, and what somebody put into the object itself."""
    fields: Fields = entry.get("fieldsV1", {})
    if _is_own(manager, entry) or entry.get("subresource"):
        return fields, {}
    foreign = {
        key: rest for key, value in fields.items() if key not in {"f:metadata", "f:status"} and (rest := _edit(value))
    }
    return {key: value for key, value in fields.items() if key not in foreign}, foreign


def _edit(fields: Fields) -> Fields | None:
    """Return the fields without requests; None when nothing else is there."""
    if not fields:
        return {}
    left = {key: rest for key, value in fields.items() if key not in _REQUESTS and (rest := _edit(value)) is not None}
    return left if left.keys() - {"."} else None


def _union(one: Fields, other: Fields) -> Fields:
    return {
        key: _union(one.get(key, {}), other.get(key, {})) for key in [*one, *(key for key in other if key not in one)]
    }


def _paths(fields: Fields, path: str = "") -> Iterator[str]:
    # A dot stands for the mapping or list item itself: it is there because of this manager.
    if not fields or "." in fields:
        yield path.removeprefix(".")
        return
    for key, value in fields.items():
        yield from _paths(value, path + _step(key))


def _step(key: str) -> str:
    """Return `f:name` as .name, `k:{"name":"api"}` as [name=api], `v:"x"` as [x]."""
    kind, _, name = key.partition(":")
    if kind == "k":
        return f"[{','.join(f'{field}={value}' for field, value in json.loads(name).items())}]"
    return f".{name}" if kind == "f" else f"[{name}]"


def names(items: Iterable[Object]) -> list[str]:
    """Return `Kind/name` of each."""
    return [f"{item['kind']}/{item['metadata']['name']}" for item in items]
