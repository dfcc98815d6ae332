"""The hash of everything that an image is made from: equal hash, equal image (but for Debian's newer packages)."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NotRequired, TypedDict

from ansible_collections.rowhouse.platform.plugins.module_utils.refusal import RefusalError

# Left behind by running or installing code, and no part of any image.
LITTER = ("__pycache__", "*.egg-info")


class ImageRow(TypedDict):
    """A row of stack_image_table; relative paths start at the repository's root."""

    repository: str
    recipe: str
    context: NotRequired[str]
    base: NotRequired[str]
    sources: Sequence[str]


class MissingSourceError(RefusalError):
    """A path of the table, or an image that another one stands on, does not exist; the text names it."""


def source_hash(table: Mapping[str, ImageRow], name: str, root: Path) -> str:
    """Return the SHA-256 (hex) over path, executable bit and content of each source file, and over the base's hash.

    Paths count from their source's name on, so that two copies of the repository agree.

    Raises:
        MissingSourceError: a path of `sources`, or the image named by `base`, does not exist.
    """
    if name not in table:
        raise MissingSourceError(f"stack_image_table has no image {name}; it has {', '.join(table)}")
    row = table[name]
    lines = [f"base {source_hash(table, row['base'], root)}"] if "base" in row else []
    # By what is in them: a source given by its whole path is elsewhere on another machine.
    lines += sorted(line for source in row["sources"] for line in _describe(root / source))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _describe(source: Path) -> Iterator[str]:
    """Yield a line for each file of a source."""
    if source.is_file():
        files = [source]
    elif source.is_dir():
        files = [path for path in source.rglob("*") if path.is_file() and not _is_litter(path.relative_to(source))]
    else:
        raise MissingSourceError(f"{source} is a source of an image (stack_image_table) and does not exist")
    for file in files:
        yield (
            f"{file.relative_to(source.parent).as_posix()} {'program' if file.stat().st_mode & 0o100 else 'file'} "
            f"{hashlib.sha256(file.read_bytes()).hexdigest()}"
        )


def _is_litter(path: Path) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in LITTER)
