"""Releases in words and in a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.rowhouse.platform.plugins.module_utils import text_table

type Facts = Mapping[str, Any]

_COLUMNS = (
    "release",
    "when (UTC)",
    "seconds",
    "by",
    "outcome",
    "what",
    "commit",
    "config",
    "images",
    "datasets",
    "reason",
)
_SHORT = 10


def told(release: Facts, source: Facts | None, *, is_new: bool) -> list[str]:
    """Return the last words about a release that was recorded, or that ran already.

    Args:
        release: Its facts.
        source: Those of the release that was rolled back to, if any.
        is_new: Whether this run made it.
    """
    how = f", {release['what']}: {release['outcome']} after {release['seconds']} s" if is_new else " runs as before"
    lines = [f"{release['name']}{how}, config {release['config']}"]
    before = source["datasets"] if source else {}
    for name, dataset in release["datasets"].items():
        if dataset["writable"]:
            lines.append(f"{name}: rows that clients write, which no release touches")
        else:
            way = _way(before.get(name), dataset) if source else ""
            lines.append(f"{name}: version {dataset['version']}{_rows(dataset)}{way}")
    return [*lines, *release["images"]]


def table(releases: Sequence[Facts]) -> list[str]:
    """Return the lines of a table, in the given order."""
    return text_table.lines(_COLUMNS, *map(_cells, releases))


def _cells(release: Facts) -> tuple[str, ...]:
    commit, _, dirty = str(release["commit"]).partition("-")
    return (
        release["name"],
        str(release["at"]).removesuffix("+00:00").replace("T", " "),
        str(release["seconds"]),
        release["by"],
        release["outcome"],
        release["what"],
        f"{commit[:_SHORT]}{'-' if dirty else ''}{dirty}",
        release["config"],
        " ".join(_short(image) for image in release["images"]),
        " ".join(f"{name}:{dataset['version']}" for name, dataset in release["datasets"].items()) or "-",
        str(release["reason"]).partition("\n")[0],
    )


def _short(image: str) -> str:
    """Return name@digest with no more of the digest than tells it from others."""
    repository, _, digest = image.partition("@")
    return f"{repository.rpartition('/')[2]}@{digest.removeprefix('sha256:')[:_SHORT]}"


def _rows(dataset: Facts) -> str:
    return "" if dataset["rows"] is None else f", {dataset['rows']:,} rows"


def _way(before: Facts | None, now: Facts) -> str:
    """Say how the version of a rollback came to be. Numbers are never used twice."""
    if before is None:
        return ""
    return (
        ", which was kept"
        if before["version"] == now["version"]
        else f", loaded again as version {before['version']} was not kept"
    )
