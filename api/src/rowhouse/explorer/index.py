"""The index: what there is to ask for, as data."""

from collections.abc import Iterable, Mapping
from typing import Any

from rowhouse import __version__
from rowhouse.choice import FORMATS
from rowhouse.dataset import Column, Dataset
from rowhouse.formats import Selection
from rowhouse.grouping import functions_of, parts_of
from rowhouse.query import operators_of
from rowhouse.versions import Version

type Node = dict[str, Any]


def index(datasets: Iterable[Dataset], versions: Mapping[str, Version]) -> Node:
    """Return the index; a dataset without a version is there too, without its number of rows."""
    return {
        "release": __version__,
        "datasets": [_dataset(dataset, versions.get(dataset.name)) for dataset in datasets],
        "links": {"self": "/", "description": "/openapi.json", "documentation": "/docs", "health": "/health"},
    }


def _dataset(dataset: Dataset, version: Version | None) -> Node:
    path = f"/{dataset.name}"
    selection = Selection(dataset, dataset.columns)
    point = dataset.point
    return {
        "name": dataset.name,
        "title": dataset.title,
        "description": dataset.description,
        "source": dataset.source,
        "version": version.number if version else None,
        "loaded_at": version.loaded_at if version else None,
        # Of a private dataset their number is not told either.
        "rows": version.rows if version and not dataset.private else None,
        "private": dataset.private,
        "writable": dataset.writable,
        "key": dataset.key.name,
        "point": {"longitude": point.longitude.name, "latitude": point.latitude.name} if point else None,
        "formats": [form.name for form in FORMATS if not form.obstacle(selection)],
        "columns": [_column(column, dataset) for column in dataset.columns],
        "links": {"rows": path, "aggregate": f"{path}/aggregate"},
    }


def _column(column: Column, dataset: Dataset) -> Node:
    """Say what it holds, and what it can be asked for: nothing where dataset.yml does not declare it."""
    is_declared = column == dataset.key or column in dataset.filters
    return {
        "name": column.name,
        "type": column.type,
        "unit": column.unit,
        "description": column.description,
        "required": column.required,
        "operators": operators_of(column) if is_declared else (),
        "parts": parts_of(column) if is_declared else (),
        "functions": functions_of(column) if is_declared else (),
    }
