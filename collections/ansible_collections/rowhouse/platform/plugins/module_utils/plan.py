"""What a deployment would change, in tables for people."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils import text_table

type Object = Mapping[str, Any]

# What a table shows of a digest.
_DIGEST = len("sha256:") + 12
_UNKNOWN = "known when loaded"


@dataclass(frozen=True)
class Plan:
    """What would change.

    Attributes:
        objects: Kind/name of an object to what would become of it.
        images: Name of a container to its image now and then; empty where there is none.
        datasets: Rows of the table: name, rows now, rows then, rejected rows.
        is_loading: Whether data would be loaded.
        edits: Sentences about what somebody set by hand, and the deployment would take back.
    """

    objects: Mapping[str, str]
    images: Mapping[str, tuple[str, str]]
    datasets: Sequence[tuple[str, str, str, str]]
    is_loading: bool
    edits: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.objects or self.edits or self.is_loading)

    def lines(self) -> Iterator[str]:
        """Yield what is to be told."""
        if self.is_empty:
            yield "Nothing would change."
            return
        if self.objects:
            yield from _table(("object", "would be"), *sorted(self.objects.items()))
        if self.images:
            rows = [(name, short(now) or "none", short(then)) for name, (now, then) in sorted(self.images.items())]
            yield from _table(("image of", "now", "then"), *rows)
        if self.is_loading:
            yield from _table(("dataset", "rows now", "rows then", "rejected"), *self.datasets)
        for edit in self.edits:
            yield f"set by hand, would be taken back: {edit}"


def object_changes(diffs: Iterable[Mapping[str, str]], secrets: Iterable[str], gone: Iterable[str]) -> dict[str, str]:
    """Return what would become of each object that would not stay as it is.

    Args:
        diffs: {before_header: Kind/name, before: text, after: text} of each object that the applies would change.
        secrets: Names of Secrets that would be made.
        gone: Kind/name of what would be removed.
    """
    return {
        **{diff["before_header"]: "changed" if diff["before"] else "made" for diff in diffs},
        **{f"Secret/{name}": "made (values are not shown)" for name in secrets},
        **dict.fromkeys(gone, "removed"),
    }


def image_changes(pairs: Iterable[tuple[Object | None, Object]]) -> dict[str, tuple[str, str]]:
    """Return the images that would change, now and then, by workload/container.

    Args:
        pairs: A workload as it is, or None, and as it would be.
    """
    changes = {}
    for now, then in pairs:
        before = _images(now) if now else {}
        for container, image in _images(then).items():
            if before.get(container) != image:
                changes[f"{then['metadata']['name']}/{container}"] = (before.get(container, ""), image)
    return changes


def _images(workload: Object) -> dict[str, str]:
    spec = workload["spec"]["template"]["spec"]
    return {item["name"]: item["image"] for item in [*spec.get("initContainers", []), *spec["containers"]]}


def dataset_rows(names: Iterable[str], log: str) -> list[tuple[str, str, str, str]]:
    """Return the table of the datasets, from the last line of `rowhouse load --dry-run`, where it ran."""
    tried = {item["dataset"]: item for item in json.loads(log.strip().splitlines()[-1])} if log.strip() else {}
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
