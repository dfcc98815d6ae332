"""The folders of the datasets: their descriptions, and their data files before an image of them is deployed."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import yaml


def descriptions(datasets_dir: Path) -> dict[str, str]:
    """Return {NAME: text of NAME/dataset.yml}, sorted by name."""
    return {path.parent.name: path.read_text(encoding="utf-8") for path in sorted(datasets_dir.glob("*/dataset.yml"))}


def file_problems(datasets_dir: Path) -> Iterator[str]:
    """Yield one sentence for every data file that is missing or empty; dataset.yml itself is valid.

    A writable dataset has none.
    """
    for description in sorted(datasets_dir.glob("*/dataset.yml")):
        file = yaml.safe_load(description.read_text(encoding="utf-8")).get("file")
        if file is None:
            continue
        path = description.parent / file
        if not path.is_file():
            yield f"{path} does not exist. Put the data there, or correct `file` in {description}."
        elif _is_empty(path):
            yield f"{path} is empty. Put the data there: at least one row, and in CSV a header."


def _is_empty(path: Path) -> bool:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        return not file.read(1)
