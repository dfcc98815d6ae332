"""dataset.yml: what a dataset is. The only source of identifiers that reach SQL."""

import hashlib
import json
import re
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from rowhouse.errors import DatasetError
from rowhouse.suggest import did_you_mean

FILE_NAME = "dataset.yml"

# The routes that the API has or keeps for itself; a dataset's name is its route.
RESERVED_NAMES = frozenset({"api", "docs", "health", "livez", "metrics", "openapi", "readyz"})

# PostgreSQL cuts identifiers at 63 bytes; a dataset's tables carry `_v` and the version's number behind the name.
_DATASET_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,62}")


class ColumnType(StrEnum):
    """Types of columns, as dataset.yml names them."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    JSON = "json"


# A key is compared in cursors and written in URLs: its text must round-trip exactly.
KEY_TYPES = (ColumnType.INTEGER, ColumnType.TEXT, ColumnType.DATE)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column, under the name that it has in the file's header and in JSON."""

    name: str
    type: ColumnType
    description: str = ""
    unit: str = ""
    required: bool = False


@dataclass(frozen=True)
class Point:
    """The two columns that place a row on a map, in degrees (WGS84)."""

    longitude: Column
    latitude: Column


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One table: its route is its name, which is its folder's name.

    Attributes:
        filters: The columns, besides the key, that clients may filter, sort and group by.
        point: Where a row lies, for GeoJSON.
        max_rejects: How many rows a load may leave out as they cannot be taken, before it fails.
    """

    name: str
    title: str
    description: str
    source: str
    file: str
    key: Column
    columns: tuple[Column, ...]
    filters: tuple[Column, ...] = ()
    point: Point | None = None
    max_rejects: int = 0

    @cached_property
    def schema_hash(self) -> str:
        """Sixteen hex digits that change with whatever changes the table's shape, and with nothing else."""
        shape = [
            self.key.name,
            [(column.name, column.type, column.required) for column in self.columns],
            [column.name for column in self.filters],
        ]
        return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:16]


def read_datasets(folder: Path) -> tuple[Dataset, ...]:
    """Read FOLDER/NAME/dataset.yml for every NAME, in the order of the names.

    Raises:
        DatasetError: With every problem in every file.
    """
    # A mounted ConfigMap holds its own bookkeeping in names that begin with dots.
    names = sorted(path.name for path in _subfolders(folder) if not path.name.startswith("."))
    if not names:
        raise DatasetError([f"{folder}: holds no dataset. Put NAME/{FILE_NAME} there."])
    problems: list[str] = []
    datasets = []
    for name in names:
        try:
            datasets.append(_read_dataset(folder / name))
        except DatasetError as error:
            problems.extend(error.problems)
    if problems:
        raise DatasetError(problems)
    return tuple(datasets)


def _subfolders(folder: Path) -> Iterable[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise DatasetError([f"{folder}: cannot be read ({error.strerror}). Is ROWHOUSE_DATASETS_DIR right?"]) from error


def _read_dataset(folder: Path) -> Dataset:
    path = folder / FILE_NAME
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise DatasetError([f"{path}: cannot be read ({error.strerror})."]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DatasetError([f"{path}: is not valid YAML: {' '.join(str(error).split())}"]) from error
    return _Parser(path).dataset(folder.name, content)


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses the same key twice, where the standard keeps the last without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is there twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _Parser:
    """Turns the content of one dataset.yml into a Dataset, collecting every problem on the way."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._problems: list[str] = []

    def dataset(self, name: str, content: object) -> Dataset:
        if not _DATASET_NAME.fullmatch(name):
            self._report(
                f"the folder's name {name!r} becomes the route: "
                "use at most 40 lower-case letters, digits and underscores, a letter first"
            )
        elif name in RESERVED_NAMES:
            self._report(f"{name!r} is a route of the API itself: rename the folder")
        values = self._mapping(
            content,
            "the file",
            required=("title", "file", "key", "columns"),
            optional=("description", "source", "filters", "point", "max_rejects"),
        )
        texts = {key: self._text(values, key, key) for key in ("title", "description", "source", "file", "key")}
        if "/" in texts["file"]:
            self._report(f"file: {texts['file']!r} must be a plain file name, the data lies beside {FILE_NAME}")
        max_rejects = self._max_rejects(values.get("max_rejects", 0))
        columns = self._columns(values.get("columns", {}), texts["key"])
        key = self._named(texts["key"], columns, "key") if texts["key"] and columns else None
        if key and key.type not in KEY_TYPES:
            self._report(f"key: column {key.name!r} has type {key.type}; a key is one of {', '.join(KEY_TYPES)}")
        filters = self._filters(values.get("filters", []), columns)
        point = self._point(values["point"], columns) if "point" in values else None
        if self._problems or key is None:
            raise DatasetError(self._problems)
        del texts["key"]
        return Dataset(
            name=name, key=key, columns=columns, filters=filters, point=point, max_rejects=max_rejects, **texts
        )

    def _filters(self, content: object, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        if not isinstance(content, list):
            self._report("filters: must be a list of columns that clients may filter, sort and group by")
            return ()
        filters = [self._named(name, columns, "filters") for name in content]
        for column in filters:
            if column and column.type is ColumnType.JSON:
                self._report(f"filters: column {column.name!r} has type json, which cannot be compared")
            if filters.count(column) > 1:
                self._report(f"filters: {column and column.name!r} is there twice")
                break
        return tuple(column for column in filters if column)

    def _point(self, content: object, columns: tuple[Column, ...]) -> Point | None:
        values = self._mapping(content, "point", required=("longitude", "latitude"), optional=())
        longitude, latitude = (
            self._named(values[name], columns, f"point.{name}") if name in values else None
            for name in ("longitude", "latitude")
        )
        for column in (longitude, latitude):
            if column and column.type is not ColumnType.NUMBER:
                self._report(f"point: column {column.name!r} has type {column.type}, not number")
        return Point(longitude, latitude) if longitude and latitude else None

    def _named(self, name: object, columns: tuple[Column, ...], where: str) -> Column | None:
        """Find a column that the file names elsewhere."""
        for column in columns:
            if column.name == name:
                return column
        near = did_you_mean(str(name), [column.name for column in columns])
        self._report(f"{where}: there is no column {name!r}.{near}")
        return None

    def _max_rejects(self, value: object) -> int:
        # To Python true is a number too.
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self._report(f"max_rejects: must be a whole number from 0 on, not {value!r}")
        return 0

    def _columns(self, content: object, key: str) -> tuple[Column, ...]:
        if not isinstance(content, dict) or not content:
            self._report("columns: must map each column's name to its type, in the order of the answer")
            return ()
        columns = [self._column(name, value, is_key=name == key) for name, value in content.items()]
        return tuple(column for column in columns if column)

    def _column(self, name: object, content: object, *, is_key: bool) -> Column | None:
        where = f"columns.{name}"
        if not isinstance(name, str) or not _COLUMN_NAME.fullmatch(name):
            self._report(f"{where}: a column's name is at most 63 letters, digits and underscores, a letter first")
            return None
        values = self._mapping(content, where, required=("type",), optional=("description", "unit", "required"))
        type_name = self._text(values, "type", f"{where}.type")
        if type_name and type_name not in ColumnType:
            near = did_you_mean(type_name, ColumnType)
            self._report(f"{where}.type: {type_name!r} is none of {', '.join(ColumnType)}.{near}")
        required = values.get("required", is_key)
        if not isinstance(required, bool) or (is_key and not required):
            self._report(f"{where}.required: must be true or false, and a key is always required")
        return Column(
            name=name,
            type=ColumnType(type_name) if type_name in ColumnType else ColumnType.TEXT,
            description=self._text(values, "description", f"{where}.description"),
            unit=self._text(values, "unit", f"{where}.unit"),
            required=bool(required),
        )

    def _mapping(
        self, content: object, where: str, *, required: tuple[str, ...], optional: tuple[str, ...]
    ) -> dict[str, object]:
        if not isinstance(content, dict):
            self._report(f"{where}: must be a mapping with {', '.join(required)}")
            return {}
        known = required + optional
        prefix = "" if where == "the file" else f"{where}."
        for key in content:
            if key not in known:
                self._report(f"{prefix}{key}: no such key.{did_you_mean(str(key), known)}")
        for key in required:
            if key not in content:
                self._report(f"{where}: {key} is missing")
        return {key: value for key, value in content.items() if key in known}

    def _text(self, values: dict[str, object], key: str, where: str) -> str:
        value = values.get(key, "")
        if not isinstance(value, str) or (key in values and not value.strip()):
            self._report(f"{where}: must be a text, not {value!r}")
            return ""
        return value.strip()

    def _report(self, problem: str) -> None:
        end = "" if problem.endswith("?") else "."
        self._problems.append(f"{self._path}: {problem}{end}")
