"""What a dataset is: the only source of identifiers that reach SQL. Read from dataset.yml by rowhouse.description."""

import hashlib
import json
from dataclasses import astuple, dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import PurePath

FILE_NAME = "dataset.yml"

# The routes that the API has or keeps for itself; a dataset's name is its route.
RESERVED_NAMES = frozenset({"api", "docs", "explorer", "health", "livez", "metrics", "openapi", "readyz"})

# The API's own parameters. A column's name is a parameter too, and stands before `__` in others.
PARAMETERS = ("limit", "cursor", "sort", "fields", "count", "select", "group_by", "format")


# What a rule compares values with, by the column's type.
type Value = int | float | str | date | datetime


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
    """One column.

    Attributes:
        name: Its name in PostgreSQL, URLs and JSON.
        header: Its name in the file, where that is another; `from` in dataset.yml.
        minimum: The least value that is taken; `maximum` is the greatest.
        enum: The values that are taken, all when it is empty.
        pattern: Regular expression that the whole value must match; it means the same to PostgreSQL, which asks it.
        unique: No two rows have the same value.
    """

    name: str
    type: ColumnType
    header: str = ""
    description: str = ""
    unit: str = ""
    required: bool = False
    minimum: Value | None = None
    maximum: Value | None = None
    enum: tuple[Value, ...] = ()
    pattern: str = ""
    unique: bool = False

    @property
    def name_in_file(self) -> str:
        """Its name in the file's header, or of the member of a JSON object."""
        return self.header or self.name

    @property
    def rules(self) -> dict[str, object]:
        """The rules that it has, by their keys in dataset.yml."""
        rules = {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "enum": self.enum or None,
            "pattern": self.pattern or None,
            "unique": self.unique or None,
        }
        return {key: value for key, value in rules.items() if value is not None}


class FileFormat(StrEnum):
    """What a data file holds; the ends of its name."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"


@dataclass(frozen=True, kw_only=True)
class Csv:
    """How a CSV file is written; the default is RFC 4180 in UTF-8.

    Attributes:
        delimiter: Between two fields.
        quote: Around a field; empty when no field is quoted.
        encoding: Python's name of it.
        decimal: Sign before the decimals of a number.
        missing_values: Texts that stand for null. The empty one does only without quotes.
    """

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    decimal: str = "."
    missing_values: tuple[str, ...] = ("",)


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
        csv: How the file is written, when it is CSV.
        max_rejects: How many rows a load may leave out as they cannot be taken, before it fails.
        writable: Whether its rows come from clients instead of a file; `file` is empty then.
        private: Whether reading needs an API key.
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
    csv: Csv = Csv()
    max_rejects: int = 0
    writable: bool = False
    private: bool = False

    @property
    def format(self) -> FileFormat:
        """What the file is, by its name."""
        end = PurePath(self.file.removesuffix(".gz")).suffix
        return {".json": FileFormat.JSON, ".ndjson": FileFormat.NDJSON, ".jsonl": FileFormat.NDJSON}.get(
            end, FileFormat.CSV
        )

    @property
    def reading(self) -> str:
        """What decides on the rows that a file gives, beside the file and the schema."""
        facts = [self.format, astuple(self.csv), [column.name_in_file for column in self.columns]]
        return json.dumps(facts)

    @property
    def groups(self) -> tuple[Column, ...]:
        """The columns that rows can be grouped by: those of the point too, so that groups have a place."""
        places = (self.point.longitude, self.point.latitude) if self.point else ()
        return tuple(dict.fromkeys((self.key, *self.filters, *places)))

    @cached_property
    def schema_hash(self) -> str:
        """Sixteen hex digits that change with the table's shape, its indexes or rules, and with nothing else."""
        shape = [
            self.key.name,
            [(column.name, column.type, column.required) for column in self.columns],
            [column.name for column in self.filters],
            [(column.name, column.rules) for column in self.columns if column.rules],
            *(["writable"] if self.writable else []),
        ]
        return hashlib.sha256(json.dumps(shape, default=str).encode()).hexdigest()[:16]
