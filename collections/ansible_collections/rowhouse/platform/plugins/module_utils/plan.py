"""What a deployment would change, or has changed, in tables for people."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils import text_table

type Object = Mapping[str, Any]

# What a table shows of a digest.
_DIGEST = len("sha256:") + 12
_UNKNOWN = "known when loaded"
MADE, CHANGED = "made", "changed"


@dataclass(frozen=True)
class Plan:
    """What would change, or has.

    Attributes:
        objects: Kind/name of an object to what becomes of it.
        images: Name of a container to its image before and after; empty where there is none.
        datasets: Rows of the table: name, rows before, rows after, rejected rows.
        is_loading: Whether data are loaded.
        edits: Sentences about what somebody set by hand, and the deployment takes back.
        is_done: Whether it has happened.
    """

    objects: Mapping[str, str]
    images: Mapping[str, tuple[str, str]]
    datasets: Sequence[tuple[str, str, str, str]]
    is_loading: bool
    edits: Sequence[str]
    is_done: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes."""
        return not (self.objects or self.edits or self.is_loading)

    def lines(self) -> Iterator[str]:
        """Yield what is to be told."""
        if self.is_empty:
            yield "Nothing has changed." if self.is_done else "Nothing would change."
            return
        before, after = ("before", "now") if self.is_done else ("now", "then")
        becomes = "was" if self.is_done else "would be"
        if self.objects:
            yield from _table(("object", becomes), *sorted(self.objects.items()))
        if self.images:
            rows = [(name, short(now) or "none", short(then)) for name, (now, then) in sorted(self.images.items())]
            yield from _table(("image of", before, after), *rows)
        if self.is_loading:
            yield from _table(("dataset", f"rows {before}", f"rows {after}", "rejected"), *self.datasets)
        for edit in self.edits:
            yield f"set by hand, {becomes} taken back: {edit}"


def object_changes(applied: Mapping[str, str], secrets: Iterable[str], gone: Iterable[str]) -> dict[str, str]:
    """Return what becomes of each object that does not stay as it is.

    Args:
        applied: Kind/name to MADE or CHANGED, of each that an apply does not leave as it is.
        secrets: Names of Secrets that are made.
        gone: Kind/name of what is removed.
    """
    return {
        **applied,
        **{f"Secret/{name}": f"{MADE} (values are not shown)" for name in secrets},
        **dict.fromkeys(gone, "removed"),
    }


def image_changes(pairs: Iterable[tuple[Object | None, Object]]) -> dict[str, tuple[str, str]]:
    """Return the images that change, before and after, by workload/container.

    Args:
        pairs: A workload before, or None, and after.
    """
    changes = {}
    for old, new in pairs:
        before = _images(old) if old else {}
        for container, image in _images(new).items():
            if before.get(container) != image:
                changes[f"{new['metadata']['name']}/{container}"] = (before.get(container, ""), image)
    return changes


def _images(workload: Object) -> dict[str, str]:
    spec = workload["spec"]["template"]["spec"]
    return {item["name"]: item["image"] for item in [*spec.get("initContainers", []), *spec["containers"]]}


def dataset_rows(names: Iterable[str], log: str) -> list[tuple[str, str, str, str]]:
    """Return the table of the datasets, from the line in which `rowhouse load` tells of them all, where it ran.

    It is the last that is written. But it goes to standard output, and a cluster puts the lines of both outputs
    together as they reach it.
    """
    outcomes = next((line for line in reversed(log.splitlines()) if line.startswith("[")), "[]")
    tried = {item["dataset"]: item for item in json.loads(outcomes)}
    rows = []
    for name in names:
        item = tried.get(name)
        if item is None:
            rows.append((name, "none", _UNKNOWN, _UNKNOWN))
        else:
            before = "none" if item["rows_before"] is None else f"{item['rows_before']:,}"
            rows.append((name, before, f"{item['rows']:,}", f"{item['rejected']:,}"))
    return rows


def short(image: str) -> str:
    """Return the digest of an image in so many characters as people compare, or the whole of what has none."""
    _, _, digest = image.partition("@")
    return digest[:_DIGEST] or image


def _table(*rows: Sequence[str]) -> list[str]:
    return [*text_table.lines(*rows), ""]
