"""Filter `source_hashes`: {image: hash of its sources} of stack_image_table."""

from collections.abc import Callable, Mapping
from pathlib import Path

from ansible.errors import AnsibleFilterError
from ansible_collections.rowhouse.platform.plugins.module_utils.source_hash import (
    ImageRow,
    MissingSourceError,
    source_hash,
)


def source_hashes(table: Mapping[str, ImageRow], root: str) -> dict[str, str]:
    """Return the hash of each image's sources; paths of the table start at `root`."""
    try:
        return {name: source_hash(table, name, Path(root)) for name in table}
    except MissingSourceError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"source_hashes": source_hashes}
