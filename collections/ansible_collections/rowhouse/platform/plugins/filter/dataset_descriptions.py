"""Filter `dataset_descriptions`: folder of the datasets to {NAME: text of its dataset.yml}."""

from collections.abc import Callable
from pathlib import Path

from ansible_collections.rowhouse.platform.plugins.module_utils.datasets import descriptions


def dataset_descriptions(datasets_dir: str) -> dict[str, str]:
    """Return the descriptions, sorted by name."""
    return descriptions(Path(datasets_dir))


class FilterModule:
    def filters(self) -> dict[str, Callable[..., object]]:
        return {"dataset_descriptions": dataset_descriptions}
