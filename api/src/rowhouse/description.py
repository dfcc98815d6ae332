"""Reads dataset.yml into a Dataset. Every mistake in every file is told at once."""

import re
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import yaml

from rowhouse.columns import named_column, parse_columns
from rowhouse.dataset import FILE_NAME, KEY_TYPES, RESERVED_NAMES, Column, ColumnType, Csv, Dataset, FileFormat, Point
from rowhouse.dialect import parse_csv
from rowhouse.errors import DatasetError
from rowhouse.findings import Findings

# PostgreSQL cuts identifiers at 63 bytes; a dataset's tables carry `_v` and the version's number behind the name.
_DATASET_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


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
        hint = "Name the folder that holds NAME/dataset.yml, here or in ROWHOUSE_DATASETS_DIR"
        raise DatasetError([f"{folder}: cannot be read ({error.strerror}). {hint}."]) from error


def _read_dataset(folder: Path) -> Dataset:
    path = folder / FILE_NAME
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise DatasetError([f"{path}: cannot be read ({error.strerror})."]) from error
    # ValueError: bytes that are no UTF-8, a date that the calendar lacks, a number of too many digits.
    except (yaml.YAMLError, ValueError) as error:
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
        self._findings = Findings(path)

    def dataset(self, name: str, content: object) -> Dataset:
        if not _DATASET_NAME.fullmatch(name):
            self._findings.report(
                f"the folder's name {name!r} becomes the route: "
                "use at most 40 lower-case letters, digits and underscores, a letter first"
            )
        elif name in RESERVED_NAMES:
            self._findings.report(f"{name!r} is a route of the API itself: rename the folder")
        values = self._findings.mapping(
            content,
            "",
            required=("title", "key", "columns"),
            optional=("file", "description", "source", "filters", "point", "csv", "max_rejects", "private", "writable"),
        )
        writable = self._findings.flag(values, "writable", "writable")
        if writable:
            self._refuse_file(values)
        elif "file" not in values:
            self._findings.report("the file: file is missing, and it is not writable")
        texts = {
            key: self._findings.text(values, key, key) for key in ("title", "description", "source", "file", "key")
        }
        if "/" in texts["file"]:
            self._findings.report(
                f"file: {texts['file']!r} must be a plain file name, the data lies beside {FILE_NAME}"
            )
        csv = parse_csv(values["csv"], self._findings) if "csv" in values else Csv()
        max_rejects = self._max_rejects(values.get("max_rejects", 0))
        private = self._findings.flag(values, "private", "private")
        columns = parse_columns(values.get("columns", {}), texts["key"], self._findings)
        key = self._named(texts["key"], columns, "key") if texts["key"] and columns else None
        if key and key.type not in KEY_TYPES:
            self._findings.report(
                f"key: column {key.name!r} has type {key.type}; a key is one of {', '.join(KEY_TYPES)}"
            )
        filters = self._filters(values.get("filters", []), columns)
        point = self._point(values["point"], columns) if "point" in values else None
        if self._findings.problems or key is None:
            raise DatasetError(self._findings.problems)
        del texts["key"]
        dataset = Dataset(
            name=name,
            key=key,
            columns=columns,
            filters=filters,
            point=point,
            csv=csv,
            max_rejects=max_rejects,
            writable=writable,
            private=private,
            **texts,
        )
        if "csv" in values and dataset.format is not FileFormat.CSV:
            self._findings.report(f"csv: {dataset.file} is {dataset.format}, not CSV. Take csv out")
            raise DatasetError(self._findings.problems)
        return dataset

    def _refuse_file(self, values: dict[str, object]) -> None:
        """Report what is said of a file, which a writable dataset does not have."""
        for key in ("file", "csv", "max_rejects"):
            if key in values:
                self._findings.report(
                    f"{key}: a writable dataset has no file, it starts empty. Take {key} out, or writable"
                )
        columns = values.get("columns")
        for name, column in columns.items() if isinstance(columns, dict) else ():
            if isinstance(column, dict) and "from" in column:
                self._findings.report(f"columns.{name}.from: a writable dataset has no file. Take from out")

    def _filters(self, content: object, columns: tuple[Column, ...]) -> tuple[Column, ...]:
        if not isinstance(content, list):
            self._findings.report("filters: must be a list of columns that clients may filter, sort and group by")
            return ()
        filters = [self._named(name, columns, "filters") for name in content]
        for column in filters:
            if column and column.type is ColumnType.JSON:
                self._findings.report(f"filters: column {column.name!r} has type json, which cannot be compared")
            if filters.count(column) > 1:
                self._findings.report(f"filters: {column and column.name!r} is there twice")
                break
        return tuple(column for column in filters if column)

    def _point(self, content: object, columns: tuple[Column, ...]) -> Point | None:
        values = self._findings.mapping(content, "point", required=("longitude", "latitude"), optional=())
        longitude, latitude = (
            self._named(values[name], columns, f"point.{name}") if name in values else None
            for name in ("longitude", "latitude")
        )
        for column in (longitude, latitude):
            if column and column.type is not ColumnType.NUMBER:
                self._findings.report(f"point: column {column.name!r} has type {column.type}, not number")
        return Point(longitude, latitude) if longitude and latitude else None

    def _named(self, name: object, columns: tuple[Column, ...], where: str) -> Column | None:
        return named_column(name, columns, where, self._findings)

    def _max_rejects(self, value: object) -> int:
        # To Python true is a number too.
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self._findings.report(f"max_rejects: must be a whole number from 0 on, not {value!r}")
        return 0
